// A clock that has been right is evidence: how far a round may move what is fed. Pure.
//
// Bounds are a round trip wide, and whoever delays one way of every path moves the estimate anywhere within them. But
// the raw clock's offset from the truth runs along a line, and paths have lengths that are usual. A round that took
// unusually long moves what is fed no further from that line than an oscillator may have wandered; no round moves it
// outside of its own bounds; and a line that the bounds refute is forgotten. docs/estimate.md, "A clock that has been
// right is evidence", says why; docs/chrony.md what it achieves.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "timecore/offset.h"

namespace sdwdate::timecore {

/// What a round says, and how long it took to hear it.
struct Heard {
  base::RawTime at;
  RawBounds bounds;
  RawOffset estimate;
  nanoseconds delay{0};  ///< typical of its paths
};

/// What becomes of it.
struct Weighed {
  RawOffset estimate;    ///< to be fed: within the bounds
  bool unusual = false;  ///< paths were longer than usual, and the estimate is off the line
  bool refuted = false;  ///< the bounds lie far from where the clock can be by its history, which is forgotten
  nanoseconds usual_delay{0};
};

/// A standard error and what a path of this delay adds if one way may take any part of it: uniform within half a delay
/// to either side.
nanoseconds with_path(nanoseconds error, nanoseconds delay);

class Steadiness {
 public:
  /// Nothing that was heard holds any more: at a start, after a jump.
  void begin_anew() { *this = {}; }

  /// Where the estimate of a round at `at` should lie; empty while less than a day is known.
  [[nodiscard]] std::optional<RawOffset> expected(base::RawTime at) const;

  /// By how much the bounds of a round miss where the clock can have wandered: zero if they do not, or without a
  /// history. More than zero is surprising, and reason to ask further sources before it is believed.
  [[nodiscard]] nanoseconds surprise(const Heard& heard) const;

  /// To be called once for each round whose result may be fed.
  Weighed weigh(const Heard& heard);

 private:
  struct Round {
    base::RawTime at;
    RawOffset estimate;  ///< as fed
    nanoseconds delay{0};
  };

  /// What one in four rounds took, or longer.
  [[nodiscard]] nanoseconds usual_delay() const;
  [[nodiscard]] bool is_usual(nanoseconds delay) const;
  [[nodiscard]] RawBounds near_last(base::RawTime at, nanoseconds least, double rate) const;
  /// Where what is fed must lie, by what was fed before.
  [[nodiscard]] RawBounds allowed(RawOffset expected, const Heard& heard) const;
  /// The clock is elsewhere; its frequency is what it was.
  void shift_line(nanoseconds by);
  /// Of the raw clock against the truth, now.
  [[nodiscard]] double frequency() const;
  void remember(const Round& round);
  void fit();

  /// What an honest round may differ by from the round before.
  [[nodiscard]] nanoseconds honest_move() const;
  /// What one in so many rounds, or more, differ by from the round before, the slope aside.
  static nanoseconds move(const std::deque<Round>& rounds, double slope, std::size_t one_in);

  static void push(std::deque<Round>& rounds, const Round& round);
  /// Are they enough to rely on?
  static bool is_history(const std::deque<Round>& rounds);
  /// The slope of Theil and Sen's line: it holds if less than 29 in 100 rounds are anywhere.
  static double median_slope(const std::deque<Round>& rounds);

  std::deque<Round> usual_;    ///< the last rounds that were as usual
  std::deque<Round> unusual_;  ///< those since, with what they said
  std::optional<Round> last_;
  base::RawTime as_usual_at_;  ///< the last round whose paths were no longer than usual
  bool off_line_ = false;      ///< paths were unusually long at the last round
  double slope_ = 0;           ///< of the line through them, with its value at the last of them
  RawOffset level_;
  nanoseconds noise_{0};  ///< the median of what rounds differed by from the round before, the slope aside
};

}  // namespace sdwdate::timecore
