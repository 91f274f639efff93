#include "timecore/transfer.h"

#include <algorithm>

namespace sdwdate::timecore {
namespace {

using base::RawTime;

constexpr std::int64_t kPpm = 1'000'000;

/// How much less than the truth an Age may be: caches round it, and begin to count when the answer has come to them.
constexpr nanoseconds kAgeRounding = std::chrono::seconds{1};
/// The largest Age that bounds anything.
constexpr std::chrono::seconds kLongestAge = std::chrono::days{1};
/// Bounds by caches alone that are wider say next to nothing, and would go along with any lie.
constexpr nanoseconds kWidestCached = std::chrono::seconds{5};
/// With a larger lag, a server is expected to be late.
constexpr nanoseconds kSharpLag = std::chrono::milliseconds{100};

/// The offset at which the reference showed `date` when the raw clock showed `at`.
RawOffset offset_at(base::RealTime shown, RawTime at) { return {shown.time_since_epoch() - at.time_since_epoch()}; }

nanoseconds drift(nanoseconds age, const TransferOptions& options) {
  // Dividing first keeps an age of years from overflowing; rounding up keeps the bound true.
  return (age / kPpm + nanoseconds{1}) * options.drift_ppm;
}

/// Two limits that exchanges push towards each other and, if they contradict, past each other.
struct Limits {
  RawOffset lower{nanoseconds::min()};
  RawOffset upper{nanoseconds::max()};

  void at_least(RawOffset low) { lower = std::max(lower, low); }
  void at_most(RawOffset high) { upper = std::min(upper, high); }
  [[nodiscard]] bool open() const { return upper.value == nanoseconds::max(); }
};

/// How long after `date` the Date may have been read; empty if there is no telling.
std::optional<nanoseconds> true_for(const Exchange& exchange, const Standing& standing,
                                    const TransferOptions& options) {
  if (standing.ours) return kSecond + options.lag;
  if (!exchange.age || *exchange.age > kLongestAge) return std::nullopt;
  return kSecond + options.lag + *exchange.age + kAgeRounding;
}

/// Are there two finer times at least, and all different? A cache would repeat its own.
bool fine_times_are_live(std::span<const Exchange> exchanges) {
  std::vector<base::RealTime> times;
  for (const Exchange& exchange : exchanges) {
    if (exchange.fine) times.push_back(exchange.fine->time);
  }
  std::ranges::sort(times);
  return times.size() >= 2 && std::ranges::adjacent_find(times) == times.end();
}

}  // namespace

std::vector<Standing> standings(std::span<const Exchange> exchanges, const TransferOptions& options) {
  std::vector<sys_seconds> cached;
  for (const Exchange& exchange : exchanges) {
    if (exchange.age) cached.push_back(exchange.date);
  }
  std::ranges::sort(cached);
  const bool live = fine_times_are_live(exchanges);
  std::vector<Standing> result;
  result.reserve(exchanges.size());
  for (const Exchange& exchange : exchanges) {
    const bool ours = !exchange.age && !std::ranges::binary_search(cached, exchange.date);
    const bool fine = fine_time_agrees(exchange, options);
    result.push_back({ours, fine, fine && (ours || live)});
  }
  return result;
}

bool heard_live(std::span<const Exchange> exchanges, const TransferOptions& options) {
  return std::ranges::any_of(standings(exchanges, options),
                             [](const Standing& standing) { return standing.ours || standing.fine_ours; });
}

bool has_ticked(std::span<const Exchange> exchanges, const TransferOptions& options) {
  const auto standing = standings(exchanges, options);
  std::optional<sys_seconds> first;
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    if (!standing[i].ours) continue;
    if (first && *first != exchanges[i].date) return true;
    first = exchanges[i].date;
    if (exchanges[i].spread > std::chrono::seconds{0}) return true;
  }
  return false;
}

