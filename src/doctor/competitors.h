// Programs that set the clock, or tell another program how, and that must not run beside ours.
#pragma once

#include "doctor/facts.h"
#include "machine/processes.h"
#include "machine/systemd.h"

namespace sdwdate::doctor {

/// Of the units that may start them, what to ask systemd for.
std::vector<std::string> competing_units();

/// Those that run or start at boot.
std::vector<Competitor> competitors_among(const std::vector<machine::Process>& processes,
                                          const std::vector<machine::Unit>& units);

}  // namespace sdwdate::doctor
