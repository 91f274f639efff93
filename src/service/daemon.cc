#include "service/daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <csignal>
#include <exception>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "refclock/chrony_report.h"
#include "service/ask_chrony.h"
#include "service/await.h"
#include "service/claimed_error.h"
#include "service/words.h"

namespace sdwdate::service {
namespace {

namespace asio = boost::asio;
using base::ErrorCode;
using base::ExitCode;
using base::Priority;
using std::chrono::nanoseconds;
using timecore::Disturbance;
using Doing = DaemonState::Doing;
using Field = base::LogEntry::Field;

/// A second opinion is wanted soon, but not at a time that an observer could tell.
constexpr auto kSecondOpinion = std::chrono::seconds{2};
/// A chronyd that was started anew needs a moment until its socket is there and open to us.
constexpr auto kChronydStart = std::chrono::seconds{2};
/// chronyd's poll with our configuration, 4 s, and some.
constexpr auto kUntilPolled = std::chrono::seconds{6};
constexpr std::size_t kLongestForeignText = 200;

std::string seconds_text(nanoseconds time) {
  return fmt::format("{:.6f}", std::chrono::duration<double>(time).count());
}

/// Nothing left this machine or its network: no server can have been asked.
bool is_local(const RoundReport& round) {
  return std::ranges::all_of(round.sources, [](const SourceReport& source) {
    if (!source.reading.error) return false;
    const ErrorCode code = source.reading.error->code;
    return code == ErrorCode::dns || code == ErrorCode::connect || code == ErrorCode::proxy;
  });
}

std::string words_for(const timecore::Finding& finding) {
  const std::string much = base::in_words(std::chrono::abs(finding.by));
  switch (finding.what) {
    case Disturbance::slept: return fmt::format("The machine slept for {}: measuring anew.", much);
    case Disturbance::paused:
      return fmt::format("The battery clock is {} ahead of the others: this machine was paused. Measuring anew.", much);
    case Disturbance::stepped:
      return fmt::format("Somebody set the system clock {} by {}: measuring anew.",
                         finding.by < nanoseconds{0} ? "back" : "forward", much);
    case Disturbance::none: break;
  }
  return {};
}

std::string_view event_name(Disturbance what) {
  switch (what) {
    case Disturbance::slept: return "slept";
    case Disturbance::paused: return "paused";
    case Disturbance::stepped: return "clock-stepped";
    case Disturbance::none: break;
  }
  return "none";
}

std::string_view name_of_failure(ExitCode code) {
  switch (code) {
    case ExitCode::insane: return "round-refused";
    case ExitCode::not_fed: return "chrony-not-fed";
    default: return "round-failed";
  }
}

/// The fields of a round that agreed.
std::vector<Field> fields_of(const SyncReport& report) {
  const timecore::Bounds bounds = timecore::against_system_clock(report.result->bounds, report.round.at);
  const auto offset = timecore::against_system_clock(report.result->estimate, report.round.at);
  return {{"SDWDATE_OFFSET", seconds_text(offset.value)},
          {"SDWDATE_LOWER", seconds_text(bounds.lower.value)},
          {"SDWDATE_UPPER", seconds_text(bounds.upper.value)},
          {"SDWDATE_TRUECHIMERS", std::to_string(report.round.count(Outcome::truechimer))},
          {"SDWDATE_SOURCES", std::to_string(report.round.sources.size())}};
}

/// What chronyd's report says about our source.
ChronyState judge(const refclock::ChronyReport& report, nanoseconds since_sample) {
  ChronyState state;
  const refclock::ChronySource* const source = refclock::find_refclock(report, refclock::kOurRefid);
  if (source == nullptr) {
    state.selected = state.took_last_sample = false;
    state.message = fmt::format(
        "chronyd has no refclock named {}: it does not run with our configuration (see 'sdwdate chrony status')",
        refclock::kOurRefid);
    return state;
  }
  state.took_last_sample = refclock::took_sample_within(*source, since_sample);
  state.selected = refclock::is_selected(*source);
  if (!*state.took_last_sample) {
    state.message = "chronyd did not take the sample it was sent (see docs/chrony.md for its reasons)";
  } else if (!*state.selected) {
    state.message = "chronyd took the sample and does not follow the source yet";
  } else {
    state.message = "chronyd follows";
  }
  return state;
}

}  // namespace

Daemon::Daemon(DaemonSettings settings, Reload reload, DaemonObserver observer, DaemonSurroundings surroundings)
    : settings_(std::move(settings)),
      reload_(std::move(reload)),
      observer_(std::move(observer)),
      surroundings_(std::move(surroundings)),
      signals_(context_, SIGTERM, SIGINT, SIGHUP),
      mailbox_(context_.get_executor()),
      links_(open_links()),
      schedule_(settings_.config.schedule) {}

bool Daemon::run() {
  const auto rethrow = [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  };
  state_.started = base::real_now();
  last_look_ = look_at_clocks(surroundings_.rtc);
  clock_watch_ = watch_clock(context_.get_executor(), [this] { look(); });
  asio::co_spawn(context_, heed_signals(), rethrow);
  if (surroundings_.tick) asio::co_spawn(context_, tick(), rethrow);
  asio::co_spawn(context_, rounds(), rethrow);
  context_.run();
  return !gave_up_;
}

// --- rounds -----------------------------------------------------------------------------------------------------

asio::awaitable<void> Daemon::rounds() {
  while (true) {
    change(Doing::measuring, "Asking web servers for the time.");
    const PlanFeed feeding = [this](SyncReport& report) { return plan(report); };
    const OnProgress waiting = [this](const Progress& progress) {
      if (!progress.headline.empty()) change(Doing::measuring, progress.headline);
    };
    SyncReport report =
        co_await sync(settings_.config, settings_.overrides, settings_.launcher, waiting, feeding, credit_);
    const nanoseconds wait = conclude(std::move(report));
    if (!settings_.launcher->works()) {
      gave_up_ = true;
      log("launcher-gone", Priority::error, "sdwdate-launch has ended, without which no source can be asked: ending.");
      change(Doing::stopping, "sdwdate-launch has ended.");
      context_.stop();
      co_return;
    }
    const Wake woken = co_await between(wait);
    heed(woken);
    if (woken == Wake::disturbed && !std::filesystem::exists(settings_.config.chrony_socket)) {
      asio::steady_timer moment{context_, kChronydStart};
      co_await moment.async_wait(kAwait);
    }
  }
}

timecore::FeedPlan Daemon::plan(SyncReport& report) {
  const timecore::Agreed& result = *report.result;
  const nanoseconds delay = typical_delay(report.round);
  timecore::Steadiness steadiness = steadiness_;
  const auto weighed = steadiness.weigh({report.told->at, result.bounds, result.estimate, delay});
  report.told->result.estimate = report.told->result.estimate + (weighed.estimate - result.estimate);

  const timecore::Known& told = *report.told;
  const base::ClockPair& now = report.round.at;
  const timecore::FeedPlan plan = discipline_.plan(told, now, weighed.refuted);
  if (plan.hold) return plan;
  steadiness_ = std::move(steadiness);
  look_at_delay(weighed, delay);
  // From now on chronyd may set the clock, which is to be recognised as its doing.
  known_ = told;
  if (plan.forget) {
    const nanoseconds outside = timecore::outside(told, now);
    const std::string why = plan.refuted
                                ? std::string{"What chronyd was told before cannot be true"}
                                : fmt::format("The clock is {} outside what was measured", base::in_words(outside));
    log("chrony-reset", Priority::notice, fmt::format("{}: chronyd is to forget its old samples.", why),
        {{"SDWDATE_OUTSIDE", seconds_text(outside)}});
    schedule_.begin_anew();
  }
  return plan;
}

void Daemon::look_at_delay(const timecore::Weighed& weighed, nanoseconds delay) {
  if (weighed.unusual == slow_paths_) return;
  slow_paths_ = weighed.unusual;
  if (!slow_paths_) {
    log("delay-usual", Priority::info, "Answers say again what was expected, or take no longer than usual.");
    return;
  }
  log("delay-unusual", Priority::notice,
      fmt::format("Answers took {}, where {} are usual, and differ from what was expected: they move the clock no "
                  "further than it may have wandered.",
                  base::in_words(delay), base::in_words(weighed.usual_delay)),
      {{"SDWDATE_DELAY", seconds_text(delay)}, {"SDWDATE_USUAL_DELAY", seconds_text(weighed.usual_delay)}});
}

nanoseconds Daemon::conclude(SyncReport report) {
  ++state_.rounds;
  for (const std::string& warning : report.warnings) log("warning", Priority::warning, warning);
  look_at_confinement(report.round);
  look_at_tor(report.tor);
  look_at_rough(report);
  if (report.plan.forget && !report.fed) discipline_.begin_anew();
  last_look_ = look_at_clocks(surroundings_.rtc);
  const bool done = report.code == ExitCode::done;
  const nanoseconds wait = done ? after_success(report) : after_failure(report);
  observer_.round_done(report);
  state_.last_round = std::move(report);
  state_.next_round = last_look_.clocks.real + wait;
  change(done ? Doing::waiting : Doing::retrying, state_.message);
  return wait;
}

void Daemon::look_at_confinement(const RoundReport& round) {
  for (const SourceReport& source : round.sources) {
    if (source.reading.error || source.given_up || source.reading.missing == missing_) continue;
    missing_ = source.reading.missing;
    if (!missing_->any()) continue;
    log("confinement", Priority::info,
        fmt::format("This system cannot confine helper processes by: {}. The other layers are in force.",
                    missing_->in_words()));
  }
}

void Daemon::look_at_tor(const std::optional<TorFacts>& tor) {
  const std::string trouble = tor ? tor->unavailable : std::string{};
  if (trouble == tor_trouble_) return;
  tor_trouble_ = trouble;
  if (trouble.empty()) {
    log("tor-control", Priority::info, "Tor's control port can be asked.");
  } else {
    log("tor-control", Priority::info,
        fmt::format("Tor's control port cannot be asked, so rounds do not wait for Tor, and the time is not held "
                    "against its consensus. {}.",
                    trouble));
  }
}

void Daemon::look_at_rough(const SyncReport& report) {
  if (!report.rough || !report.fed) return;
  // From now on chronyd may set the clock; the first round that agrees will know better, whatever was before.
  known_ = report.told;
  steadiness_.begin_anew();
  discipline_.begin_anew();
  log("rough-time", Priority::notice, describe(*report.rough, report.round.at),
      {{"SDWDATE_OFFSET",
        seconds_text(timecore::against_system_clock(report.rough->estimate, report.round.at).value)}});
}

nanoseconds Daemon::after_success(const SyncReport& report) {
  base::SystemRandom random;
  const nanoseconds wait = schedule_.after_success(random());
  state_.failures_in_a_row = 0;
  state_.last_success = last_look_.clocks.real;
  state_.certainly_past = certainly_past(report);
  fed_at_ = last_look_.clocks.raw;
  link_watch_ = Watch{};
  socket_watch_ = watch_file(context_.get_executor(), settings_.config.chrony_socket, [this] {
    log("chronyd-restarted", Priority::notice, "chronyd's socket is gone: a new chronyd is given samples anew.");
    begin_anew();
  });
  state_.message = fmt::format("{} of {} asked agree: {}. Next round in about {}.",
                               report.round.count(Outcome::truechimer), report.round.sources.size(),
                               service::describe(*report.result, report.round.at), base::in_words(wait));
  log("round-agreed", Priority::info, state_.message, fields_of(report));
  for (const SourceReport& source : report.round.sources) {
    const std::string& url = source.spec.url.text;
    if (const std::string said = note(source, report.round); !said.empty()) {
      log("source-note", Priority::notice, fmt::format("{}: {}.", url, said), {{"SDWDATE_SOURCE", url}});
    }
  }
  return wait;
}

nanoseconds Daemon::after_failure(const SyncReport& report) {
  base::SystemRandom random;
  fed_at_.reset();
  if (report.plan.hold) {
    state_.message = report.refusal;
    log("second-opinion", Priority::notice, state_.message, fields_of(report));
    return kSecondOpinion + nanoseconds{static_cast<std::int64_t>(random() % std::nano::den)};
  }
  const bool local = is_local(report.round);
  const nanoseconds wait =
      schedule_.after_failure(local ? timecore::Failure::local : timecore::Failure::unheard, random());
  ++state_.failures_in_a_row;
  if (!report.fed && report.told) discipline_.begin_anew();  // what was planned did not happen
  if (!link_watch_) {
    link_watch_ = watch_links(context_.get_executor(), links_, [this] { mailbox_.post(Wake::link_up); });
  }
  state_.message = fmt::format("{} Trying again in about {}.", report.refusal, base::in_words(wait));
  log(name_of_failure(report.code), local ? Priority::notice : Priority::warning, state_.message,
      {{"SDWDATE_FAILURES", std::to_string(state_.failures_in_a_row)}});
  return wait;
}

// --- the time between rounds ------------------------------------------------------------------------------------

asio::awaitable<Wake> Daemon::between(nanoseconds wait) {
  const base::RawTime until = base::RawClock::now() + wait;
  const SyncReport& round = *state_.last_round;
  if (round.fed && round.plan.quick) {
    const Wake woken = co_await finish_quick_feed(round);
    if (woken != Wake::due) co_return woken;
  }
  if (fed_at_ && until - base::RawClock::now() > kUntilPolled) {
    base::give_memory_back();
    const Wake woken = co_await mailbox_.wait(kUntilPolled);
    if (woken != Wake::due) co_return woken;
    co_await ask_about_sample();
  }
  base::give_memory_back();
  co_return co_await mailbox_.wait(std::max(until - base::RawClock::now(), nanoseconds{0}));
}

asio::awaitable<Wake> Daemon::finish_quick_feed(const SyncReport& round) {
  for (std::size_t sample = 1; sample < kQuickSamples; ++sample) {
    const Wake woken = co_await mailbox_.wait(kBetweenQuickSamples);
    if (woken != Wake::due) {
      discipline_.begin_anew();  // chronyd lacks the samples that it waits for
      co_return woken;
    }
    fed_at_ = base::RawClock::now();
    if (const auto fed = co_await feed_quick_sample(settings_.config, round, sample); !fed) {
      log("chrony-not-fed", Priority::warning, fed.error().message);
      discipline_.begin_anew();
      fed_at_.reset();
      break;
    }
  }
  co_return Wake::due;
}

asio::awaitable<void> Daemon::ask_about_sample() {
  const auto answer = co_await ask_chrony(settings_.config.chrony_report, kChronycPatience);
  const nanoseconds since = base::RawClock::now() - *fed_at_;
  fed_at_.reset();
  const std::string before = state_.chrony.message;
  if (!answer) {
    state_.chrony = ChronyState{.asked = {}, .selected = {}, .took_last_sample = {}, .message = answer.error()};
  } else if (const auto report = refclock::parse_chrony_report(*answer); !report) {
    state_.chrony = ChronyState{.asked = {},
                                .selected = {},
                                .took_last_sample = {},
                                .message = base::printable(report.error(), kLongestForeignText)};
  } else {
    state_.chrony = judge(*report, since);
    state_.chrony.asked = base::real_now();
  }
  if (state_.chrony.message != before) {
    const bool well = state_.chrony.took_last_sample.value_or(false);
    log("chrony-asked", well ? Priority::info : Priority::warning, state_.chrony.message + ".");
  }
  observer_.changed(state_);
}

void Daemon::heed(Wake wake) {
  switch (wake) {
    case Wake::link_up:
      log("link-up", Priority::info, "The network has changed: trying again.");
      schedule_.forgive();
      break;
    case Wake::reload: reload(); break;
    case Wake::due:
    case Wake::disturbed: break;
  }
}

void Daemon::look() {
  const timecore::Look now = look_at_clocks(surroundings_.rtc);
  const timecore::Finding finding = timecore::compare(last_look_, now, known_);
  last_look_ = now;
  if (finding.what == Disturbance::none) return;
  log(event_name(finding.what), Priority::notice, words_for(finding), {{"SDWDATE_BY", seconds_text(finding.by)}});
  steadiness_.begin_anew();
  begin_anew();
}

void Daemon::begin_anew() {
  known_.reset();
  schedule_.begin_anew();
  discipline_.begin_anew();
  mailbox_.post(Wake::disturbed);
}

void Daemon::reload() {
  auto settings = reload_();
  if (!settings) {
    log("reload-refused", Priority::error,
        fmt::format("The new configuration is wrong, the old one stays in force: {}", settings.error().message));
    return;
  }
  settings_ = *std::move(settings);
  schedule_ = timecore::Schedule{settings_.config.schedule};
  log("reloaded", Priority::notice, "The configuration was read again.");
}

// --- signals and the watchdog -----------------------------------------------------------------------------------

asio::awaitable<void> Daemon::heed_signals() {
  while (true) {
    const auto [error, signal] = co_await signals_.async_wait(kAwait);
    if (error) co_return;
    if (signal == SIGHUP) {
      mailbox_.post(Wake::reload);
      continue;
    }
    log("stopping", Priority::notice, "Told to end.");
    change(Doing::stopping, "Told to end.");
    context_.stop();
    co_return;
  }
}

asio::awaitable<void> Daemon::tick() {
  asio::steady_timer timer{context_};
  while (true) {
    timer.expires_after(*surroundings_.tick);
    co_await timer.async_wait(kAwait);
    observer_.alive();
    look();
    base::give_memory_back();
  }
}

void Daemon::log(std::string_view event, Priority priority, std::string message, std::vector<Field> fields) const {
  fields.push_back({"SDWDATE_EVENT", std::string{event}});
  observer_.log({priority, std::move(message), std::move(fields)});
}

void Daemon::change(Doing doing, std::string message) {
  state_.doing = doing;
  if (doing == Doing::measuring) state_.next_round.reset();
  state_.message = std::move(message);
  observer_.changed(state_);
}

}  // namespace sdwdate::service
