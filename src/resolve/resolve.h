// The role of sdwdate-resolve: one name to addresses, by the system's resolver. Direct mode only.
#pragma once

namespace sdwdate::resolve {

/// Takes a ResolveJob from `channel`, answers with a ResolveReply, returns the process' exit status.
int run(int channel);

}  // namespace sdwdate::resolve
