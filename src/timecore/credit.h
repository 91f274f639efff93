// How far rounds that ask few may move the clock. Pure.
//
// Chance puts liars into the majority of some usual round, sooner or later, and whoever can make honest sources fail
// need not wait for long. So a usual round is believed on credit: all of them together may move the clock by so much
// after a round that no third of all operators could have made up (proven()). Then another of that kind is due.
#pragma once

#include "timecore/offset.h"

namespace sdwdate::timecore {

/// By how much usual rounds may move the clock in all.
inline constexpr nanoseconds kCredit = std::chrono::milliseconds{40};
/// For who measures once and remembers nothing.
inline constexpr nanoseconds kCreditOfOneRound = std::chrono::milliseconds{50};

class Credit {
 public:
  /// Of who measures round after round: the first must be proven, for nobody knows how right the clock is.
  Credit() = default;
  /// Of a round that has none before it and none after it.
  static Credit of_one_round() { return Credit{kCreditOfOneRound, false}; }

  /// Must the next round be proven, whatever it says?
  [[nodiscard]] bool proof_is_due() const { return proof_is_due_; }
  /// Must a round be proven that would move the clock by this much?
  [[nodiscard]] bool surprising(nanoseconds by) const;

  /// The clock is being moved by this much, by a round that was not proven.
  void moved(nanoseconds by) { moved_ += by; }
  /// By one that was, to so far from what it said.
  void proven(nanoseconds off);
  /// A round failed or disagreed: somebody may be choosing who can be heard.
  void failed() { proof_is_due_ = true; }

 private:
  Credit(nanoseconds limit, bool proof_is_due) : limit_(limit), proof_is_due_(proof_is_due) {}

  nanoseconds limit_ = kCredit;
  bool proof_is_due_ = true;
  nanoseconds moved_{0};  ///< since the last proof
};

}  // namespace sdwdate::timecore
