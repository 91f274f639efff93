#include <iostream>

#include "base/build_info.h"
#include "service/run_to_end.h"
#include "service/sync.h"
#include "service/words.h"
#include "ui/json.h"
#include "ui/live.h"
#include "ui/options.h"
#include "ui/plot.h"
#include "ui/subcommand.h"
#include "ui/text.h"

namespace sdwdate::ui {
namespace {

using base::ExitCode;

constexpr std::size_t kPlotWidth = 79;

struct QueryOptions {
  std::vector<std::string> urls;
  NetOptions net;
  OutputOptions output;
  bool plot = false;
};

void print_query(const service::RoundReport& round, const timecore::Quorum& quorum, const OutputOptions& output) {
  if (output.json) {
    std::cout << to_json(round) << '\n' << std::flush;
    return;
  }
  print_sources(std::cout, round, output.verbose);
  if (round.agreed()) {
    std::cout << conclusion(round, {*round.agreement.bounds, round.agreement.estimate}) << '\n';
  } else {
    std::cerr << explain(round, quorum) << '\n';
  }
}

int query(const QueryOptions& options) {
  config::Config config;
  config.proxies.clear();
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
  const timecore::Quorum quorum = service::plain_quorum(config, urls.size());
  service::RoundReport round;
  {
    LiveView view{!options.output.json};
    const service::MeasureOptions asking = service::measure_options(
        config, limits, *overrides, std::make_shared<ipc::ParentLauncher>(ipc::find_helpers()));
    round = service::run_to_end(service::run_round(service::lineup_of(urls), asking, quorum,
                                                   [&](const service::Progress& progress) { view.show(progress); }));
  }
  print_query(round, quorum, options.output);
  if (options.plot) print_plot(std::cout, round, config.transfer, kPlotWidth);
  return status(round.agreed() ? ExitCode::done : ExitCode::no_agreement);
}

}  // namespace

Subcommand add_query(CLI::App& parent) {
  CLI::App* parser = parent.add_subcommand("query", "Measure the given web servers and print what they say");
  auto options = std::make_shared<QueryOptions>();
  parser->add_option("URL", options->urls, "https://host/, or http:// for an onion service")->required();
  add_net_options(*parser, options->net);
  add_output_options(*parser, options->output);
  parser->add_flag("--plot", options->plot, "Draw how the bounds closed in, answer by answer")->excludes("--json");
  return {parser, [options] { return query(*options); }};
}

}  // namespace sdwdate::ui
