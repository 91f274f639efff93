// One round: sources asked in parallel, failures replaced within a budget, the answers weighed.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "config/config.h"
#include "service/source.h"
#include "timecore/agreement.h"
#include "timecore/likelihood.h"
#include "timecore/panel.h"
#include "timecore/transfer.h"

namespace sdwdate::service {

/// Who may be asked: one queue for each pool, some of each asked at first.
class Lineup {
 public:
  /// A queue, in the order in which its candidates are asked, and how many of it to ask at first.
  void add(std::vector<SourceSpec> candidates, std::size_t at_once);
  /// See timecore::Panel::set_failure_budget().
  void set_failure_budget(int failures) { panel_.set_failure_budget(static_cast<std::size_t>(failures)); }
  /// Ask them all in the end, also several of one operator: each that has ended makes room for the next of its queue.
  void ask_everyone() { panel_.ask_everyone(); }
  [[nodiscard]] bool asks_everyone() const { return panel_.asks_everyone(); }

  [[nodiscard]] const SourceSpec& at(timecore::Panel::Seat seat) const { return queues_.at(seat.pool).at(seat.index); }
  /// Who decides which of them are asked, nobody asked yet.
  [[nodiscard]] const timecore::Panel& panel() const { return panel_; }

 private:
  std::vector<std::vector<SourceSpec>> queues_;
  timecore::Panel panel_;
};

/// When more must be asked than usual before a result is believed (timecore::proven).
struct Caution {
  bool proof_is_due = false;  ///< whatever the result is: so many are asked from the start
  /// Must this one be proven? Asked of each result that is agreed; empty: none must, whatever else is said here.
  timecore::Surprising surprising;
};

/// Each URL, with no operators known and none to replace it.
Lineup lineup_of(const std::vector<wire::Url>& urls);

/// Each of these in the order given, so many at a time.
Lineup lineup_of(std::vector<SourceSpec> sources, std::size_t at_once);

/// Every address of every source of these pools.
std::vector<SourceSpec> addresses_of(const std::vector<config::Pool>& pools);

/// For sources of which nobody has said how many must agree: two, if there are two.
timecore::Quorum plain_quorum(const config::Config& config, std::size_t sources);

/// The configured pools, shuffled by the kernel's CSPRNG, a random mirror for each source.
Lineup draw(const config::Config& config);

enum class Outcome : std::uint8_t { truechimer, falseticker, failed };

struct SourceReport {
  SourceSpec spec;
  Reading reading;
  Outcome outcome = Outcome::failed;
  /// At the round's instant; set unless failed.
  std::optional<timecore::Claim> claim;
  timecore::Estimate estimate;
  std::size_t fine_times_dropped = 0;  ///< that did not agree with Date
  bool given_up = false;               ///< it was not waited for to its end
};

struct RoundReport {
  std::vector<SourceReport> sources;  ///< in the order they were first asked
  timecore::Agreement agreement;
  std::size_t operators = 0;   ///< that could have been asked
  bool proven = false;         ///< timecore::proven()
  bool beyond_belief = false;  ///< agreed, but it had to be proven, and was not
  base::ClockPair at;          ///< the instant all offsets are for
  std::chrono::nanoseconds duration{0};
  /// The machine slept in mid-round: the raw clock stood still, and nothing measured before holds.
  bool slept = false;
  std::chrono::nanoseconds asleep_before{0};  ///< base::time_asleep() when the round began

  [[nodiscard]] bool agreed() const { return agreement.agreed() && !slept && !beyond_belief; }
  [[nodiscard]] std::size_t count(Outcome outcome) const;
};

/// Turns what each source's probe heard into bounds at `at` or into an error, and lets the sources vote: sets `claim`,
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
  std::string headline;                ///< on all of them, such as what none is asked before; empty: nothing
};
using OnProgress = std::function<void(const Progress&)>;

/// Asks, replaces, weighs, and ends when the verdict is clear. `options` must outlive it.
boost::asio::awaitable<RoundReport> run_round(Lineup lineup, const MeasureOptions& options, timecore::Quorum quorum,
                                              OnProgress on_progress, Caution caution = {});

}  // namespace sdwdate::service
