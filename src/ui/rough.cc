#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iostream>
#include <memory>

#include "service/run_to_end.h"
#include "service/words.h"
#include "ui/configured.h"
#include "ui/json.h"
#include "ui/live.h"
#include "ui/subcommand.h"

namespace sdwdate::ui {
namespace {

struct RoughOptions {
  ConfiguredOptions configured;
  bool dry_run = false;
};

/// The other samples of a quick feed, without which chronyd does not set the clock.
boost::asio::awaitable<base::ExitCode> feed_the_others(const config::Config& config,
                                                       const service::SyncReport& report) {
  boost::asio::steady_timer pause{co_await boost::asio::this_coro::executor};
  for (std::size_t sample = 1; sample < service::kQuickSamples; ++sample) {
    pause.expires_after(service::kBetweenQuickSamples);
    co_await pause.async_wait(boost::asio::use_awaitable);
    if (const auto fed = co_await service::feed_quick_sample(config, report, sample); !fed) {
      std::cerr << fed.error().message << '\n';
      co_return base::ExitCode::not_fed;
    }
  }
  co_return base::ExitCode::done;
}

int rough_once(const RoughOptions& options) {
  const auto configured = configure(options.configured);
  if (!configured) return complain(configured.error());
  const auto launcher = start_launcher();
  if (!launcher) return complain(launcher.error());
  if (const auto entered = enter_sandbox(paths_of(options.configured, configured->config)); !entered) {
    return complain(entered.error());
  }
  service::SyncReport report;
  {
    LiveView view{!options.configured.output.json};
    report = service::run_to_end(service::rough(
        configured->config, *launcher, [&](const service::Progress& progress) { view.show(progress); },
        !options.dry_run));
  }
  if (options.configured.output.json) std::cout << to_json(report) << '\n' << std::flush;
  for (const std::string& warning : report.warnings) std::cerr << "warning: " << warning << '\n';
  std::cerr << report.refusal << '\n';
  if (report.fed) return status(service::run_to_end(feed_the_others(configured->config, report)));
  return status(report.code);
}

}  // namespace

Subcommand add_rough(CLI::App& parent) {
  CLI::App* parser = parent.add_subcommand("rough", "Where the clock is too wrong for Tor, hand chrony a rough time");
  auto options = std::make_shared<RoughOptions>();
  options->configured.add_to(*parser);
  parser->add_flag("--dry-run", options->dry_run, "Only say what Tor knows of the time");
  return {parser, [options] { return rough_once(*options); }};
}

}  // namespace sdwdate::ui
