#include "timecore/schedule.h"

#include <algorithm>

namespace sdwdate::timecore {
namespace {

constexpr nanoseconds kRampInterval = std::chrono::seconds{30};
constexpr unsigned kEvenRounds = 3;
constexpr nanoseconds kFirstRetry = std::chrono::seconds{4};
constexpr unsigned kMostDoublings = 12;  // 30 s and 4 s doubled 12 times are hours: past any useful interval

nanoseconds doubled(nanoseconds wait, unsigned times) { return wait * (1U << std::min(times, kMostDoublings)); }

/// Uniform in [0, limit]; the bias of the modulo is below 2^-20 for hours in nanoseconds.
nanoseconds uniform(nanoseconds limit, std::uint64_t random) {
  return nanoseconds{static_cast<std::int64_t>(random % (static_cast<std::uint64_t>(limit.count()) + 1))};
}

}  // namespace

nanoseconds Schedule::interval(std::uint64_t random) const {
  return settings_.minimum + uniform(settings_.maximum - settings_.minimum, random);
}

nanoseconds Schedule::after_success(std::uint64_t random) {
  failures_in_a_row_ = 0;
  const unsigned doublings = successes_ < kEvenRounds - 1 ? 0 : successes_ - (kEvenRounds - 2);
  ++successes_;
  return std::min(doubled(kRampInterval, doublings), interval(random));
}

nanoseconds Schedule::after_failure(std::uint64_t random) {
  const nanoseconds wait = doubled(kFirstRetry, failures_in_a_row_++);
  return std::min(wait / 2 + uniform(wait, random), interval(random));
}

}  // namespace sdwdate::timecore
