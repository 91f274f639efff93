// How chronyd is to be fed, by what became of what it was fed before. Pure.
//
// chronyd fits a line through the samples it has. After the clock has jumped, old samples contradict new ones, and it
// believes neither for up to half a day (docs/chrony.md); so it must forget the old ones, once, and be given new ones
// quickly.
#pragma once

#include <optional>

#include "timecore/watch.h"

namespace sdwdate::timecore {

/// What to do with a round's result.
struct FeedPlan {
  bool hold = false;    ///< nothing yet: the clock had been right, and one round alone says that it no longer is
  bool forget = false;  ///< have chronyd forget its samples first
  bool quick = false;   ///< hand it over several times, over some of chronyd's polls: chronyd sets the clock at once
};

/// Beyond the bounds by this much, a clock is wrong; less may be what chronyd has not corrected yet.
inline constexpr nanoseconds kTolerated = std::chrono::milliseconds{100};

class Discipline {
 public:
  /// chronyd's samples may be of no use: at the start, after a jump that was seen, for a new chronyd.
  void begin_anew();

  /// For a round that agreed and was found sane: `told` is what chronyd would be told, `now` the clocks. To be called
  /// once for each such round, before chronyd is fed.
  FeedPlan plan(const Known& told, const base::ClockPair& now);

  /// Was the clock right at the last round?
  [[nodiscard]] bool right() const { return right_; }

 private:
  bool fresh_ = true;
  bool right_ = false;
  std::optional<Known> suspicion_;  ///< what the round that was held said
};

}  // namespace sdwdate::timecore
