// The subcommands of `sdwdate`, a file each.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "base/error.h"

namespace sdwdate::ui {

/// One subcommand: what CLI11 parses and what to do once it has. `run` returns the exit status.
struct Subcommand {
  CLI::App* parser;
  std::function<int()> run;
};

Subcommand add_chrony(CLI::App& parent);
Subcommand add_doctor(CLI::App& parent);
Subcommand add_floor(CLI::App& parent);
Subcommand add_import(CLI::App& parent);
Subcommand add_query(CLI::App& parent);
Subcommand add_rough(CLI::App& parent);
Subcommand add_status(CLI::App& parent);
Subcommand add_survey(CLI::App& parent);
Subcommand add_sync(CLI::App& parent);

/// For a process to return.
inline int status(base::ExitCode code) { return static_cast<int>(code); }

/// Prints the error; returns the status for it.
int complain(const base::UserError& error);

}  // namespace sdwdate::ui
