// sdwdated: the daemon. Starts probes, weighs what they bring, feeds chrony; no network, no TLS.
#include "ui/commands.h"

int main(int argc, char** argv) { return sdwdate::ui::run_sdwdated(argc, argv); }
