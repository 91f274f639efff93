// The last gate before chrony: a time that cannot be is never handed over. Pure.
#pragma once

#include <cstdint>
#include <expected>

#include "timecore/offset.h"

namespace sdwdate::timecore {

/// Between which times "now" must lie.
struct TimeLimits {
  sys_seconds floor;    ///< this build, or the last agreed time, whichever is later
  sys_seconds ceiling;  ///< the floor and some decades

  bool operator==(const TimeLimits&) const = default;
};

/// Limits from the newest time known to be past, with so many years given to the future; both within
/// [kEarliestDate, kLatestDate].
TimeLimits limits_from(sys_seconds floor, int years);

enum class Insane : std::uint8_t { before_floor, after_ceiling };

/// An agreed result at one raw time.
struct Agreed {
  RawBounds bounds;
  RawOffset estimate;
};

/// The floor is evidence like any other (docs/estimate.md, T5): bounds that reach below it are cut there,
/// bounds that lie below it are refused, and bounds that reach beyond the ceiling are refused.
std::expected<Agreed, Insane> check_sanity(const Agreed& agreed, base::RawTime at, const TimeLimits& limits);

/// What is past if Tor has a consensus that is valid from then on: most directory authorities have signed it, and they
/// do so minutes before. That it is not long over, as Tor believes, is no evidence: Tor goes by the clock in question.
sys_seconds past_by_consensus(sys_seconds valid_after);

/// Must Tor have found another consensus by `now`? It uses one for a day after its end, and no longer.
bool outlives_consensus(sys_seconds now, sys_seconds valid_until);

/// Is a single Date worth looking at? Wider than the limits by as much below as above, so that a source
/// a few years wrong is shown for what it says, and one that is a century off is not. Implies a date in
/// [kEarliestDate, kLatestDate].
bool plausible(sys_seconds date, const TimeLimits& limits);

}  // namespace sdwdate::timecore
