#include "ui/commands.h"

#include <fmt/format.h>

#include <iostream>

#include "base/build_info.h"
#include "service/daemon.h"
#include "service/sync.h"
#include "ui/feed_tool.h"
#include "ui/json.h"
#include "ui/options.h"
#include "ui/text.h"

namespace sdwdate::ui {
namespace {

using base::ExitCode;
using base::UserError;
using service::Outcome;

/// Sources that must agree in a query of several: one alone could say anything.
constexpr std::size_t kQueryQuorum = 2;

int status(ExitCode code) { return static_cast<int>(code); }

int complain(const UserError& error) {
  std::cerr << error.message << '\n';
  return status(ExitCode::usage);
}

/// What `sdwdate sync` and sdwdated start from.
struct ConfiguredOptions {
  std::string file;
  NetOptions net;
  OutputOptions output;

  void add_to(CLI::App& command) {
    command.add_option("--config", file, "Read only this file instead of the system's configuration")
        ->type_name("FILE");
    add_net_options(command, net);
    add_output_options(command, output);
  }
};

struct Configured {
  config::Config config;
  service::ResolveOverrides overrides;
};

std::expected<Configured, UserError> configure(const ConfiguredOptions& options) {
  auto config = options.file.empty() ? config::load(config::system_files()) : config::load({options.file});
  if (!config) return std::unexpected(config.error());
  auto overrides = apply(options.net, *config);
  if (!overrides) return std::unexpected(overrides.error());
  if (config->pools.empty()) {
    return std::unexpected(UserError{
        fmt::format("no sources: {} has no [[pool]]; name some pools with their sources (see sdwdate.toml(5))",
                    options.file.empty() ? "the configuration (/etc/sdwdate/sdwdate.toml)" : options.file)});
  }
  if (auto error = service::check(*config)) return std::unexpected(*std::move(error));
  return Configured{*std::move(config), *std::move(overrides)};
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

int sync_once(const ConfiguredOptions& options) {
  const auto configured = configure(options);
  if (!configured) return complain(configured.error());
  service::SyncReport report;
  {
    const ProgressLine line{!options.output.json};
    report = service::sync(configured->config, configured->overrides,
                           [&](const service::Progress& progress) { line.show(progress); });
  }
  print_report(report, configured->config, options.output);
  return status(report.code);
}

int run_for_ever(const ConfiguredOptions& options) {
  const auto configured = configure(options);
  if (!configured) return complain(configured.error());
  service::run_daemon(configured->config, configured->overrides,
                      [&](const service::SyncReport& report, std::chrono::nanoseconds wait) {
                        print_report(report, configured->config, options.output);
                        std::cerr << fmt::format("next round in {}\n", in_words(wait));
                      });
}

// --- query ------------------------------------------------------------------------------------------------------

struct QueryOptions {
  std::vector<std::string> urls;
  NetOptions net;
  OutputOptions output;
};

void print_query(const service::RoundReport& round, const timecore::Quorum& quorum, const OutputOptions& output) {
  if (output.json) {
    std::cout << to_json(round) << '\n' << std::flush;
    return;
  }
  print_sources(std::cout, round, output.verbose);
  const auto& agreement = round.agreement;
  if (!round.agreed()) {
    std::cerr << explain(round, quorum) << '\n';
  } else if (round.sources.size() == 1) {
    std::cout << fmt::format("One source, with nobody to contradict it, says: {}.\n",
                             describe({*agreement.bounds, agreement.estimate}, round.at));
  } else {
    std::cout << fmt::format("Agreed by {} of {} sources: {}.\n", round.count(Outcome::truechimer),
                             round.sources.size(), describe({*agreement.bounds, agreement.estimate}, round.at));
  }
}

int query(const QueryOptions& options) {
  config::Config config;
  config.proxy.reset();
  config.isolate_circuits = false;
  const auto overrides = apply(options.net, config);
  if (!overrides) return complain(overrides.error());
  if (auto error = service::check(config)) return complain(*error);
  std::vector<wire::Url> urls;
  for (const std::string& text : options.urls) {
    auto url = wire::parse_url(text);
    if (!url) return complain({url.error()});
    urls.push_back(*std::move(url));
  }

  const timecore::TimeLimits limits = timecore::limits_from(base::build_floor(), config.ceiling_years);
  const timecore::Quorum quorum{std::min(kQueryQuorum, urls.size()), 1, config.maximum_width};
  service::RoundReport round;
  {
    const ProgressLine line{!options.output.json};
    round = service::run_round(service::lineup_of(urls), service::measure_options(config, limits, *overrides), quorum,
                               [&](const service::Progress& progress) { line.show(progress); });
  }
  print_query(round, quorum, options.output);
  return status(round.agreed() ? ExitCode::done : ExitCode::no_agreement);
}

}  // namespace

int run_sdwdate(int argc, char** argv) {
  CLI::App app{"Authenticated time from the web, for chrony.", "sdwdate"};
  app.footer("Exit status: 0 done, 1 no agreement, 2 usage or configuration, 3 chrony not fed, 4 refused as insane.");

  QueryOptions query_options;
  CLI::App* query_command = app.add_subcommand("query", "Measure the given web servers and print what they say");
  query_command->add_option("URL", query_options.urls, "https://host/, or http:// for an onion service")->required();
  add_net_options(*query_command, query_options.net);
  add_output_options(*query_command, query_options.output);

  ConfiguredOptions sync_options;
  CLI::App* sync_command = app.add_subcommand("sync", "Do one configured round and hand the result to chrony");
  sync_options.add_to(*sync_command);

  if (const auto code = parse(app, argc, argv)) return *code;
  if (query_command->parsed()) return query(query_options);
  if (sync_command->parsed()) return sync_once(sync_options);
  return complain(
      {"what shall be done? 'sdwdate query URL...' measures servers, 'sdwdate sync' does a configured round; "
       "--help says more"});
}

int run_sdwdated(int argc, char** argv) {
  CLI::App app{"Learns the time from web servers and hands it to chrony, round after round.", "sdwdated"};
  ConfiguredOptions options;
  options.add_to(app);
  bool once = false;
  app.add_flag("--once", once, "Do one round and exit");
  if (const auto code = parse(app, argc, argv)) return *code;
  return once ? sync_once(options) : run_for_ever(options);
}

int run_unixtime_to_chrony_socket(int argc, char** argv) {
  CLI::App app{"Tells chronyd, through its refclock SOCK driver, what time it is now.", "unixtime-to-chrony-socket"};
  std::string socket = default_socket();
  std::string time;
  app.add_option("--socket", socket, "chronyd's socket")->type_name("PATH")->capture_default_str();
  app.add_option("UNIXTIME", time, "Seconds since 1970, up to 9 decimals; - reads one from each line of standard input")
      ->required();
  app.footer("Exit status: 0 sent, 2 not a time, 3 chrony could not be fed, 4 a time chrony would refuse.");
  OutputOptions output;
  add_output_options(app, output);
  if (const auto code = parse(app, argc, argv)) return *code;
  FeedTool tool{socket, output, std::cout, std::cerr};
  return status(time == "-" ? tool.feed_lines(std::cin) : tool.feed(time));
}

}  // namespace sdwdate::ui
