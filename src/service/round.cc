#include "service/round.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <random>
#include <set>

#include "base/random.h"
#include "service/await.h"
#include "service/measure.h"
#include "timecore/likelihood.h"

namespace sdwdate::service {
namespace {

namespace asio = boost::asio;
using base::ErrorCode;
using base::RawClock;
using base::SourceError;
using std::chrono::nanoseconds;
using timecore::NoBounds;

SourceError explain(NoBounds why) {
  switch (why) {
    case NoBounds::only_stale:
      return {ErrorCode::stale, "only a cache answered (Age), with an old Date: the server was not heard"};
    case NoBounds::contradiction:
      return {ErrorCode::inconsistent, "its answers contradict each other: no single clock could have given them"};
    case NoBounds::no_exchange: break;
  }
  return {ErrorCode::timeout, "no answer came in time"};
}

/// Turns what a probe heard into bounds at `at`, or into an error.
void weigh_one(SourceReport& source, const timecore::TransferOptions& round_options, base::RawTime at) {
  if (source.reading.error) return;
  const timecore::TransferOptions options = source.spec.transfer(round_options);
  source.fine_times_dropped += timecore::drop_false_fine_times(source.reading.exchanges, options);
  const auto claim = timecore::claim(source.reading.exchanges, options, at);
  if (!claim) {
    source.reading.error = explain(claim.error());
    return;
  }
  source.claim = *claim;
  source.estimate = timecore::estimate(source.reading.exchanges, options, claim->narrow);
}

timecore::Vote vote_of(const SourceReport& source, const timecore::Claim& claim) {
  return {claim.narrow, claim.certain,       source.estimate.offset,
          claim.sharp,  source.spec.voter(), source.spec.pool.value_or("")};
}

std::vector<timecore::Vote> votes_of(const std::vector<SourceReport>& sources) {
  std::vector<timecore::Vote> votes;
  for (const SourceReport& source : sources) {
    if (source.claim) votes.push_back(vote_of(source, *source.claim));
  }
  return votes;
}

/// One source while it is asked.
struct Asking {
  SourceReport report;
  Interruption interruption;
  bool over = false;
};

/// The moving parts of one round, all on one thread.
class Runner {
 public:
  Runner(Lineup lineup, const MeasureOptions& options, const timecore::Quorum& quorum, OnProgress on_progress,
         Caution caution, const asio::any_io_executor& executor)
      : lineup_(std::move(lineup)),
        panel_(lineup_.panel()),
        options_(options),
        quorum_(quorum),
        on_progress_(std::move(on_progress)),
        caution_(std::move(caution)),
        news_(executor) {
    panel_.set_patience(options_.timeout / 3);
    if (caution_.proof_is_due) panel_.widen();
  }

  asio::awaitable<std::vector<SourceReport>> run() {
    while (true) {
      const timecore::Tally tally = stand();
      const timecore::Panel::Step step = panel_.next(tally, RawClock::now());
      begin(step.ask);
      if (step.end) {
        give_up(tally.agreed);
        break;
      }
      co_await wait_for_news(step.wake);
    }
    while (running_ > 0) co_await wait_for_news(base::RawTime::max());
    std::vector<SourceReport> reports;
    reports.reserve(asked_.size());
    for (Asking& asking : asked_) reports.push_back(std::move(asking.report));
    co_return reports;
  }

  [[nodiscard]] std::size_t operators_asked() const { return operators_.size(); }
  [[nodiscard]] bool wants_proof(const timecore::Agreement& agreement) const {
    return timecore::wants_proof(agreement, panel_, caution_.surprising);
  }

 private:
  void begin(const std::vector<timecore::Panel::Seat>& seats) {
    const nanoseconds start = any_phase();
    for (std::size_t i = 0; i < seats.size(); ++i) {
      // Asked more than once, a source finds the second's change by itself; then nothing ties its phase to others'.
      const bool spread = options_.exchanges == 1;
      nanoseconds phase = spread ? timecore::spread_phase(start, i, seats.size()) : any_phase();
      if (spread && !free_phases_.empty()) {
        phase = free_phases_.back();
        free_phases_.pop_back();
      }
      const std::size_t number = asked_.size();
      asked_.emplace_back().report.spec = lineup_.at(seats[i]);  // a deque: references stay good
      if (!lineup_.asks_everyone()) operators_.insert(asked_.back().report.spec.voter());
      progress_.sources.emplace_back().url = asked_.back().report.spec.url.text;
      ++running_;
      asio::co_spawn(news_.get_executor(), ask(number, phase), [this](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
        --running_;
        tell_news();
      });
    }
  }

