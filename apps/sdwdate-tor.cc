// sdwdate-tor: asks Tor's control port how Tor is. Started by sdwdated with a socket as standard input; of no use to a
// person.
#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "ipc/child.h"
#include "tor/tor.h"

int main() {
  if (!sdwdate::ipc::is_channel(STDIN_FILENO)) {
    fmt::print(stderr, "sdwdate-tor is started by sdwdate and sdwdated, to ask Tor how it is; see sdwdate(1)\n");
    return static_cast<int>(sdwdate::base::ExitCode::usage);
  }
  return sdwdate::tor::run(STDIN_FILENO);
}
