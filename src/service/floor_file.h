// How the floor is written down: the text of the file "last-agreed". Pure.
//
//     floor 1795600000 rounds 1795600012 first, second, third
//     round 1795603600 1795603612 first, second, fourth
//
// The time, for the floor on whose word, when it was noted, and who agreed. Either line may be missing. Earlier
// versions kept one number, which is still read: a floor on one round's word.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "timecore/floor.h"

namespace sdwdate::service {

/// No text that floor_text() makes is longer.
inline constexpr std::size_t kLongestFloorText = 1024;

std::string floor_text(const timecore::FloorMemory& memory);

/// Nothing if the text is not as floor_text() or an earlier version made it: whole lines, each at most once.
std::optional<timecore::FloorMemory> parse_floor(std::string_view text);

}  // namespace sdwdate::service
