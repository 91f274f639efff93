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

sys_seconds past_by_consensus(sys_seconds valid_after) {
  constexpr auto kSignedBefore = std::chrono::minutes{15};
  return std::clamp(valid_after, kEarliestDate + kSignedBefore, kLatestDate) - kSignedBefore;
}

bool outlives_consensus(sys_seconds now, sys_seconds valid_until) {
  constexpr auto kUsedAfter = std::chrono::days{1};
  return now > std::clamp(valid_until, kEarliestDate, kLatestDate) + kUsedAfter;
}

bool plausible(sys_seconds date, const TimeLimits& limits) {
  const auto span = limits.ceiling - limits.floor;
  return date >= std::max(limits.floor - span, kEarliestDate) && date <= limits.ceiling;
}

}  // namespace sdwdate::timecore
