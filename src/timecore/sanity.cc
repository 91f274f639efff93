#include "timecore/sanity.h"

#include <algorithm>

namespace sdwdate::timecore {

TimeLimits limits_from(sys_seconds floor, int years) {
  const sys_seconds earliest = std::clamp(floor, kEarliestDate, kLatestDate);
  const auto future = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::years{years});
  return {earliest, std::min(earliest + future, kLatestDate)};
}

std::expected<Agreed, Insane> check_sanity(const Agreed& agreed, base::RawTime at, const TimeLimits& limits) {
  const auto offset_for = [&](sys_seconds reference) {
    return RawOffset{reference.time_since_epoch() - at.time_since_epoch()};
  };
  const RawOffset floor = offset_for(limits.floor);
  if (agreed.bounds.upper < floor) return std::unexpected(Insane::before_floor);
  if (agreed.bounds.upper > offset_for(limits.ceiling)) return std::unexpected(Insane::after_ceiling);
  const RawBounds bounds{std::max(agreed.bounds.lower, floor), agreed.bounds.upper};
  return Agreed{bounds, bounds.clamp(agreed.estimate)};
}

TimeLimits limits_of_consensus(sys_seconds valid_after, sys_seconds valid_until) {
  constexpr auto kSignedBefore = std::chrono::minutes{15};
  constexpr auto kUsedAfter = std::chrono::days{1};
  const sys_seconds from = std::clamp(valid_after, kEarliestDate + kSignedBefore, kLatestDate - kUsedAfter);
  const sys_seconds until = std::clamp(valid_until, from, kLatestDate - kUsedAfter);
  return {from - kSignedBefore, until + kUsedAfter};
}

bool plausible(sys_seconds date, const TimeLimits& limits) {
  const auto span = limits.ceiling - limits.floor;
  return date >= std::max(limits.floor - span, kEarliestDate) && date <= limits.ceiling;
}

}  // namespace sdwdate::timecore
