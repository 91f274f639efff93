// The two clocks this project reads, as types that cannot be mixed up.
//
// Only the shell (probe, service, commands) calls now(); the core takes times as arguments.
#pragma once

#include <chrono>

namespace sdwdate::base {

/// CLOCK_MONOTONIC_RAW: never stepped, never slewed, the same for all processes of this boot.
struct RawClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<RawClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};

using RawTime = RawClock::time_point;

/// The system clock, the one chronyd disciplines, in nanoseconds since 1970 UTC (1678 to 2262).
using RealTime = std::chrono::sys_time<std::chrono::nanoseconds>;

RealTime real_now() noexcept;

/// Both clocks at one instant: `real` was read between `raw - uncertainty` and `raw + uncertainty`.
struct ClockPair {
  RawTime raw;
  RealTime real;
  std::chrono::nanoseconds uncertainty{0};
};

/// Reads the system clock between two reads of the raw clock; the best of a few tries.
ClockPair read_clock_pair() noexcept;

/// How long this machine has slept since boot; the raw clock stands still meanwhile.
std::chrono::nanoseconds time_asleep() noexcept;

/// Has it slept since time_asleep() was `before`?
bool slept_since(std::chrono::nanoseconds before) noexcept;

}  // namespace sdwdate::base
