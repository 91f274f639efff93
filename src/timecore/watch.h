// What has happened to the clocks while nobody was measuring. Pure.
//
// The raw clock that all measuring is done on stands still while the machine sleeps and, in a virtual machine, while
// the whole machine is paused; the system clock can be set by anybody who has the right to. After either, what was
// agreed before says nothing about the clock any more.
#pragma once

#include <cstdint>
#include <optional>

#include "timecore/sanity.h"

namespace sdwdate::timecore {

/// One look at every clock this machine has.
struct Look {
  base::ClockPair clocks;
  nanoseconds asleep{0};           ///< base::time_asleep()
  std::optional<sys_seconds> rtc;  ///< the battery clock, in whole seconds, if there is one
};

/// What the last round said, at `at`.
struct Known {
  Agreed result;
  base::RawTime at;
};

/// How far the system clock lies outside what is known, which widens as it ages; 0 within.
nanoseconds outside(const Known& known, const base::ClockPair& now);

/// Could both be true of one reference clock, the second being no older?
bool consistent(const Known& earlier, const Known& later);

enum class Disturbance : std::uint8_t {
  none,
  slept,    ///< suspended, and resumed
  paused,   ///< every clock but the battery clock stood still: a paused virtual machine
  stepped,  ///< somebody set the system clock, away from what is known
};

struct Finding {
  Disturbance what = Disturbance::none;
  nanoseconds by{0};  ///< how long it slept or was paused, how far the clock was set; negative: back
};

/// What happened between two looks. Setting the clock towards what is known is chronyd's work and no disturbance.
Finding compare(const Look& before, const Look& now, const std::optional<Known>& known);

}  // namespace sdwdate::timecore
