#include "service/round.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <random>

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

/// The moving parts of one round, all on one thread.
class Runner {
 public:
  Runner(Lineup lineup, const MeasureOptions& options, OnProgress on_progress, const asio::any_io_executor& executor)
      : lineup_(std::move(lineup)),
        options_(options),
        on_progress_(std::move(on_progress)),
        all_done_(executor, asio::steady_timer::time_point::max()) {}

  asio::awaitable<std::vector<SourceReport>> run() {
    const nanoseconds start = any_phase();
    std::size_t planned = 0;
    std::size_t index = 0;
    for (std::size_t queue = 0; queue < lineup_.queues(); ++queue) planned += lineup_.at_once(queue);
    for (std::size_t queue = 0; queue < lineup_.queues(); ++queue) {
      for (std::size_t i = 0; i < lineup_.at_once(queue); ++i) {
        auto spec = lineup_.next(queue);
        if (!spec) continue;
        // Asked more than once, a source finds the second's change by itself; then nothing ties its phase to others'.
        const bool spread = options_.exchanges == 1;
        const nanoseconds phase = spread ? timecore::spread_phase(start, index++, planned) : any_phase();
        ++running_;
        asio::co_spawn(all_done_.get_executor(), ask(*std::move(spec), queue, phase),
                       [this](const std::exception_ptr& error) {
                         if (error) std::rethrow_exception(error);
                         if (--running_ == 0) all_done_.cancel();
                       });
      }
    }
    if (running_ > 0) co_await all_done_.async_wait(kAwait);
    co_return std::vector<SourceReport>{reports_.begin(), reports_.end()};
  }

 private:
  /// Asks `spec` and then whoever takes its place.
  asio::awaitable<void> ask(SourceSpec spec, std::size_t queue, nanoseconds phase) {
    std::optional<SourceSpec> candidate = std::move(spec);
    while (candidate) {
      SourceReport& report = reports_.emplace_back();  // a deque: references stay good
      report.spec = *candidate;
      SourceProgress& progress = progress_.sources.emplace_back();
      progress.url = report.spec.url.text;
      const OnExchange narrow = [&](const std::vector<timecore::Exchange>& exchanges) {
        progress.exchanges = exchanges.size();
        const auto bounds =
            timecore::combine(exchanges, report.spec.transfer(options_.transfer), exchanges.back().received);
        if (bounds) progress.bounds = *bounds;
        tell();
      };
      report.reading = co_await measure(report.spec, options_, {phase, started_, reports_.size() - 1}, narrow);
      // Whether the answers make sense together is known already now, in time to replace a source that does not.
      weigh_one(report, options_.transfer, RawClock::now());
      progress.ended = true;
      progress.failed = report.reading.error.has_value();
      tell();
      candidate = lineup_.next_after(queue, report.reading.error.has_value());
    }
  }

  void tell() {
    progress_.at = RawClock::now();
    if (on_progress_) on_progress_(progress_);
  }

  Lineup lineup_;
  const MeasureOptions& options_;
  OnProgress on_progress_;
  asio::steady_timer all_done_;  ///< never expires: cancelling it says that nothing runs any more
  std::size_t running_ = 0;
  std::deque<SourceReport> reports_;
  Progress progress_;
  base::RawTime started_ = RawClock::now();
};

}  // namespace

void Lineup::add(std::vector<SourceSpec> candidates, std::size_t at_once) {
  queues_.push_back(
      {{std::make_move_iterator(candidates.begin()), std::make_move_iterator(candidates.end())}, at_once});
}

std::optional<SourceSpec> Lineup::next(std::size_t queue) {
  auto& candidates = queues_.at(queue).candidates;
  while (!candidates.empty()) {
    SourceSpec spec = std::move(candidates.front());
    candidates.pop_front();
    if (everyone_ || !spec.operator_name || asked_.insert(*spec.operator_name).second) return spec;
  }
  return std::nullopt;
}

std::optional<SourceSpec> Lineup::next_after(std::size_t queue, bool failed) {
  if (everyone_) return next(queue);
  if (!failed || failure_budget_ == 0) return std::nullopt;
  auto spec = next(queue);
  if (spec) --failure_budget_;
  return spec;
}

timecore::Agreement weigh(std::vector<SourceReport>& sources, const timecore::TransferOptions& options,
                          base::RawTime at, const timecore::Quorum& quorum) {
  for (SourceReport& source : sources) weigh_one(source, options, at);
  std::vector<timecore::Vote> votes;
  std::vector<SourceReport*> voters;
  for (SourceReport& source : sources) {
    if (!source.claim) continue;
    votes.push_back({source.claim->narrow, source.claim->certain, source.estimate.offset, source.claim->sharp,
                     source.spec.voter(), source.spec.pool.value_or("")});
    voters.push_back(&source);
  }
  timecore::Agreement agreement = timecore::agree(votes, quorum);
  for (std::size_t i = 0; i < voters.size(); ++i) {
    voters[i]->outcome = agreement.truechimer[i] ? Outcome::truechimer : Outcome::falseticker;
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
                                       OnProgress on_progress) {
  const base::RawTime started = RawClock::now();
  RoundReport round;
  round.asleep_before = base::time_asleep();
  const auto executor = co_await asio::this_coro::executor;
  Runner runner{std::move(lineup), options, std::move(on_progress), executor};
  round.sources = co_await runner.run();
  round.at = base::read_clock_pair();
  round.agreement = weigh(round.sources, options.transfer, round.at.raw, quorum);
  round.duration = round.at.raw - started;
  round.slept = base::slept_since(round.asleep_before);
  co_return round;
}

}  // namespace sdwdate::service
