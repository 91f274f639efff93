#include "service/sync.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

#include "refclock/sock_feeder.h"
#include "service/state.h"

namespace sdwdate::service {
namespace {

using base::ErrorCode;
using base::ExitCode;
using base::UserError;
using timecore::Verdict;

constexpr std::size_t kOperators = 3;
/// chronyd drops samples whose time does not advance; this much it always does.
constexpr auto kBetweenSamples = std::chrono::milliseconds{50};

/// More than half of the configured pools.
timecore::Quorum quorum_of(const config::Config& config) {
  return {kOperators, config.pools.size() / 2 + 1, config.maximum_width};
}

std::string day(std::chrono::sys_seconds time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(time.time_since_epoch().count()));
}

std::string explain(timecore::Insane why, const timecore::Agreed& agreed, base::RawTime at,
                    const timecore::TimeLimits& limits) {
  const auto claimed = std::chrono::floor<std::chrono::seconds>(timecore::reference_time(at, agreed.estimate));
  if (why == timecore::Insane::before_floor) {
    return fmt::format(
        "the sources agree that it is {}, but it was already {} (this program's release, or the last "
        "agreed time): not handed to chrony",
        day(claimed), day(limits.floor));
  }
  return fmt::format("the sources agree that it is {}, which is after {}: not handed to chrony", day(claimed),
                     day(limits.ceiling));
}

/// Did most sources claim times that cannot be?
bool mostly_implausible(const RoundReport& round) {
  const auto implausible = std::ranges::count_if(round.sources, [](const SourceReport& source) {
    return source.reading.error && source.reading.error->code == ErrorCode::implausible;
  });
  return 2 * static_cast<std::size_t>(implausible) > round.sources.size();
}

/// Sends the same result a few times, each time for the instant of sending: chrony 4.3 wants up to four samples in
/// each of its polls before it uses any.
std::expected<void, refclock::FeedError> feed(const std::string& socket, const timecore::Agreed& agreed, int times,
                                              std::chrono::nanoseconds asleep_before) {
  for (int i = 0; i < times; ++i) {
    if (i > 0) std::this_thread::sleep_for(kBetweenSamples);
    const base::ClockPair now = base::read_clock_pair();
    if (base::slept_since(asleep_before)) {
      return std::unexpected(refclock::FeedError{refclock::FeedError::Kind::not_fed,
                                                 "the machine slept before chrony could be told; the result is void"});
    }
    const refclock::Sample sample{now.real, timecore::against_system_clock(agreed.estimate, now)};
    if (auto fed = refclock::feed(socket, sample); !fed) return fed;
  }
  return {};
}

void hand_over(SyncReport& report, const config::Config& config) {
  const auto fed = feed(config.chrony_socket, *report.result, config.chrony_burst, report.round.asleep_before);
  if (!fed) {
    report.code = fed.error().kind == refclock::FeedError::Kind::unacceptable ? ExitCode::insane : ExitCode::not_fed;
    report.refusal = fed.error().message;
    return;
  }
  report.fed = true;
  report.code = ExitCode::done;
  // The lower bound, because only that much time has certainly passed.
  const auto certain = timecore::reference_time(report.round.at.raw, report.result->bounds.lower);
  if (auto warning = save_floor(config.state_directory, std::chrono::floor<std::chrono::seconds>(certain))) {
    report.warnings.push_back(*std::move(warning));
  }
}

std::string who_answered(const RoundReport& round) {
  const std::size_t failed = round.count(Outcome::failed);
  return fmt::format("{} of {} sources answered", round.sources.size() - failed, round.sources.size());
}

/// Why a round did not agree, to be put into a sentence.
std::string reason(const RoundReport& round, const timecore::Quorum& quorum) {
  const timecore::Agreement& agreement = round.agreement;
  if (round.slept) return "the machine slept while its sources were asked, so the answers cannot be placed in time";
  switch (agreement.verdict) {
    case Verdict::agreed: return {};
    case Verdict::nobody_answered: return "no source gave a usable answer";
    case Verdict::no_majority:
      return fmt::format("{}, but no time lies within the bounds of more than half of them", who_answered(round));
    case Verdict::too_wide: {
      const std::chrono::duration<double> width = agreement.bounds->width();
      const std::chrono::duration<double> most = quorum.maximum_width;
      return fmt::format("the agreed bounds are {:.3f} s wide, and at most {:g} s is accepted", width.count(),
                         most.count());
    }
    case Verdict::too_few_operators:
      return fmt::format("{}, and {} operators agree: at least {} must", who_answered(round),
                         agreement.operators_agreeing, quorum.operators);
    case Verdict::too_few_pools: break;
  }
  return fmt::format("{}, and those that agree come from {} pools: at least {} must take part", who_answered(round),
                     agreement.pools_agreeing, quorum.pools);
}

}  // namespace

MeasureOptions measure_options(const config::Config& config, const timecore::TimeLimits& limits,
                               const ResolveOverrides& overrides) {
  return {.proxy = config.proxy,
          .isolate_circuits = config.isolate_circuits,
          .ca_file = config.ca_file,
          .exchanges = config.exchanges_per_source,
          .timeout = config.source_timeout(),
          .transfer = config.transfer,
          .limits = limits,
          .overrides = overrides,
          .helpers = find_helpers()};
}

std::optional<UserError> check(const config::Config& config) {
  if (!config.ca_file.empty() && ::access(config.ca_file.c_str(), R_OK) != 0) {
    return UserError{fmt::format("cannot read the CA file {}: {}", config.ca_file, base::errno_text(errno))};
  }
  if (config.proxy) return std::nullopt;
  for (const config::Pool& pool : config.pools) {
    for (const config::Source& source : pool.sources) {
      if (!source.url.host_is_onion) continue;
      return UserError{
          fmt::format("pool '{}': {} is an onion service, which the transport \"direct\" cannot reach; use "
                      "transport = \"tor\" or remove it",
                      pool.name, source.url.text)};
    }
  }
  return std::nullopt;
}

std::string explain(const RoundReport& round, const timecore::Quorum& quorum) {
  return fmt::format("No agreement: {}.", reason(round, quorum));
}

SyncReport sync(const config::Config& config, const ResolveOverrides& overrides, const OnProgress& on_progress) {
  SyncReport report;
  Floor floor = load_floor(config.state_directory);
  if (floor.warning) report.warnings.push_back(*std::move(floor.warning));
  const timecore::TimeLimits limits = timecore::limits_from(floor.time, config.ceiling_years);
  const timecore::Quorum quorum = quorum_of(config);

  report.round = run_round(draw(config), measure_options(config, limits, overrides), quorum, on_progress);
  if (!report.round.agreed()) {
    report.code = mostly_implausible(report.round) ? ExitCode::insane : ExitCode::no_agreement;
    report.refusal = explain(report.round, quorum);
    return report;
  }
  const timecore::Agreed agreed{*report.round.agreement.bounds, report.round.agreement.estimate};
  const auto sane = timecore::check_sanity(agreed, report.round.at.raw, limits);
  if (!sane) {
    report.code = ExitCode::insane;
    report.refusal = explain(sane.error(), agreed, report.round.at.raw, limits);
    return report;
  }
  report.result = *sane;
  hand_over(report, config);
  return report;
}

}  // namespace sdwdate::service