  asio::awaitable<void> ask(std::size_t number, nanoseconds phase) {
    Asking& asking = asked_[number];
    SourceProgress& progress = progress_.sources[number];
    const OnExchange narrow = [&, number](const std::vector<timecore::Exchange>& exchanges) {
      panel_.heard(number);
      progress.exchanges = exchanges.size();
      const auto bounds =
          timecore::combine(exchanges, asking.report.spec.transfer(options_.transfer), exchanges.back().received);
      if (bounds) progress.bounds = *bounds;
      tell();
    };
    const Turn turn{phase, started_, number, &asking.interruption};
    asking.report.reading = co_await measure(asking.report.spec, options_, turn, narrow);
    if (asking.interruption.interrupted()) explain_giving_up(asking.report);
    // Whether the answers make sense together is known already now, in time to replace a source that does not.
    weigh_one(asking.report, options_.transfer, RawClock::now());
    asking.over = true;
    const bool failed = asking.report.reading.error.has_value();
    panel_.ended(number, !failed, RawClock::now());
    if (failed) free_phases_.push_back(phase);
    progress.ended = true;
    progress.failed = failed;
    tell();
  }

  /// How the votes of those that have ended stand at this instant.
  timecore::Tally stand() {
    quorum_.asked = operators_.size();
    std::vector<timecore::Vote> votes;
    const base::RawTime now = RawClock::now();
    for (const Asking& asking : asked_) {
      if (!asking.over || asking.report.reading.error) continue;
      const timecore::TransferOptions options = asking.report.spec.transfer(options_.transfer);
      const auto claim = timecore::claim(asking.report.reading.exchanges, options, now);
      if (claim) votes.push_back(vote_of(asking.report, *claim));
    }
    return timecore::stand(votes, quorum_, panel_, caution_.surprising);
  }

  void give_up(bool agreed) {
    agreed_at_end_ = agreed;
    for (Asking& asking : asked_) {
      if (!asking.over) asking.interruption.interrupt();
    }
  }

  /// What it has said counts if it was enough to see its clock tick.
  void explain_giving_up(SourceReport& report) const {
    report.given_up = true;
    if (report.reading.error || timecore::has_ticked(report.reading.exchanges, options_.transfer)) return;
    const std::string_view why = agreed_at_end_ ? "the others had agreed" : "the others could not agree any more";
    report.reading.error = SourceError{ErrorCode::timeout, fmt::format("it was not waited for: {}", why)};
  }

  asio::awaitable<void> wait_for_news(base::RawTime until) {
    if (!news_has_come_) {
      constexpr auto kLong = std::chrono::hours{1};
      news_.expires_after(until == base::RawTime::max() ? kLong : std::max(until - RawClock::now(), nanoseconds{0}));
      co_await news_.async_wait(kAwait);
    }
    news_has_come_ = false;
  }

  void tell_news() {
    news_has_come_ = true;
    news_.cancel();
  }

  void tell() {
    progress_.at = RawClock::now();
    if (on_progress_) on_progress_(progress_);
  }

