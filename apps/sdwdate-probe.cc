// sdwdate-probe: one source's exchanges, and the only executable that links TLS. Started by sdwdated with a socket as
// standard input; of no use to a person.
#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "ipc/child.h"
#include "probe/probe.h"

int main() {
  if (!sdwdate::ipc::is_channel(STDIN_FILENO)) {
    fmt::print(stderr, "sdwdate-probe is started by sdwdate and sdwdated, to measure one source; see sdwdate(1)\n");
    return static_cast<int>(sdwdate::base::ExitCode::usage);
  }
  return sdwdate::probe::run(STDIN_FILENO);
}
