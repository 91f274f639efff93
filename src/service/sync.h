// One configured round from the draw to chrony: what `sdwdate sync` and each turn of sdwdated do.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "refclock/sock_feeder.h"
#include "service/round.h"
#include "service/state.h"
#include "service/tor_watch.h"
#include "timecore/credit.h"
#include "timecore/discipline.h"
#include "timecore/watch.h"

namespace sdwdate::service {

/// How a configuration's sources are asked. `overrides` come from the command line.
MeasureOptions measure_options(const config::Config& config, const timecore::TimeLimits& limits,
                               const ResolveOverrides& overrides, std::shared_ptr<ipc::Launcher> launcher);

/// What is the matter with a configuration as a whole that no single line shows, if anything.
std::optional<base::UserError> check(const config::Config& config);

struct SyncReport;

/// Asked once a round has agreed and is sane, before chronyd is told report.told: how is it to be fed? May move the
/// estimate that it is told, within the bounds.
using PlanFeed = std::function<timecore::FeedPlan(SyncReport& report)>;

struct SyncReport {
  /// What was certainly past when it began.
  Floor floor;
  RoundReport round;
  /// What Tor's control port said; set if there is one to ask.
  std::optional<TorFacts> tor;
  /// The agreed result after the sanity check, at round.at; set if the round agreed and is sane.
  std::optional<timecore::Agreed> result;
  /// What chronyd was to be told: the result, moved by the configured random offset.
  std::optional<timecore::Known> told;
  /// Set if Tor cannot work because the clock is wrong, and there is evidence of about what time it is.
  std::optional<timecore::RoughTime> rough;
  timecore::FeedPlan plan;
  bool forgot = false;  ///< chronyd has forgotten its earlier samples, as planned
  bool fed = false;
  base::ExitCode code = base::ExitCode::no_agreement;
  /// Which limit an agreed time broke: "build", "floor", "ceiling" or "consensus"; empty if none.
  std::string_view refused_by;
  /// Why not done, in a sentence; empty when done.
  std::string refusal;
  /// What else a person should know.
  std::vector<std::string> warnings;
};

/// How much time has certainly passed by now, as an agreed round says; only if no majority of its sources is wrong.
/// Never before the floor that it began with.
std::chrono::sys_seconds certainly_past(const SyncReport& report);

/// A quick feed: sync() sends the first of so many samples, the caller the others, each this much after the one before.
inline constexpr std::size_t kQuickSamples = 3;
inline constexpr auto kBetweenQuickSamples = std::chrono::seconds{5};

/// Sends the `number`th sample (from 0) of a quick feed, made for this instant, as often as configured. The error is a
/// sentence. `config` and `report` must outlive it.
boost::asio::awaitable<std::expected<void, refclock::FeedError>> feed_quick_sample(const config::Config& config,
                                                                                   const SyncReport& report,
                                                                                   std::size_t number);

/// Asks Tor what it knows of the time and, with `feed`, hands chronyd the first of a quick feed's samples. For a clock
/// that is too wrong for Tor to work; nothing is done to one that is not. `config` must outlive it.
boost::asio::awaitable<SyncReport> rough(const config::Config& config, std::shared_ptr<ipc::Launcher> launcher,
                                         OnProgress on_progress, bool feed);

/// Draws, measures, agrees, checks, feeds chrony, saves the floor. `credit` says when more must be asked, and learns
/// what came of it. `config`, `overrides` and `credit` must outlive it.
boost::asio::awaitable<SyncReport> sync(const config::Config& config, const ResolveOverrides& overrides,
                                        std::shared_ptr<ipc::Launcher> launcher, OnProgress on_progress, PlanFeed plan,
                                        timecore::Credit& credit);

}  // namespace sdwdate::service
