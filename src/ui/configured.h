// What every command that reads the system's configuration starts from.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "ipc/launcher.h"
#include "sandbox/sandbox.h"
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

/// The same for a command that knows better whom to ask: no pools are needed, and service::check() is left to it.
std::expected<Configured, base::UserError> configure_but_sources(const ConfiguredOptions& options);

/// Starts the process that starts helpers for one that is about to give that up.
std::expected<std::shared_ptr<ipc::Launcher>, base::UserError> start_launcher();

/// What a process with this configuration reads and writes later.
sandbox::ServicePaths paths_of(const ConfiguredOptions& options, const config::Config& config);

/// Gives up what a process that decides about time does not need: starting programs, the network, all other files.
/// Returns the layers that this system does not have; the error says what it lacks that cannot be done without.
std::expected<sandbox::Missing, base::UserError> enter_sandbox(const sandbox::ServicePaths& paths);

/// What came of one round: the result on standard output, what went wrong on standard error.
void print_report(const service::SyncReport& report, const config::Config& config, const OutputOptions& output);

/// One configured round, printed. Returns the exit status.
int sync_once(const ConfiguredOptions& options);

}  // namespace sdwdate::ui
