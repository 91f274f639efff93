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

/// How a round failed, as far as it matters for when to try again.
enum class Failure : std::uint8_t {
  unheard,  ///< servers were reached, or may have been
  local,    ///< nothing left this machine or its network: trying again costs nobody anything
};

/// Counts rounds and says how long to wait after each. After the start chronyd wants samples close together
/// (three, 30 s apart, then doubling); from then on intervals are uniformly random between minimum and maximum.
/// Failures are retried after seconds, doubling with jitter up to minutes. No wait is ever longer than the random
/// interval.
class Schedule {
 public:
  explicit Schedule(const ScheduleSettings& settings) : settings_(settings) {}

  /// `random`: 64 uniformly random bits.
  nanoseconds after_success(std::uint64_t random);
  nanoseconds after_failure(Failure failure, std::uint64_t random);

  /// Samples must come close together again, from the next success on: the clock has jumped, or chronyd has forgotten.
  void begin_anew();
  /// There is new hope (a link came up): the next failure is retried after seconds again.
  void forgive() { failures_in_a_row_ = 0; }

 private:
  [[nodiscard]] nanoseconds interval(std::uint64_t random) const;

  ScheduleSettings settings_;
  unsigned successes_ = 0;
  unsigned failures_in_a_row_ = 0;
};

}  // namespace sdwdate::timecore
