#include "ui/configured.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "base/accounts.h"
#include "base/files.h"
#include "service/run_to_end.h"
#include "ui/json.h"
#include "ui/live.h"
#include "ui/subcommand.h"
#include "ui/text.h"

namespace sdwdate::ui {

using base::UserError;

void ConfiguredOptions::add_to(CLI::App& command) {
  command.add_option("--config", file, "Read only this file instead of the system's configuration")->type_name("FILE");
  add_net_options(command, net);
  add_output_options(command, output);
}

int complain(const base::UserError& error) {
  std::cerr << error.message << '\n';
  return status(base::ExitCode::usage);
}

std::expected<Configured, UserError> configure_but_sources(const ConfiguredOptions& options) {
  auto config = options.file.empty() ? config::load(config::system_files()) : config::load({options.file});
  if (!config) return std::unexpected(config.error());
  auto overrides = apply(options.net, *config);
  if (!overrides) return std::unexpected(overrides.error());
  return Configured{*std::move(config), *std::move(overrides)};
}

std::expected<Configured, UserError> configure(const ConfiguredOptions& options) {
  auto configured = configure_but_sources(options);
  if (!configured) return configured;
  auto config = config::with_default_pools(std::move(configured->config), config::kPoolsFolder);
  if (!config) return std::unexpected(config.error());
  if (config->pools.empty()) {
    return std::unexpected(UserError{
        fmt::format("no sources: {} has no [[pool]]; name some pools with their sources (see sdwdate.toml(5))",
                    options.file.empty() ? "the configuration (/etc/sdwdate/sdwdate.toml)" : options.file)});
  }
  if (auto error = service::check(*config)) return std::unexpected(*std::move(error));
  return Configured{*std::move(config), std::move(configured->overrides)};
}

void print_report(const service::SyncReport& report, const config::Config& config, const OutputOptions& output) {
  if (output.json) {
    std::cout << to_json(report) << '\n' << std::flush;
  } else {
    print_sync(std::cout, report, config.chrony_socket, output.verbose);
    std::cout << std::flush;
  }
  for (const std::string& warning : report.warnings) std::cerr << "warning: " << warning << '\n';
  if (!report.refusal.empty()) std::cerr << report.refusal << '\n';
}

std::expected<std::shared_ptr<ipc::Launcher>, UserError> start_launcher() {
  auto launcher = ipc::RemoteLauncher::make(ipc::find_helpers().launch);
  if (!launcher) return std::unexpected(UserError{launcher.error()});
  return *std::move(launcher);
}

sandbox::ServicePaths paths_of(const ConfiguredOptions& options, const config::Config& config) {
  sandbox::ServicePaths paths{.read = {config::kVendorFolder, config::kAdministratorsFolder, service::kBatteryClock,
                                       base::kUsersFile, base::kGroupsFile},
                              .write = {config.state_directory, config.runtime_directory}};
  // An editor makes a file anew, so the folder counts; and a link may lead elsewhere, so the file does.
  if (options.file.empty()) {
    std::ranges::copy(config::system_files(), std::back_inserter(paths.read));
  } else {
    paths.read.push_back(std::filesystem::absolute(options.file).parent_path());
    paths.read.emplace_back(options.file);
  }
  if (!config.ca_file.empty()) paths.read.emplace_back(config.ca_file);
  return paths;
}

std::expected<sandbox::Missing, UserError> enter_sandbox(const sandbox::ServicePaths& paths) {
  const auto confined = sandbox::confine_service(paths);
  if (confined) return *confined;
  return std::unexpected(
      UserError{fmt::format("{}; without this, nothing that strangers wrote is looked at", confined.error())});
}

int sync_once(const ConfiguredOptions& options) {
  base::survive_file_size_limit();
  const auto configured = configure(options);
  if (!configured) return complain(configured.error());
  const auto launcher = start_launcher();
  if (!launcher) return complain(launcher.error());
  if (const auto entered = enter_sandbox(paths_of(options, configured->config)); !entered) {
    return complain(entered.error());
  }
  service::SyncReport report;
  {
    LiveView view{!options.output.json};
    // A single round knows nothing of the rounds before it: chronyd weighs what it gets.
    const service::PlanFeed plainly = [](service::SyncReport&) { return timecore::FeedPlan{}; };
    auto credit = timecore::Credit::of_one_round();
    report = service::run_to_end(service::sync(
        configured->config, configured->overrides, *launcher,
        [&](const service::Progress& progress) { view.show(progress); }, plainly, credit));
  }
  print_report(report, configured->config, options.output);
  return status(report.code);
}

Subcommand add_sync(CLI::App& parent) {
  CLI::App* parser = parent.add_subcommand("sync", "Do one configured round and hand the result to chrony");
  auto options = std::make_shared<ConfiguredOptions>();
  options->add_to(*parser);
  return {parser, [options] { return sync_once(*options); }};
}

}  // namespace sdwdate::ui