std::expected<RawBounds, NoBounds> combine(std::span<const Exchange> exchanges, const TransferOptions& options,
                                           RawTime at) {
  if (exchanges.empty()) return std::unexpected(NoBounds::no_exchange);
  const auto standing = standings(exchanges, options);
  bool live = false;
  Limits limits;
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    const Exchange& exchange = exchanges[i];
    const nanoseconds age = drift(at - exchange.sent, options);
    limits.at_least(offset_at(exchange.date + exchange.spread, exchange.received) - age);
    if (const auto length = true_for(exchange, standing[i], options)) {
      limits.at_most(offset_at(exchange.date, exchange.sent) + (*length + age));
    }
    if (standing[i].fine) limits.at_least(offset_at(exchange.fine->time, exchange.received) - age);
    if (standing[i].fine_ours) {
      limits.at_most(offset_at(exchange.fine->time, exchange.sent) +
                     (exchange.fine->resolution + options.fine_lag + age));
    }
    live = live || standing[i].ours || standing[i].fine_ours;
  }
  if (limits.open()) return std::unexpected(NoBounds::only_stale);
  if (limits.lower <= limits.upper) {
    const RawBounds bounds{limits.lower, limits.upper};
    if (!live && bounds.width() > kWidestCached + options.lag) return std::unexpected(NoBounds::only_stale);
    return bounds;
  }
  if (limits.lower - limits.upper > options.slack) return std::unexpected(NoBounds::contradiction);
  return RawBounds{limits.upper - options.slack, limits.lower + options.slack};
}

TransferOptions allowing_late(TransferOptions options) {
  options.lag += kLatest;
  return options;
}

std::expected<Claim, NoBounds> claim(std::span<const Exchange> exchanges, const TransferOptions& options, RawTime at) {
  const auto certain = combine(exchanges, allowing_late(options), at);
  if (!certain) return std::unexpected(certain.error());
  const auto narrow = combine(exchanges, options, at);
  if (narrow) {
    // Machines that differ within the slack move the lower end, too.
    return Claim{*narrow, certain->hull(*narrow), options.lag <= kSharpLag && heard_live(exchanges, options)};
  }
  const bool late = narrow.error() == NoBounds::contradiction && has_ticked(exchanges, options);
  if (!late) return std::unexpected(narrow.error());
  return Claim{*certain, *certain, false};
}

bool fine_time_agrees(const Exchange& exchange, const TransferOptions& options) {
  if (!exchange.fine || exchange.fine->time > base::RealTime{kLatestDate}) return false;
  if (exchange.age && *exchange.age > kLongestAge) return false;
  // Both were written within the exchange, and differ by its delay at most; unless the Date is a cache's.
  const nanoseconds old = exchange.age ? *exchange.age + kAgeRounding : nanoseconds{0};
  const nanoseconds ahead = exchange.fine->time - exchange.date;
  return ahead + exchange.fine->resolution + options.fine_lag + exchange.delay() >= nanoseconds{0} &&
         ahead <= kSecond + options.lag + exchange.delay() + exchange.spread + old;
}

std::size_t drop_false_fine_times(std::vector<Exchange>& exchanges, const TransferOptions& options) {
  std::size_t dropped = 0;
  const auto drop_if = [&](const auto& is_false) {
    for (Exchange& exchange : exchanges) {
      if (!exchange.fine || !is_false(exchange)) continue;
      exchange.fine.reset();
      ++dropped;
    }
  };
  drop_if([&](const Exchange& exchange) { return !fine_time_agrees(exchange, options); });
  if (exchanges.empty()) return dropped;
  const auto bounds = combine(exchanges, options, std::ranges::max(exchanges, {}, &Exchange::received).received);
  if (!bounds && bounds.error() == NoBounds::contradiction) drop_if([](const Exchange&) { return true; });
  return dropped;
}

nanoseconds smallest_delay(std::span<const Exchange> exchanges) {
  if (exchanges.empty()) return nanoseconds{0};
  return std::ranges::min(exchanges, {}, &Exchange::delay).delay();
}

}  // namespace sdwdate::timecore
