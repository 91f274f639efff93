// Other programs, run to their end without a shell.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <vector>

namespace sdwdate::machine {

struct CommandResult {
  int status = 0;
  std::string output;  ///< standard output and standard error as they came; no more than the first 64 KiB
};

/// Runs `command` (a program and its arguments) with nothing to read, an environment of its own and no descriptor of
/// ours. A name without a slash is looked for where Debian keeps programs, whatever PATH says. The error is a sentence:
/// it could not be started, was killed by a signal, or ran longer than `patience` and was killed by us.
std::expected<CommandResult, std::string> run_command(const std::vector<std::string>& command,
                                                      std::chrono::nanoseconds patience);

}  // namespace sdwdate::machine
