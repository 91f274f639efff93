#include "service/sync.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>
#include <vector>

#include "base/build_info.h"
#include "base/guarded.h"
#include "base/text.h"
#include "refclock/chrony_report.h"
#include "refclock/sock_feeder.h"
#include "service/ask_chrony.h"
#include "service/deliberate_offset.h"
#include "service/state.h"
#include "service/words.h"

namespace sdwdate::service {
namespace {

namespace asio = boost::asio;
using base::ErrorCode;
using base::ExitCode;
using base::UserError;

constexpr std::size_t kOperators = 3;
/// Between the copies of one result; chronyd drops samples whose time does not advance.
constexpr auto kBetweenCopies = std::chrono::milliseconds{50};
/// What the samples of a quick feed are off by, which keeps chronyd from believing that three samples of one
/// measurement tell it the clock's frequency. They are a little more than one of chronyd's polls (4 s) apart, so that
/// each is a poll's newest, and as many as it wants before it sets the clock: docs/chrony.md.
constexpr std::array<std::chrono::microseconds, kQuickSamples> kZigzag{
    std::chrono::microseconds{100}, std::chrono::microseconds{-200}, std::chrono::microseconds{100}};

/// More than half of the configured pools.
timecore::Quorum quorum_of(const config::Config& config) {
  return {.operators = kOperators,
          .pools = config.pools.size() / 2 + 1,
          .maximum_width = config.maximum_width,
          .spread = config.exchanges_per_source == 1};
}

timecore::KnownPast known_past(const Floor& floor) { return {base::build_floor(), floor.vouched()}; }

/// What this round holds times against.
timecore::TimeLimits begin_with_floor(SyncReport& report, const config::Config& config) {
  report.floor = load_floor(config.state_directory, config.ceiling_years);
  if (report.floor.warning) report.warnings.push_back(*report.floor.warning);
  return timecore::limits_from(report.floor.time, config.ceiling_years);
}

/// How long a round waits for Tor.
constexpr auto kTorPatience = std::chrono::seconds{60};

/// Waits for a Tor that can be asked. False if it is known not to work.
asio::awaitable<bool> tor_works(SyncReport& report, const config::Config& config, const timecore::TimeLimits& limits,
                                std::shared_ptr<ipc::Launcher> launcher, const OnProgress& on_progress) {
  if (config.proxies.empty() || !config.tor_control) co_return true;
  const OnTorState tell = [&on_progress](const ipc::TorState& state) {
    Progress progress;
    progress.at = base::RawClock::now();
    progress.headline = fmt::format("Waiting for Tor: {}.", describe(state));
    if (on_progress) on_progress(progress);
  };
  const IsHopeless clock_is_wrong = [&limits, past = known_past(report.floor)](const TorFacts& facts) {
    return timecore::rough_time(facts.evidence(), base::read_clock_pair(), limits, past).has_value();
  };
  const base::RawTime started = base::RawClock::now();
  report.tor = co_await await_tor(config, std::move(launcher), tell, clock_is_wrong, kTorPatience);
  report.round.duration = base::RawClock::now() - started;
  co_return !report.tor->known_not_to_work();
}

std::chrono::sys_seconds claimed_time(const timecore::Agreed& agreed, base::RawTime at) {
  return std::chrono::floor<std::chrono::seconds>(timecore::reference_time(at, agreed.estimate));
}

/// Why a result cannot be, by the consensus that Tor goes by; empty if it can, or nothing is known. A consensus that is
/// long over is a warning, and no more: Tor has found it valid by the very clock that the round is to set.
std::string against_consensus(SyncReport& report, const timecore::Agreed& agreed) {
  const std::optional<TorFacts>& tor = report.tor;
  if (!tor || !tor->state || !tor->state->valid_after || !tor->state->valid_until) return {};
  const base::RawTime at = report.round.at.raw;
  const timecore::TimeLimits signed_already{timecore::past_by_consensus(*tor->state->valid_after),
                                            timecore::kLatestDate};
  const auto claimed = claimed_time(agreed, at);
  if (!timecore::check_sanity(agreed, at, signed_already)) {
    return fmt::format(
        "The sources agree that it is {}, but Tor's consensus was signed for {} and later: not handed "
        "to chrony.",
        utc(claimed), utc(*tor->state->valid_after));
  }
  if (timecore::outlives_consensus(claimed, *tor->state->valid_until)) {
    report.warnings.push_back(fmt::format(
        "the sources agree that it is {}, and Tor's consensus ended at {}: Tor takes it for valid by a clock that is "
        "slow, and will fetch a new one once the clock is right",
        utc(claimed), utc(*tor->state->valid_until)));
  }
  return {};
}

std::string_view limit_name(timecore::Insane why, const Floor& floor) {
  if (why == timecore::Insane::after_ceiling) return "ceiling";
  return floor.is_saved() ? "floor" : "build";
}

std::string explain(timecore::Insane why, const timecore::Agreed& agreed, base::RawTime at, const Floor& floor,
                    const config::Config& config) {
  const std::string claimed = utc(claimed_time(agreed, at));
  const std::string limit = floor.is_saved() ? fmt::format("the floor in {}", floor.file.string())
                                             : std::string{"the day of this version of sdwdate"};
  if (why == timecore::Insane::after_ceiling) {
    return fmt::format(
        "The sources agree that it is {}, which is more than {} years ([sanity] ceiling_years) after {}, "
        "{}: not handed to chrony.",
        claimed, config.ceiling_years, limit, utc(floor.time));
  }
  if (!floor.is_saved()) {
    return fmt::format(
        "The sources agree that it is {}, which is before {}, {}: not handed to chrony. They are wrong: "
        "'sdwdate survey' shows which ones are.",
        claimed, limit, utc(floor.time));
  }
  return fmt::format(
      "The sources agree that it is {}, but {} says that {} is past ({}): not handed to chrony. "
      "'sdwdate floor' says more; if it is the floor that is wrong, '{}' forgets it.",
      claimed, floor.file.string(), utc(floor.time), describe(*floor.saved.floor), kForgetFloor);
}

/// Who agreed, for whoever asks later.
std::string operators_that_agreed(const RoundReport& round) {
  std::set<std::string> names;
  for (const SourceReport& source : round.sources) {
    if (source.outcome == Outcome::truechimer) names.insert(source.spec.operator_name.value_or(source.spec.url.text));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

/// Did most sources claim times that cannot be?
bool mostly_implausible(const RoundReport& round) {
  const auto implausible = std::ranges::count_if(round.sources, [](const SourceReport& source) {
    return source.reading.error && source.reading.error->code == ErrorCode::implausible;
  });
  return 2 * static_cast<std::size_t>(implausible) > round.sources.size();
}

/// How far chronyd would move the clock that it is told this of.
std::chrono::nanoseconds moves_by(timecore::RawOffset estimate, const base::ClockPair& now) {
  return timecore::against_system_clock(estimate, now).value;
}

using Fed = std::expected<void, refclock::FeedError>;

/// Sends a round's result, made for this instant.
Fed feed_now(const config::Config& config, const SyncReport& report, std::chrono::nanoseconds addition) {
  const base::ClockPair now = base::read_clock_pair();
  if (base::slept_since(report.round.asleep_before)) {
    return std::unexpected(refclock::FeedError{refclock::FeedError::Kind::not_fed,
                                               "the machine slept before chrony could be told; the result is void"});
  }
  const timecore::Offset offset = timecore::against_system_clock(report.told->result.estimate, now) + addition;
  return refclock::feed(config.chrony_socket, {now.real, offset});
}

/// The configured number of times, for a chronyd whose configuration wants several samples in each of its polls.
asio::awaitable<Fed> feed_burst(const config::Config& config, const SyncReport& report,
                                std::chrono::nanoseconds addition) {
  asio::steady_timer pause{co_await asio::this_coro::executor};
  for (int i = 0; i < config.chrony_burst; ++i) {
    if (i > 0) {
      pause.expires_after(kBetweenCopies);
      co_await pause.async_wait(asio::use_awaitable);
    }
    if (auto fed = feed_now(config, report, addition); !fed) co_return fed;
  }
  co_return Fed{};
}

/// Has chronyd forget its samples. A failure is a warning: chronyd will believe us in the end.
asio::awaitable<void> forget(SyncReport& report, const config::Config& config) {
  const auto answer = co_await ask_chrony(config.chrony_reset, kChronycPatience);
  report.forgot = answer && refclock::reset_ok(*answer);
  if (report.forgot) co_return;
  report.warnings.push_back(
      fmt::format("chronyd was not told to forget its old samples, and may not believe new ones for hours: {}",
                  answer ? base::printable(*answer, 200) : answer.error()));
}

asio::awaitable<void> hand_over(SyncReport& report, const config::Config& config) {
  if (report.plan.forget) co_await forget(report, config);
  const std::chrono::nanoseconds addition = report.plan.quick ? kZigzag.front() : std::chrono::nanoseconds{0};
  const Fed fed = co_await feed_burst(config, report, addition);
  if (!fed) {
    report.code = fed.error().kind == refclock::FeedError::Kind::unacceptable ? ExitCode::insane : ExitCode::not_fed;
    report.refusal = fed.error().message;
    co_return;
  }
  report.fed = true;
  report.code = ExitCode::done;
  const timecore::PastTime past{certainly_past(report), std::chrono::floor<std::chrono::seconds>(base::real_now()),
                                operators_that_agreed(report.round)};
  if (auto warning = save_floor(config.state_directory, config.ceiling_years, past)) {
    report.warnings.push_back(*std::move(warning));
  }
}

/// Moves a result by what the administrator wants the clock to be off.
timecore::Known told_of(const timecore::Agreed& result, base::RawTime at, std::chrono::nanoseconds off) {
  return {{{result.bounds.lower + off, result.bounds.upper + off}, result.estimate + off}, at};
}

/// What a rough time may be off by, as far as anybody knows.
std::chrono::nanoseconds uncertainty(const timecore::RoughTime& rough) {
  return rough.basis == timecore::RoughTime::Basis::relays ? timecore::kRelaysAgree : std::chrono::days{1};
}

/// Hands over about what time it is, if Tor's evidence says that the clock is wrong.
asio::awaitable<void> be_rough(SyncReport& report, const config::Config& config, const timecore::TimeLimits& limits,
                               bool feed) {
  const base::ClockPair now = base::read_clock_pair();
  report.rough = timecore::rough_time(report.tor->evidence(), now, limits, known_past(report.floor));
  if (!report.rough) co_return;
  const timecore::RawOffset estimate = report.rough->estimate;
  const std::chrono::nanoseconds off = uncertainty(*report.rough);
  report.told = timecore::Known{{{estimate - off, estimate + off}, estimate}, now.raw};
  report.round.at = now;
  report.round.asleep_before = base::time_asleep();
  report.plan.quick = true;
  report.refusal += fmt::format(" {}", describe(*report.rough, now));
  if (!feed) co_return;
  const Fed fed = co_await feed_quick_sample(config, report, 0);
  report.fed = fed.has_value();
  report.refusal += fed ? " Handed to chrony as a rough time." : fmt::format(" {}", fed.error().message);
}

}  // namespace

MeasureOptions measure_options(const config::Config& config, const timecore::TimeLimits& limits,
                               const ResolveOverrides& overrides, std::shared_ptr<ipc::Launcher> launcher) {
  return {.proxies = config.proxies,
          .ca_file = config.ca_file,
          .exchanges = config.exchanges_per_source,
          .timeout = config.source_timeout(),
          .sharpen = config.sharpen,
          .transfer = config.transfer,
          .limits = limits,
          .overrides = overrides,
          .launcher = std::move(launcher)};
}

std::chrono::sys_seconds certainly_past(const SyncReport& report) {
  const timecore::RawOffset lower = report.round.agreement.certain->lower;
  const auto past = std::chrono::floor<std::chrono::seconds>(timecore::reference_time(report.round.at.raw, lower));
  return std::max(past, report.floor.time);
}

std::optional<UserError> check(const config::Config& config) {
  // Whoever can change this file decides whom to trust. The helpers that read it later follow the same path, on which
  // nobody else can have changed anything since.
  if (!config.ca_file.empty()) {
    if (auto fault = base::check_guarded_file(config.ca_file)) {
      return UserError{fmt::format("the file with certificate authorities: {}", *fault)};
    }
  }
  if (!config.proxies.empty()) return std::nullopt;
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

asio::awaitable<std::expected<void, refclock::FeedError>> feed_quick_sample(const config::Config& config,
                                                                            const SyncReport& report,
                                                                            std::size_t number) {
  return feed_burst(config, report, kZigzag.at(number));
}

asio::awaitable<SyncReport> rough(const config::Config& config, std::shared_ptr<ipc::Launcher> launcher,
                                  OnProgress on_progress, bool feed) {
  SyncReport report;
  const timecore::TimeLimits limits = begin_with_floor(report, config);
  const bool works = co_await tor_works(report, config, limits, std::move(launcher), on_progress);
  if (!report.tor) {
    report.refusal = "No control port of Tor's is configured to be asked.";
  } else if (!report.tor->state) {
    report.refusal = fmt::format("Tor cannot be asked. {}.", report.tor->unavailable);
  } else if (works) {
    report.refusal = "Tor works: 'sdwdate sync' will do better than a rough time.";
  } else {
    report.refusal = fmt::format("{}.", describe(*report.tor->state));
    co_await be_rough(report, config, limits, feed);
    if (!report.rough) report.refusal += " Nothing that Tor knows shows that the clock is wrong, and by how much.";
    if (report.rough) report.code = report.fed || !feed ? ExitCode::done : ExitCode::not_fed;
  }
  co_return report;
}

asio::awaitable<SyncReport> sync(const config::Config& config, const ResolveOverrides& overrides,
                                 std::shared_ptr<ipc::Launcher> launcher, OnProgress on_progress, PlanFeed plan,
                                 timecore::Credit& credit) {
  SyncReport report;
  const timecore::TimeLimits limits = begin_with_floor(report, config);
  const timecore::Quorum quorum = quorum_of(config);

  const bool ready = co_await tor_works(report, config, limits, launcher, on_progress);
  if (!ready) {
    report.refusal = fmt::format("No source was asked: {}.", describe(*report.tor->state));
    if (config.tor_rough) co_await be_rough(report, config, limits, true);
    co_return report;
  }
  const MeasureOptions options = measure_options(config, limits, overrides, std::move(launcher));
  DeliberateOffset off = deliberate_offset(config.runtime_directory, config.random_offset);
  if (off.warning) report.warnings.push_back(*std::move(off.warning));
  Caution caution{credit.proof_is_due(), [&](timecore::RawOffset estimate) {
                    return credit.surprising(moves_by(estimate + off.value, base::read_clock_pair()));
                  }};
  report.round = co_await run_round(draw(config), options, quorum, std::move(on_progress), std::move(caution));
  const timecore::Credit before = credit;
  credit.failed();  // unless it comes to an end that is well
  if (!report.round.agreed()) {
    report.code = mostly_implausible(report.round) ? ExitCode::insane : ExitCode::no_agreement;
    report.refusal = explain(report.round, quorum);
    co_return report;
  }
  const timecore::Agreed agreed{*report.round.agreement.bounds, report.round.agreement.estimate};
  const auto sane = timecore::check_sanity(agreed, report.round.at.raw, limits);
  if (!sane) {
    report.code = ExitCode::insane;
    report.refused_by = limit_name(sane.error(), report.floor);
    report.refusal = explain(sane.error(), agreed, report.round.at.raw, report.floor, config);
    co_return report;
  }
  if (report.refusal = against_consensus(report, *sane); !report.refusal.empty()) {
    report.code = ExitCode::insane;
    report.refused_by = "consensus";
    co_return report;
  }
  report.result = *sane;
  report.told = told_of(*sane, report.round.at.raw, off.value);
  report.plan = plan(report);
  if (report.plan.hold) {
    report.refusal =
        fmt::format("This round alone says that {}: another one must say so, too.", describe(*sane, report.round.at));
    co_return report;
  }
  credit = before;
  const timecore::RawOffset fed = report.told->result.estimate;
  const std::chrono::nanoseconds by = moves_by(fed, base::read_clock_pair());
  co_await hand_over(report, config);
  if (report.fed && report.round.proven) credit.proven(fed - (report.result->estimate + off.value));
  if (report.fed && !report.round.proven) credit.moved(by);
  co_return report;
}

}  // namespace sdwdate::service
