// The role of sdwdate-tor: asks Tor's control port how Tor is, and tells its parent.
#pragma once

namespace sdwdate::tor {

/// Reads one TorJob from `channel` and reports until the parent closes it. Returns the exit status.
int run(int channel);

}  // namespace sdwdate::tor
