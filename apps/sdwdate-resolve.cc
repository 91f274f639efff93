// sdwdate-resolve: one name to addresses, in direct mode only. Started by sdwdated with a socket as standard input; of
// no use to a person.
#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "ipc/child.h"
#include "resolve/resolve.h"

int main() {
  if (!sdwdate::ipc::is_channel(STDIN_FILENO)) {
    fmt::print(stderr, "sdwdate-resolve is started by sdwdate and sdwdated, to look up one name; see sdwdate(1)\n");
    return static_cast<int>(sdwdate::base::ExitCode::usage);
  }
  return sdwdate::resolve::run(STDIN_FILENO);
}
