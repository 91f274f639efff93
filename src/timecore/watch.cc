#include "timecore/watch.h"

#include <algorithm>

namespace sdwdate::timecore {
namespace {

/// How much two clocks of one machine may diverge: quartz is good for 100 ppm, and a battery clock for somewhat less.
constexpr std::int64_t kDriftDivisor = 5000;  // 200 ppm
constexpr nanoseconds kShortestSleep = std::chrono::milliseconds{100};
/// A battery clock counts whole seconds, and two of its seconds may be missing by chance and reading time.
constexpr nanoseconds kShortestPause = std::chrono::seconds{3};
/// A battery clock that shows the system's time has been set from it (the kernel does that every 11 minutes).
constexpr nanoseconds kSameTime = std::chrono::seconds{2};
/// What chronyd may still be correcting after it has set the clock.
constexpr nanoseconds kShortestStep = std::chrono::milliseconds{100};

nanoseconds drift(nanoseconds elapsed) { return elapsed / kDriftDivisor; }

RawBounds aged(const Known& known, base::RawTime at) { return known.result.bounds.widened(drift(at - known.at)); }

/// By how much more than this machine's own clocks the battery clock advanced.
nanoseconds gained_by_rtc(const Look& before, const Look& now) {
  if (!before.rtc || !now.rtc) return nanoseconds{0};
  const nanoseconds elapsed = now.clocks.raw - before.clocks.raw + now.asleep - before.asleep;
  const nanoseconds gained = (*now.rtc - *before.rtc) - elapsed;
  const bool set_from_system = std::chrono::abs(*now.rtc - now.clocks.real) < kSameTime;
  return gained < kShortestPause + drift(elapsed) || set_from_system ? nanoseconds{0} : gained;
}

}  // namespace

nanoseconds outside(const Known& known, const base::ClockPair& now) {
  const Bounds bounds = against_system_clock(aged(known, now.raw), now);
  return std::max({bounds.lower.value, -bounds.upper.value, nanoseconds{0}});
}

bool consistent(const Known& earlier, const Known& later) {
  return aged(earlier, later.at).touches(later.result.bounds);
}

Finding compare(const Look& before, const Look& now, const std::optional<Known>& known) {
  if (const nanoseconds slept = now.asleep - before.asleep; slept >= kShortestSleep) {
    return {Disturbance::slept, slept};
  }
  if (const nanoseconds gained = gained_by_rtc(before, now); gained > nanoseconds{0}) {
    return {Disturbance::paused, gained};
  }
  if (known && outside(*known, now.clocks) > outside(*known, before.clocks) + kShortestStep) {
    return {Disturbance::stepped, (now.clocks.real - before.clocks.real) - (now.clocks.raw - before.clocks.raw)};
  }
  return {};
}

}  // namespace sdwdate::timecore
