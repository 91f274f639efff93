// What rounds leave for later ones: how much time is certainly past. Pure.
//
// One round's word is not enough (docs/estimate.md, T5): a floor cannot be argued with, so that one lie into the future
// would refuse the right time for ever. The floor is what two rounds, one after the other, both say is past.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "timecore/offset.h"

namespace sdwdate::timecore {

/// Somebody's word that this much time has passed.
struct PastTime {
  sys_seconds time;
  std::optional<sys_seconds> noted;  ///< when it was written down, by the system clock
  std::string by;                    ///< the operators that agreed on it

  bool operator==(const PastTime&) const = default;
};

/// On whose word a floor refuses times.
enum class Voucher : std::uint8_t {
  rounds,         ///< two rounds
  administrator,  ///< whoever set it by hand
  old_version,    ///< one round: versions before this rule kept its word at once
};

struct SavedFloor {
  PastTime past;
  Voucher voucher = Voucher::rounds;

  bool operator==(const SavedFloor&) const = default;
};

/// What is kept from one round to the next.
struct FloorMemory {
  std::optional<SavedFloor> floor;     ///< refuses earlier times
  std::optional<PastTime> last_round;  ///< refuses nothing

  bool operator==(const FloorMemory&) const = default;
};

/// What is known after a round that says that `round` is past. The floor becomes the earlier of that and the round
/// before, unless it is later already: it never goes back, and nothing that one round alone says raises it.
FloorMemory remember(const FloorMemory& before, const PastTime& round);

/// A floor on other grounds than a round, which the next round may confirm.
FloorMemory floor_by(Voucher voucher, const PastTime& past);

}  // namespace sdwdate::timecore