  Lineup lineup_;
  timecore::Panel panel_;
  const MeasureOptions& options_;
  timecore::Quorum quorum_;
  OnProgress on_progress_;
  Caution caution_;
  asio::steady_timer news_;  ///< cancelled when a source has ended
  bool news_has_come_ = false;
  std::size_t running_ = 0;
  bool agreed_at_end_ = false;
  std::deque<Asking> asked_;
  std::set<std::string> operators_;       ///< of whom more than half must agree; of a survey, of those that answer
  std::vector<nanoseconds> free_phases_;  ///< of those that failed, for who takes their place
  Progress progress_;
  base::RawTime started_ = RawClock::now();
};

}  // namespace

void Lineup::add(std::vector<SourceSpec> candidates, std::size_t at_once) {
  std::vector<std::string> operators;
  operators.reserve(candidates.size());
  for (const SourceSpec& candidate : candidates) operators.push_back(candidate.operator_name.value_or(""));
  panel_.add(std::move(operators), at_once);
  queues_.push_back(std::move(candidates));
}

timecore::Agreement weigh(std::vector<SourceReport>& sources, const timecore::TransferOptions& options,
                          base::RawTime at, const timecore::Quorum& quorum) {
  for (SourceReport& source : sources) weigh_one(source, options, at);
  const timecore::Agreement agreement = timecore::agree(votes_of(sources), quorum);
  auto truechimer = agreement.truechimer.begin();
  for (SourceReport& source : sources) {
    if (source.claim) source.outcome = *truechimer++ ? Outcome::truechimer : Outcome::falseticker;
  }
  return agreement;
}

Lineup lineup_of(const std::vector<wire::Url>& urls) {
  Lineup lineup;
  for (const wire::Url& url : urls) lineup.add({SourceSpec{url}}, 1);
  return lineup;
}

Lineup lineup_of(std::vector<SourceSpec> sources, std::size_t at_once) {
  Lineup lineup;
  lineup.add(std::move(sources), at_once);
  lineup.ask_everyone();
  return lineup;
}

std::vector<SourceSpec> addresses_of(const std::vector<config::Pool>& pools) {
  std::vector<SourceSpec> addresses;
  for (const config::Pool& pool : pools) {
    for (const config::Source& source : pool.sources) {
      const auto add = [&](const wire::Url& url) {
        addresses.push_back({url, pool.name, source.operator_name, source.self_signed, source.lag});
      };
      add(source.url);
      std::ranges::for_each(source.mirrors, add);
    }
  }
  return addresses;
}

timecore::Quorum plain_quorum(const config::Config& config, std::size_t sources) {
  constexpr std::size_t kEnough = 2;  // one alone could say anything
  return {.operators = std::min(kEnough, sources),
          .pools = 1,
          .maximum_width = config.maximum_width,
          .spread = config.exchanges_per_source == 1};
}

Lineup draw(const config::Config& config) {
  base::SystemRandom random;
  Lineup lineup;
  for (const config::Pool& pool : config.pools) {
    std::vector<SourceSpec> candidates;
    for (const config::Source& source : pool.sources) {
      std::uniform_int_distribution<std::size_t> pick{0, source.mirrors.size()};
      const std::size_t address = pick(random);
      const wire::Url& url = address == 0 ? source.url : source.mirrors[address - 1];
      candidates.push_back({url, pool.name, source.operator_name, source.self_signed, source.lag});
    }
    std::ranges::shuffle(candidates, random);
    lineup.add(std::move(candidates), static_cast<std::size_t>(config.sources_per_pool));
  }
  lineup.set_failure_budget(config.failure_budget);
  return lineup;
}

std::size_t RoundReport::count(Outcome outcome) const {
  return static_cast<std::size_t>(std::ranges::count(sources, outcome, &SourceReport::outcome));
}

asio::awaitable<RoundReport> run_round(Lineup lineup, const MeasureOptions& options, timecore::Quorum quorum,
                                       OnProgress on_progress, Caution caution) {
  const base::RawTime started = RawClock::now();
  RoundReport round;
  round.asleep_before = base::time_asleep();
  round.operators = lineup.panel().operators();
  const auto executor = co_await asio::this_coro::executor;
  Runner runner{std::move(lineup), options, quorum, std::move(on_progress), std::move(caution), executor};
  round.sources = co_await runner.run();
  round.at = base::read_clock_pair();
  quorum.asked = runner.operators_asked();
  round.agreement = weigh(round.sources, options.transfer, round.at.raw, quorum);
  round.proven = timecore::proven(round.agreement, votes_of(round.sources), round.operators, quorum.spread);
  round.beyond_belief = runner.wants_proof(round.agreement) && !round.proven;
  round.duration = round.at.raw - started;
  round.slept = base::slept_since(round.asleep_before);
  co_return round;
}

}  // namespace sdwdate::service
