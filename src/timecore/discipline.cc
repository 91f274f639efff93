#include "timecore/discipline.h"

namespace sdwdate::timecore {

void Discipline::begin_anew() {
  fresh_ = true;
  suspicion_.reset();
}

FeedPlan Discipline::plan(const Known& told, const base::ClockPair& now) {
  const bool wrong = outside(told, now) > kTolerated;
  const bool jumped_unseen = wrong && right_ && !fresh_;
  if (jumped_unseen && !(suspicion_ && consistent(*suspicion_, told))) {
    suspicion_ = told;
    return {.hold = true};
  }
  const FeedPlan plan{.forget = wrong && (fresh_ || right_), .quick = fresh_ || jumped_unseen};
  // Wrong still at the next round, the clock does not follow chronyd, or chronyd us; doing the same again would not
  // change that.
  right_ = !wrong;
  fresh_ = false;
  suspicion_.reset();
  return plan;
}

}  // namespace sdwdate::timecore
