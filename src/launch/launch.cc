#include "launch/launch.h"

#include <csignal>

#include "ipc/launcher.h"
#include "sandbox/sandbox.h"

namespace sdwdate::launch {

int run(int channel) {
  // What a person types at a terminal is meant for the daemon, whose end is ours.
  static_cast<void>(std::signal(SIGINT, SIG_IGN));
  if (!sandbox::confine_launch()) return 1;
  ipc::ParentLauncher launcher{ipc::find_helpers()};
  ipc::serve_launcher(channel, launcher);
  return 0;
}

}  // namespace sdwdate::launch
