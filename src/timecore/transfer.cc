#include "timecore/transfer.h"

#include <algorithm>

namespace sdwdate::timecore {
namespace {

using base::RawTime;
using std::chrono::seconds;

constexpr std::int64_t kPpm = 1'000'000;
constexpr nanoseconds kSecond = seconds{1};

/// The offset at which the reference showed `date` when the raw clock showed `at`.
RawOffset offset_at(sys_seconds date, RawTime at) { return {date.time_since_epoch() - at.time_since_epoch()}; }

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

/// Where the answers would meet if every stamp had been made half way through its exchange.
RawOffset symmetric_centre(std::span<const Exchange> exchanges) {
  Limits limits;
  for (const Exchange& exchange : exchanges) {
    if (exchange.stale) continue;
    const RawTime middle = exchange.sent + exchange.delay() / 2;
    const RawOffset low = offset_at(exchange.date, middle);
    limits.tighten(low, low + kSecond);
  }
  return midpoint(limits.lower, limits.upper);
}

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
  }
  if (limits.lower <= limits.upper) return RawBounds{limits.lower, limits.upper};
  if (limits.lower - limits.upper > options.slack) return std::unexpected(NoBounds::contradiction);
  return RawBounds{limits.upper - options.slack, limits.lower + options.slack};
}

RawOffset estimate(std::span<const Exchange> exchanges, const RawBounds& bounds) {
  return bounds.clamp(symmetric_centre(exchanges));
}

nanoseconds smallest_delay(std::span<const Exchange> exchanges) {
  if (exchanges.empty()) return nanoseconds{0};
  return std::ranges::min(exchanges, {}, &Exchange::delay).delay();
}

RawTime plan_next(std::span<const Exchange> exchanges, const TransferOptions& options, RawTime now) {
  const auto bounds = combine(exchanges, options, now);
  if (!bounds) return now;  // nothing to aim at: any instant tells as much
  const RawOffset centre = estimate(exchanges, *bounds);
  const nanoseconds half_delay = smallest_delay(exchanges) / 2;
  const nanoseconds arrival = (now + half_delay).time_since_epoch() + centre.value;
  const nanoseconds into_second = arrival % kSecond;  // positive: the reference is after 1970
  return into_second == nanoseconds{0} ? now : now + (kSecond - into_second);
}

}  // namespace sdwdate::timecore
