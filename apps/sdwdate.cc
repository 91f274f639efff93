// sdwdate: what a person types.
#include "ui/commands.h"

int main(int argc, char** argv) { return sdwdate::ui::run_sdwdate(argc, argv); }
