#include "base/clock.h"

#include <ctime>

namespace sdwdate::base {
namespace {

std::chrono::nanoseconds read(clockid_t clock) noexcept {
  timespec now{};
  static_cast<void>(::clock_gettime(clock, &now));  // cannot fail for these two clocks
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

}  // namespace

RawClock::time_point RawClock::now() noexcept { return time_point{read(CLOCK_MONOTONIC_RAW)}; }

RealTime real_now() noexcept { return RealTime{read(CLOCK_REALTIME)}; }

ClockPair read_clock_pair() noexcept {
  constexpr int kTries = 5;
  ClockPair best;
  for (int i = 0; i < kTries; ++i) {
    const RawTime before = RawClock::now();
    const RealTime real = real_now();
    const RawTime after = RawClock::now();
    const auto half = (after - before) / 2 + std::chrono::nanoseconds{1};
    if (i == 0 || half < best.uncertainty) best = {before + half, real, half};
  }
  return best;
}

std::chrono::nanoseconds time_asleep() noexcept { return read(CLOCK_BOOTTIME) - read(CLOCK_MONOTONIC); }

bool slept_since(std::chrono::nanoseconds before) noexcept {
  constexpr auto kReadingInaccuracy = std::chrono::milliseconds{50};  // two clocks are read one after the other
  return time_asleep() - before > kReadingInaccuracy;
}

}  // namespace sdwdate::base
