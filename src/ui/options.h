// Command-line options that several commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "service/source.h"

namespace sdwdate::ui {

/// The net options of the design's contract, as given.
struct NetOptions {
  std::string proxy;
  bool direct = false;
  std::string ca_file;
  std::optional<int> requests;
  std::optional<double> timeout;
  std::vector<std::string> resolve;
};

struct OutputOptions {
  bool json = false;
  bool verbose = false;
};

void add_net_options(CLI::App& command, NetOptions& options);
void add_output_options(CLI::App& command, OutputOptions& options);

/// Lets the command line have the last word over a configuration. An error names the option.
std::expected<service::ResolveOverrides, base::UserError> apply(const NetOptions& options, config::Config& config);

/// Parses the command line. The exit code is set when there is nothing more to do: help, version, or a mistake.
std::optional<int> parse(CLI::App& app, int argc, char** argv);

}  // namespace sdwdate::ui
