// When the next round begins. Pure: the caller brings the random number and does the waiting.
#pragma once

#include <cstdint>

#include "timecore/offset.h"

namespace sdwdate::timecore {

/// The intervals between rounds.
struct ScheduleSettings {
  nanoseconds minimum = std::chrono::minutes{60};
  nanoseconds maximum = std::chrono::minutes{180};

  bool operator==(const ScheduleSettings&) const = default;
};

/// Counts rounds and says how long to wait after each. After the start chronyd wants samples close together
/// (three, 30 s apart, then doubling); from then on intervals are uniformly random between minimum and maximum.
/// Failures are retried after seconds, doubling with jitter. No wait is ever longer than the random interval.
class Schedule {
 public:
  explicit Schedule(const ScheduleSettings& settings) : settings_(settings) {}

  /// `random`: 64 uniformly random bits.
  nanoseconds after_success(std::uint64_t random);
  nanoseconds after_failure(std::uint64_t random);

 private:
  [[nodiscard]] nanoseconds interval(std::uint64_t random) const;

  ScheduleSettings settings_;
  unsigned successes_ = 0;
  unsigned failures_in_a_row_ = 0;
};

}  // namespace sdwdate::timecore
