#include "timecore/discipline.h"

#include <algorithm>

namespace sdwdate::timecore {

void Discipline::begin_anew() {
  fresh_ = true;
  told_.reset();
  suspicion_.reset();
}

FeedPlan Discipline::plan(const Known& told, const base::ClockPair& now, bool surprising) {
  const bool wrong = outside(told, now) > kTolerated;
  const bool refuted = told_ && !consistent(*told_, told);
  if (!fresh_ && (surprising || doubtful(wrong, refuted)) && !(suspicion_ && consistent(*suspicion_, told))) {
    suspicion_ = told;
    return {.hold = true, .refuted = refuted};
  }
  FeedPlan plan;
  if (fresh_) {
    plan = {.forget = wrong, .quick = true};
  } else if (refuted || (wrong && (right_ || lost_patience(told.at)))) {
    plan = {.forget = true, .quick = true, .refuted = refuted};
  }
  if (!wrong) patience_ = kFirstPatience;
  if (plan.quick) quick_since_ = told.at;
  // A first round that found the clock right has the clock as its witness.
  alone_ = fresh_ && wrong;
  right_ = !wrong;
  fresh_ = false;
  told_ = told;
  suspicion_.reset();
  return plan;
}

bool Discipline::doubtful(bool wrong, bool refuted) const {
  // Of two rounds that contradict each other, with no other witness, the later is as good as the first, and it can be
  // heard before chronyd has built on either.
  return refuted ? !alone_ : wrong && right_;
}

bool Discipline::lost_patience(base::RawTime now) {
  if (now - quick_since_ < patience_) return false;
  patience_ = std::min(2 * patience_, kLongestPatience);
  return true;
}

}  // namespace sdwdate::timecore
