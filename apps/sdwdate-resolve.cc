// sdwdate-resolve: one name to addresses, in direct mode only. Started by sdwdated with a socket as standard input; of
// no use to a person.
#include <unistd.h>

#include "resolve/resolve.h"

int main() { return sdwdate::resolve::run(STDIN_FILENO); }
