// Whom a round asks, and when it ends. Pure: the caller says what has happened and what time it is, and does the
// asking.
//
// Those who decide are a majority of those who were asked, so whoever failed counts as much as whoever answered: docs/
// estimate.md, T4. What follows from that for whoever can make sources fail: docs/threat-model.md, "Who decides".
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "timecore/agreement.h"

namespace sdwdate::timecore {

/// How the votes stand while some are under way, which count as failed.
struct Tally {
  bool agreed = false;
  bool believed = false;  ///< agreed, and by enough operators for what they say
  std::size_t most = 0;   ///< operators within whose bounds one offset lies
};

/// How far no third of all operators can move a result that is proven().
inline constexpr nanoseconds kBelieved = std::chrono::milliseconds{40};

/// Could `operators / 3` liars not have made this result up? Whichever so many of those that agree are left out, some
/// others remain, and the middle of their estimates is within kBelieved of the result. So if no more are liars, and the
/// others' estimates are right, the result is as right. Of few operators (kFew) it only says that they agree.
bool proven(const Agreement& agreement, std::span<const Vote> votes, std::size_t operators, bool spread);

/// Must a result that says this be proven? Empty: none must.
using Surprising = std::function<bool(RawOffset estimate)>;

/// The largest number of operators within whose bounds one offset lies.
std::size_t most_agreeing(std::span<const Vote> votes);

/// With fewer operators in all, whoever must be sure asks them all.
inline constexpr std::size_t kFew = 7;

/// Who sits on a round's panel. It asks some of each pool, replaces those that fail or are slow as long as too few
/// would be left, and is widened when more is at stake: then so many are asked that a third of all is no majority of
/// them, and, if that is not enough to be believed, in the end everybody.
class Panel {
 public:
  /// One of add()'s candidates.
  struct Seat {
    std::size_t pool = 0;
    std::size_t index = 0;
  };

  struct Step {
    std::vector<Seat> ask;                      ///< now; they are counted as asked, in this order
    bool end = false;                           ///< nobody is to be waited for any more
    base::RawTime wake = base::RawTime::max();  ///< when time alone will have changed something
  };

  /// A pool's candidates by operator, in the order in which they are asked, so many of them at first. An operator is
  /// asked once in all pools together; an empty name stands for one that nobody else has.
  void add(std::vector<std::string> operators, std::size_t at_once);
  /// A pool of which so many more have failed than answered is not asked again while another has candidates.
  void set_failure_budget(std::size_t failures) { failure_budget_ = failures; }
  /// How long a source may take where no other has ended to compare it with.
  void set_patience(nanoseconds patience) { patience_ = patience; }
  /// Ask them all in the end, also several of one operator, `at_once` of each pool at a time, and wait for each.
  void ask_everyone() { everyone_ = true; }
  [[nodiscard]] bool asks_everyone() const { return everyone_; }
  /// More is at stake than in a usual round.
  void widen() { wide_ = true; }

  /// What is to be done now.
  Step next(const Tally& tally, base::RawTime now);

  /// `member` counts those that were asked from 0. Something usable was heard of it; it has ended.
  void heard(std::size_t member) { members_.at(member).heard = true; }
  void ended(std::size_t member, bool answered, base::RawTime now);

  [[nodiscard]] bool wide() const { return wide_; }
  /// Are so many asked that a third of all is no majority of them?
  [[nodiscard]] bool wide_enough() const { return members_.size() >= wide_target(); }
  [[nodiscard]] std::size_t asked() const { return members_.size(); }
  [[nodiscard]] std::size_t under_way() const { return under_way_; }
  /// Those that could be asked.
  [[nodiscard]] std::size_t operators() const { return operators_.size(); }

 private:
  struct Pool {
    std::vector<std::string> candidates;
    std::size_t next = 0;  ///< of the candidates
    std::size_t at_once = 0;
    std::size_t asked = 0;
    std::size_t answered = 0;
    std::size_t failed = 0;
    std::size_t under_way = 0;
  };
  struct Member {
    std::size_t pool = 0;
    base::RawTime since;
    bool heard = false;
    bool over = false;
  };

  [[nodiscard]] std::size_t wide_target() const;
  [[nodiscard]] bool set_aside(const Pool& pool) const { return pool.failed > failure_budget_ + pool.answered; }
  bool has_candidate(Pool& pool);
  std::optional<std::size_t> pick(bool also_set_aside);
  bool take(Step& step, base::RawTime now, bool also_set_aside);
  void draw(Step& step, base::RawTime now);
  void roll(Step& step, base::RawTime now);
  [[nodiscard]] bool wants_more(const Tally& tally, base::RawTime now) const;
  void ask_more(Step& step, const Tally& tally, base::RawTime now);
  void settle(Step& step, const Tally& tally, base::RawTime now);

  [[nodiscard]] nanoseconds overdue_after() const;
  [[nodiscard]] std::size_t overdue(base::RawTime now) const;
  [[nodiscard]] nanoseconds grace() const;

  std::vector<Pool> pools_;
  std::set<std::string> operators_;
  std::size_t planned_ = 0;  ///< to be asked at first
  std::vector<Member> members_;
  std::set<std::string> operators_asked_;
  std::vector<std::size_t> owed_;  ///< pools of which one has failed and is not replaced yet
  std::vector<nanoseconds> took_;  ///< by those that answered, sorted
  std::size_t failure_budget_ = 0;
  nanoseconds patience_ = std::chrono::seconds{10};
  std::size_t answered_ = 0;
  std::size_t under_way_ = 0;
  bool everyone_ = false;
  bool wide_ = false;
  std::optional<base::RawTime> settled_;  ///< since when nobody under way can change the verdict
};

/// Does this result have to be proven? One for which more than usual were asked must be, whatever it says in the end.
bool wants_proof(const Agreement& agreement, const Panel& panel, const Surprising& surprising);

/// How the votes of those that have ended stand, for Panel::next(); `quorum.asked` counts all that were asked.
Tally stand(std::span<const Vote> votes, const Quorum& quorum, const Panel& panel, const Surprising& surprising);

}  // namespace sdwdate::timecore
