// url_to_unixtime: the time one web server claims, for those who call the Python sdwdate's helper.
#include "ui/commands.h"

int main(int argc, char** argv) { return sdwdate::ui::run_url_to_unixtime(argc, argv); }
