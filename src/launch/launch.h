// What sdwdate-launch does.
#pragma once

namespace sdwdate::launch {

/// Starts helpers for the process at the other end of `channel` until that is gone. Returns the exit status.
int run(int channel);

}  // namespace sdwdate::launch
