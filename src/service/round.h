// One round: sources asked in parallel, failures replaced within a budget, the answers weighed.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "service/source.h"
#include "timecore/agreement.h"
#include "timecore/likelihood.h"

namespace sdwdate::service {

/// Who may be asked: one queue for each pool, in random order, some of each asked at first.
class Lineup {
 public:
  /// A queue and how many of it to ask at the same time.
  void add(std::vector<SourceSpec> candidates, std::size_t at_once);
  void set_failure_budget(int replacements) { failure_budget_ = replacements; }

  [[nodiscard]] std::size_t queues() const { return queues_.size(); }
  [[nodiscard]] std::size_t at_once(std::size_t queue) const { return queues_.at(queue).at_once; }

  /// The next of a queue whose operator has not been asked yet in this round; empty when there is none.
  std::optional<SourceSpec> next(std::size_t queue);
  /// The same after a failure; empty also when the budget is spent.
  std::optional<SourceSpec> replacement(std::size_t queue);

 private:
  struct Queue {
    std::deque<SourceSpec> candidates;
    std::size_t at_once = 0;
  };
  std::vector<Queue> queues_;
  std::set<std::string> asked_;
  int failure_budget_ = 0;
};

/// Each URL, with no operators known and none replaced.
Lineup lineup_of(const std::vector<wire::Url>& urls);

/// The configured pools, shuffled by the kernel's CSPRNG, a random mirror for each source.
Lineup draw(const config::Config& config);

enum class Outcome : std::uint8_t { truechimer, falseticker, failed };

struct SourceReport {
  SourceSpec spec;
  Reading reading;
  Outcome outcome = Outcome::failed;
  /// At the round's instant; set unless failed.
  std::optional<timecore::RawBounds> bounds;
  timecore::Estimate estimate;
  std::size_t fine_times_dropped = 0;  ///< that did not agree with Date
};

struct RoundReport {
  std::vector<SourceReport> sources;  ///< in the order they were first asked
  timecore::Agreement agreement;
  base::ClockPair at;  ///< the instant all offsets are for
  std::chrono::nanoseconds duration{0};
  /// The machine slept in mid-round: the raw clock stood still, and nothing measured before holds.
  bool slept = false;
  std::chrono::nanoseconds asleep_before{0};  ///< base::time_asleep() when the round began

  [[nodiscard]] bool agreed() const { return agreement.agreed() && !slept; }
  [[nodiscard]] std::size_t count(Outcome outcome) const;
};

/// Turns what each source's probe heard into bounds at `at` or into an error, and lets the sources vote: sets `bounds`,
/// `estimate`, `outcome` and the reading's error. Pure.
timecore::Agreement weigh(std::vector<SourceReport>& sources, const timecore::TransferOptions& options,
                          base::RawTime at, const timecore::Quorum& quorum);

/// One source while a round runs.
struct SourceProgress {
  std::string url;
  std::size_t exchanges = 0;
  std::optional<timecore::RawBounds> bounds;  ///< what is open, as far as the answers make sense together
  bool ended = false;
  bool failed = false;
};

/// Called while a round runs.
struct Progress {
  std::deque<SourceProgress> sources;  ///< in the order they were first asked
  base::RawTime at;                    ///< the instant of this report
  std::string waiting_for;             ///< what no source is asked before, in a sentence; empty: nothing
};
using OnProgress = std::function<void(const Progress&)>;

/// Asks, replaces, weighs. `options` must outlive it.
boost::asio::awaitable<RoundReport> run_round(Lineup lineup, const MeasureOptions& options, timecore::Quorum quorum,
                                              OnProgress on_progress);

}  // namespace sdwdate::service
