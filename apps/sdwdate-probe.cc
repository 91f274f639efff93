// sdwdate-probe: one source's exchanges, and the only executable that links TLS. Started by sdwdated with a socket as
// standard input; of no use to a person.
#include <unistd.h>

#include "probe/probe.h"

int main() { return sdwdate::probe::run(STDIN_FILENO); }
