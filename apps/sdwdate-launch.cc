// sdwdate-launch: starts sdwdate-probe and sdwdate-resolve for sdwdated, which has given up starting anything. Started
// by it with a socket as standard input; of no use to a person.
#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "ipc/child.h"
#include "launch/launch.h"

int main() {
  if (!sdwdate::ipc::is_channel(STDIN_FILENO)) {
    fmt::print(stderr, "sdwdate-launch is started by sdwdated, to start other helpers; see sdwdated(8)\n");
    return static_cast<int>(sdwdate::base::ExitCode::usage);
  }
  return sdwdate::launch::run(STDIN_FILENO);
}
