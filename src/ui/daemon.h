// sdwdated's outside: the service manager, the journal, the files in its run-time directory, a terminal.
#pragma once

#include "ui/configured.h"

namespace sdwdate::ui {

/// Runs until told to end. Returns the exit status.
int run_for_ever(const ConfiguredOptions& options);

}  // namespace sdwdate::ui
