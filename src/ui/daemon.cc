#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "base/files.h"
#include "base/journal.h"
#include "base/service_manager.h"
#include "service/compat.h"
#include "service/daemon.h"
#include "ui/commands.h"
#include "ui/configured.h"
#include "ui/json.h"
#include "ui/subcommand.h"
#include "ui/text.h"

namespace sdwdate::ui {
namespace {

using service::DaemonState;
using Doing = DaemonState::Doing;
using Trouble = service::CompatFiles::Trouble;

using SettingsResult = std::expected<service::DaemonSettings, base::UserError>;

SettingsResult settings_from(const ConfiguredOptions& options, std::shared_ptr<ipc::Launcher> launcher) {
  auto configured = configure(options);
  if (!configured) return std::unexpected(configured.error());
  return service::DaemonSettings{std::move(configured->config), std::move(configured->overrides), std::move(launcher)};
}

Trouble write_report(const config::Config& config, const DaemonState& state) {
  std::error_code error;
  if (!std::filesystem::is_directory(config.runtime_directory, error)) return std::nullopt;
  const std::filesystem::path file = config.runtime_directory / "report.json";
  const int failed = base::replace_file(file, to_json(state) + "\n", 0644, base::Keep::until_reboot);
  if (failed == 0) return std::nullopt;
  return fmt::format("cannot write {}: {}", file.string(), base::errno_text(failed));
}

Trouble write_compat_files(const config::Config& config, const DaemonState& state) {
  if (!config.compat_state_files) return std::nullopt;
  const service::CompatFiles files{config.runtime_directory, config.state_directory};
  switch (state.doing) {
    case Doing::measuring: return files.busy(state.message);
    case Doing::waiting: return files.success(state.message, *state.certainly_past);
    case Doing::retrying: return files.failure(state.message);
    case Doing::stopping: break;
  }
  return files.stopped(state.message);
}

/// Tells everybody who wants to know.
class Herald {
 public:
  explicit Herald(const ConfiguredOptions& options)
      : options_(options), tables_(!options.output.json && (options.output.verbose || ::isatty(STDOUT_FILENO) == 1)) {}

  /// To be called with each configuration that comes into force.
  void follow(const config::Config& config) { config_ = config; }

  void changed(const DaemonState& state) {
    std::string status = state.message;
    if (!state.chrony.message.empty() && state.doing != Doing::measuring) status += " " + state.chrony.message + ".";
    base::notify_manager(
        fmt::format("READY=1\nSTATUS={}{}", status, state.doing == Doing::stopping ? "\nSTOPPING=1" : ""));
    warn_once(write_report(config_, state));
    // What chronyd said changes nothing for these files.
    if (state.doing != doing_ || state.rounds != rounds_) warn_once(write_compat_files(config_, state));
    doing_ = state.doing;
    rounds_ = state.rounds;
  }

  void round_done(const service::SyncReport& report) const {
    if (options_.output.json) std::cout << to_json(report) << '\n' << std::flush;
    if (!tables_) return;
    print_sync(std::cout, report, config_.chrony_socket, options_.output.verbose);
    std::cout << std::flush;
  }

 private:
  void warn_once(const Trouble& trouble) {
    if (trouble && *trouble != last_trouble_) {
      base::log({base::Priority::warning, fmt::format("warning: {}", *trouble), {{"SDWDATE_EVENT", "warning"}}});
    }
    last_trouble_ = trouble.value_or(last_trouble_);
  }

  const ConfiguredOptions& options_;
  bool tables_;
  config::Config config_;
  std::string last_trouble_;
  std::optional<Doing> doing_;
  unsigned rounds_ = 0;
};

int run_for_ever(const ConfiguredOptions& options) {
  base::survive_file_size_limit();
  auto settings = settings_from(options, nullptr);
  if (!settings) return complain(settings.error());
  const auto launcher = start_launcher();
  if (!launcher) return complain(launcher.error());
  settings->launcher = *launcher;
  const sandbox::ServicePaths paths = paths_of(options, settings->config);

  Herald herald{options};
  herald.follow(settings->config);
  service::DaemonObserver observer{
      .changed = [&](const DaemonState& state) { herald.changed(state); },
      .round_done = [&](const service::SyncReport& report) { herald.round_done(report); },
      .alive = [] { base::notify_manager("WATCHDOG=1"); },
      .log = [](const base::LogEntry& entry) { base::log(entry); },
  };
  const service::Reload reload = [&]() -> SettingsResult {
    auto fresh = settings_from(options, *launcher);
    if (!fresh) return fresh;
    if (paths_of(options, fresh->config).write != paths.write) {
      return std::unexpected(base::UserError{
          "the folders [state] directory and [state] runtime cannot change while this process is confined to the old "
          "ones; restart it"});
    }
    herald.follow(fresh->config);
    return fresh;
  };
  service::DaemonSurroundings surroundings;
  // Twice as often as the manager asks for, as it advises.
  if (const auto limit = base::watchdog_limit()) surroundings.tick = *limit / 2;
  service::Daemon daemon{*std::move(settings), reload, std::move(observer), std::move(surroundings)};
  const auto missing = enter_sandbox(paths);
  if (!missing) return complain(missing.error());
  if (missing->any()) {
    base::log(
        {base::Priority::info,
         fmt::format("This system cannot confine sdwdated by: {}. The other layers are in force.", missing->in_words()),
         {{"SDWDATE_EVENT", "confinement"}}});
  }
  return status(daemon.run() ? base::ExitCode::done : base::ExitCode::no_agreement);
}

}  // namespace

int run_sdwdated(int argc, char** argv) {
  CLI::App app{"Learns the time from web servers and hands it to chrony, round after round.", "sdwdated"};
  ConfiguredOptions options;
  options.add_to(app);
  bool once = false;
  app.add_flag("--once", once, "Do one round and exit");
  if (const auto code = parse(app, argc, argv)) return *code;
  return once ? sync_once(options) : run_for_ever(options);
}

}  // namespace sdwdate::ui
