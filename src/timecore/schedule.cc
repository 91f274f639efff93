#include "timecore/schedule.h"

#include <algorithm>

namespace sdwdate::timecore {
namespace {

constexpr nanoseconds kRampInterval = std::chrono::seconds{30};
constexpr unsigned kEvenRounds = 3;
constexpr nanoseconds kFirstRetry = std::chrono::seconds{4};
/// About the longest wait for another try, before jitter.
constexpr nanoseconds kLastRetry = std::chrono::seconds{256};
constexpr nanoseconds kLastLocalRetry = std::chrono::seconds{16};

/// `wait` doubled so many times, but no further than past `enough`.
nanoseconds doubled(nanoseconds wait, unsigned times, nanoseconds enough) {
  for (; times > 0 && wait < enough; --times) wait *= 2;
  return wait;
}

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
  return std::min(doubled(kRampInterval, doublings, settings_.maximum), interval(random));
}

nanoseconds Schedule::after_failure(Failure failure, std::uint64_t random) {
  const nanoseconds longest = failure == Failure::local ? kLastLocalRetry : kLastRetry;
  const nanoseconds wait = std::min(doubled(kFirstRetry, failures_in_a_row_++, longest), longest);
  return std::min(wait / 2 + uniform(wait, random), interval(random));
}

void Schedule::begin_anew() {
  successes_ = 0;
  failures_in_a_row_ = 0;
}

}  // namespace sdwdate::timecore
