#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>

#include "base/build_info.h"
#include "service/run_to_end.h"
#include "service/words.h"
#include "ui/configured.h"
#include "ui/json.h"
#include "ui/live.h"
#include "ui/subcommand.h"
#include "ui/text.h"

namespace sdwdate::ui {
namespace {

using base::ExitCode;
using base::UserError;
using service::SourceProgress;
using service::SourceSpec;

/// Each is a process, and over Tor a circuit that somebody has to carry.
constexpr int kUsuallyAtOnce = 16;
constexpr int kMostAtOnce = 64;

struct SurveyOptions {
  ConfiguredOptions configured;
  std::vector<std::string> what;
  int at_once = kUsuallyAtOnce;
  bool csv = false;
};

/// Shows the sources that are being asked and how many have been: live on a terminal, elsewhere a line for each that
/// has ended.
class SurveyProgress {
 public:
  /// `lines`: whether anybody reads them where there is no terminal.
  SurveyProgress(std::size_t sources, bool lines) : sources_(sources), lines_(lines && ::isatty(STDERR_FILENO) == 0) {}

  void show(service::Progress progress) {
    const auto ended = static_cast<std::size_t>(std::ranges::count(progress.sources, true, &SourceProgress::ended));
    if (lines_ && ended > ended_) std::cerr << fmt::format("{} of {} sources asked\n", ended, sources_) << std::flush;
    ended_ = ended;
    progress.headline = fmt::format("{} of {} sources asked", ended, sources_);
    std::erase_if(progress.sources, [](const SourceProgress& source) { return source.ended; });
    view_.show(progress);
  }

 private:
  LiveView view_{true};
  std::size_t sources_;
  bool lines_;
  std::size_t ended_ = 0;
};

/// Whom the arguments mean: URLs, and files with pools. None: the pools of the configuration, or those to start with.
std::expected<std::vector<SourceSpec>, UserError> sources_of(const std::vector<std::string>& what,
                                                             config::Config& config) {
  std::vector<SourceSpec> urls;
  if (!what.empty()) config.pools.clear();
  for (const std::string& text : what) {
    if (text.contains("://")) {
      auto url = wire::parse_url(text);
      if (!url) return std::unexpected(UserError{url.error()});
      urls.push_back({*std::move(url), std::nullopt, std::nullopt});
      continue;
    }
    auto file = config::load({text});
    if (!file) return std::unexpected(file.error());
    if (file->pools.empty()) return std::unexpected(UserError{fmt::format("{}: there is no [[pool]] in it", text)});
    std::ranges::move(file->pools, std::back_inserter(config.pools));
  }
  if (what.empty()) {
    auto with_pools = config::with_default_pools(std::move(config), config::kPoolsFolder);
    if (!with_pools) return std::unexpected(with_pools.error());
    config = *std::move(with_pools);
  }
  std::vector<SourceSpec> sources = service::addresses_of(config.pools);
  std::ranges::move(urls, std::back_inserter(sources));
  if (!sources.empty()) return sources;
  return std::unexpected(UserError{"no sources: name URLs or files with pools, or configure some (sdwdate.toml(5))"});
}

void print(const service::RoundReport& round, const timecore::Quorum& quorum, const SurveyOptions& options) {
  if (options.configured.output.json) {
    std::cout << to_json(round) << '\n';
  } else if (options.csv) {
    std::cout << to_csv(round);
  } else {
    print_survey(std::cout, round, options.configured.output.verbose);
  }
  std::cout << std::flush;
  if (!round.agreed()) std::cerr << service::explain(round, quorum) << '\n';
}

int survey(const SurveyOptions& options) {
  auto configured = configure_but_sources(options.configured);
  if (!configured) return complain(configured.error());
  config::Config& config = configured->config;
  auto sources = sources_of(options.what, config);
  if (!sources) return complain(sources.error());
  if (const auto error = service::check(config)) return complain(*error);

  // All are asked alike, also those whose turn comes late.
  config.sharpen.reset();
  const timecore::TimeLimits limits = timecore::limits_from(base::build_floor(), config.ceiling_years);
  const timecore::Quorum quorum = service::plain_quorum(config, sources->size());
  const service::MeasureOptions asking = service::measure_options(
      config, limits, configured->overrides, std::make_shared<ipc::ParentLauncher>(ipc::find_helpers()));
  service::RoundReport round;
  {
    SurveyProgress view{sources->size(), !options.configured.output.json && !options.csv};
    auto lineup = service::lineup_of(*std::move(sources), static_cast<std::size_t>(options.at_once));
    round = service::run_to_end(service::run_round(std::move(lineup), asking, quorum,
                                                   [&](const service::Progress& progress) { view.show(progress); }));
  }
  print(round, quorum, options);
  return status(round.agreed() ? ExitCode::done : ExitCode::no_agreement);
}

}  // namespace

Subcommand add_survey(CLI::App& parent) {
  CLI::App* parser = parent.add_subcommand("survey", "Measure every source of whole pools, and print how each does");
  auto options = std::make_shared<SurveyOptions>();
  parser->add_option("FILE|URL", options->what, "Files with pools, and web servers; none: the configured pools");
  options->configured.add_to(*parser);
  parser->add_option("--at-once", options->at_once, "So many at a time")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, kMostAtOnce));
  parser->add_flag("--csv", options->csv, "Print a line for each source, for spreadsheets")->excludes("--json");
  return {parser, [options] { return survey(*options); }};
}

}  // namespace sdwdate::ui
