// The doctor's findings, for people and for programs.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "doctor/checks.h"

namespace sdwdate::ui {

/// A line for each finding, and one below it for what to do. `coloured` is for terminals.
void print_findings(std::ostream& out, const std::vector<doctor::Finding>& findings, bool coloured);

/// One line of JSON, without a line feed.
std::string to_json(const std::vector<doctor::Finding>& findings);

}  // namespace sdwdate::ui
