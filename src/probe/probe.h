// The role of sdwdate-probe: one source's exchanges, reported to the parent as they happen.
#pragma once

namespace sdwdate::probe {

/// Takes a ProbeJob from `channel`, measures, reports (ipc/records.h), and returns the process' exit status: 0 when a
/// Done or a Failure was sent. Ends early when the parent closes the channel.
int run(int channel);

}  // namespace sdwdate::probe
