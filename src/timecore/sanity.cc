#include "timecore/sanity.h"

#include <algorithm>

namespace sdwdate::timecore {

TimeLimits limits_from(sys_seconds floor, int years) {
  return {floor, floor + std::chrono::duration_cast<std::chrono::seconds>(std::chrono::years{years})};
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

bool plausible(sys_seconds date, const TimeLimits& limits) {
  const auto span = limits.ceiling - limits.floor;
  return date >= limits.floor - span && date <= limits.ceiling;
}

}  // namespace sdwdate::timecore
