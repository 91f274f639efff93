// What every command that reads the system's configuration starts from.
#pragma once

#include <expected>
#include <string>

#include "service/sync.h"
#include "ui/options.h"

namespace sdwdate::ui {

struct ConfiguredOptions {
  std::string file;
  NetOptions net;
  OutputOptions output;

  void add_to(CLI::App& command);
};

struct Configured {
  config::Config config;
  service::ResolveOverrides overrides;
};

/// Reads the configuration, lets the command line have the last word, and checks the whole.
std::expected<Configured, base::UserError> configure(const ConfiguredOptions& options);

/// What came of one round: the result on standard output, what went wrong on standard error.
void print_report(const service::SyncReport& report, const config::Config& config, const OutputOptions& output);

/// One configured round, printed. Returns the exit status.
int sync_once(const ConfiguredOptions& options);

}  // namespace sdwdate::ui
