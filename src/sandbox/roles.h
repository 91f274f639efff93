// The lists of system calls, one for each role.
#pragma once

#include <vector>

#include "sandbox/system_calls.h"

namespace sdwdate::sandbox {

std::vector<Rule> probe_rules();
std::vector<Rule> resolve_rules();
std::vector<Rule> service_rules();

/// What code of others has no business with, even where a refused call is not the end.
std::vector<int> deadly_calls();

}  // namespace sdwdate::sandbox
