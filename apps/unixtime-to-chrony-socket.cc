// unixtime-to-chrony-socket: hands chronyd one time.
#include "ui/commands.h"

int main(int argc, char** argv) { return sdwdate::ui::run_unixtime_to_chrony_socket(argc, argv); }
