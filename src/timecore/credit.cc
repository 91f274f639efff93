#include "timecore/credit.h"

namespace sdwdate::timecore {

bool Credit::surprising(nanoseconds by) const {
  // Each on its own first: their sum could overflow.
  return proof_is_due_ || by > 2 * limit_ || by < -2 * limit_ || std::chrono::abs(moved_ + by) > limit_;
}

void Credit::moved(nanoseconds by, bool proven) {
  moved_ = proven ? nanoseconds{0} : moved_ + by;
  if (proven) proof_is_due_ = false;
}

}  // namespace sdwdate::timecore
