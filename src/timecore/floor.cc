#include "timecore/floor.h"

#include <algorithm>

namespace sdwdate::timecore {

FloorMemory remember(const FloorMemory& before, const PastTime& round) {
  FloorMemory after{before.floor, round};
  if (!before.last_round) return after;
  const PastTime& confirmed = before.last_round->time < round.time ? *before.last_round : round;
  const bool rises = !before.floor || confirmed.time > before.floor->past.time;
  // What an old version or a person has set is, by now, what two rounds say.
  const bool is_vouched_for = before.floor && confirmed.time == before.floor->past.time;
  if (rises) after.floor = SavedFloor{confirmed, Voucher::rounds};
  if (is_vouched_for) after.floor->voucher = Voucher::rounds;
  return after;
}

FloorMemory floor_by(Voucher voucher, const PastTime& past) { return {SavedFloor{past, voucher}, past}; }

}  // namespace sdwdate::timecore
