#include "timecore/transfer.h"

#include <algorithm>

namespace sdwdate::timecore {
namespace {

using base::RawTime;

constexpr std::int64_t kPpm = 1'000'000;

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

  void tighten(RawOffset low, RawOffset high) {
    lower = std::max(lower, low);
    upper = std::min(upper, high);
  }
};

}  // namespace

std::expected<RawBounds, NoBounds> combine(std::span<const Exchange> exchanges, const TransferOptions& options,
                                           RawTime at) {
  if (exchanges.empty()) return std::unexpected(NoBounds::no_exchange);
  if (std::ranges::all_of(exchanges, &Exchange::stale)) return std::unexpected(NoBounds::only_stale);

  Limits limits;
  for (const Exchange& exchange : exchanges) {
    const nanoseconds age = drift(at - exchange.sent, options);
    const RawOffset low = offset_at(exchange.date, exchange.received) - age;
    const RawOffset high = offset_at(exchange.date, exchange.sent) + (kSecond + options.lag + age);
    limits.tighten(low, exchange.stale ? limits.upper : high);
    if (!fine_time_agrees(exchange, options)) continue;
    const RawOffset fine_low = offset_at(exchange.fine->time, exchange.received) - age;
    const RawOffset fine_high =
        offset_at(exchange.fine->time, exchange.sent) + (exchange.fine->resolution + options.fine_lag + age);
    limits.tighten(fine_low, exchange.stale ? limits.upper : fine_high);
  }
  if (limits.lower <= limits.upper) return RawBounds{limits.lower, limits.upper};
  if (limits.lower - limits.upper > options.slack) return std::unexpected(NoBounds::contradiction);
  return RawBounds{limits.upper - options.slack, limits.lower + options.slack};
}

bool fine_time_agrees(const Exchange& exchange, const TransferOptions& options) {
  if (!exchange.fine) return false;
  // Both were written within the exchange: the two instants differ by its delay at most.
  const nanoseconds ahead = exchange.fine->time - exchange.date;
  return ahead + exchange.fine->resolution + options.fine_lag + exchange.delay() >= nanoseconds{0} &&
         ahead <= kSecond + options.lag + exchange.delay();
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
