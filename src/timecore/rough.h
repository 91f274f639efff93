// About what time it is, from what Tor knows while the clock is too wrong for it to work. Pure.
//
// What counts is what no single stranger can make up (docs/tor.md): the consensus, which most directory authorities
// have signed, and clocks of relays in different networks that agree. A relay alone moves nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "timecore/sanity.h"

namespace sdwdate::timecore {

/// One relay's clock, as Tor met it.
struct RelayClock {
  std::string network;  ///< whose neighbours count as the same stranger: its /16 or /32
  RawOffset offset;     ///< theirs minus our raw clock
};

struct RoughEvidence {
  std::optional<sys_seconds> valid_after;  ///< of Tor's consensus
  std::optional<sys_seconds> fresh_until;
  std::vector<RelayClock> relays;
};

struct RoughTime {
  enum class Basis : std::uint8_t {
    floor,      ///< the clock is before this build's day
    consensus,  ///< the clock is before Tor's consensus
    relays,     ///< relays in several networks agree
  };
  RawOffset estimate;
  Basis basis{};
  std::size_t networks = 0;  ///< that agree, by relays

  bool operator==(const RoughTime&) const = default;
};

/// How far relays' clocks may differ and still agree.
inline constexpr nanoseconds kRelaysAgree = std::chrono::minutes{10};
/// A clock that is wrong by less is no reason for Tor not to work.
inline constexpr nanoseconds kRoughlyRight = std::chrono::minutes{30};

/// What is past without Tor's word.
struct KnownPast {
  sys_seconds built;    ///< this build's day: a clock before it is wrong, that is certain
  sys_seconds vouched;  ///< not before `built`: what two rounds have said
};

/// Nothing if the evidence does not show that the clock is wrong, or not by how much. The estimate is never before this
/// build's day or the consensus, nor after the ceiling; relays are not believed below the limits' floor either. It is
/// after the system clock unless relays in at least two networks, and in most of those heard, agree.
///
/// A floor that may be from the future is no rough time: one that two rounds have said is past counts only where the
/// clock is before this build's day, and relays that agree do not say that it is earlier.
std::optional<RoughTime> rough_time(const RoughEvidence& evidence, const base::ClockPair& now, const TimeLimits& limits,
                                    const KnownPast& past);

}  // namespace sdwdate::timecore
