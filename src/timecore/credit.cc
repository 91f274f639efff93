#include "timecore/credit.h"

#include <algorithm>

namespace sdwdate::timecore {

bool Credit::surprising(nanoseconds by) const {
  // Each on its own first: their sum could overflow.
  return proof_is_due_ || by > 2 * limit_ || by < -2 * limit_ || std::chrono::abs(moved_ + by) > limit_;
}

void Credit::proven(nanoseconds off) {
  // Further than that is as surprising as that.
  moved_ = std::clamp(off, -2 * limit_, 2 * limit_);
  proof_is_due_ = false;
}

}  // namespace sdwdate::timecore
