// How chronyd is to be fed, by what became of what it was fed before. Pure.
//
// chronyd fits a line through the samples it has. After the clock has jumped, or after a round that was wrong, old
// samples contradict new ones, and it believes neither for up to half a day (docs/chrony.md); so it must forget the old
// ones and be given new ones quickly.
#pragma once

#include <optional>

#include "timecore/watch.h"

namespace sdwdate::timecore {

/// What to do with a round's result.
struct FeedPlan {
  bool hold = false;     ///< nothing yet: one round alone says that what was known is wrong
  bool forget = false;   ///< have chronyd forget its samples first
  bool quick = false;    ///< hand it over several times, over some of chronyd's polls: chronyd sets the clock at once
  bool refuted = false;  ///< this result and what chronyd was told last cannot both be true
};

/// Beyond the bounds by this much, a clock is wrong; less may be what chronyd has not corrected yet.
inline constexpr nanoseconds kTolerated = std::chrono::milliseconds{100};
/// A clock that is wrong although chronyd was told so is not chronyd's to set, or chronyd does not run as it should.
/// It is told anew after so long, then after twice as long each time, up to a day.
inline constexpr nanoseconds kFirstPatience = std::chrono::minutes{5};
inline constexpr nanoseconds kLongestPatience = std::chrono::days{1};

class Discipline {
 public:
  /// chronyd's samples may be of no use: at the start, after a jump that was seen, for a new chronyd.
  void begin_anew();

  /// For a round that agreed and was found sane: `told` is what chronyd would be told, `now` the clocks. To be called
  /// once for each such round, before chronyd is fed. `surprising`: it is not to be believed alone, whatever the clock
  /// shows.
  FeedPlan plan(const Known& told, const base::ClockPair& now, bool surprising = false);

  /// Was the clock right at the last round?
  [[nodiscard]] bool right() const { return right_; }

 private:
  /// Does it take a second round to believe this one?
  [[nodiscard]] bool doubtful(bool wrong, bool refuted) const;
  bool lost_patience(base::RawTime now);

  bool fresh_ = true;
  bool right_ = false;
  bool alone_ = false;              ///< what chronyd was told rests on the first round since a start, on nothing else
  std::optional<Known> told_;       ///< what chronyd was last told
  std::optional<Known> suspicion_;  ///< what the round that was held said
  nanoseconds patience_ = kFirstPatience;
  base::RawTime quick_since_;  ///< the last quick feed
};

}  // namespace sdwdate::timecore
