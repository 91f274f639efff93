// What an answer says of how long a cache has had it.
#pragma once

#include <chrono>

namespace sdwdate::base {

/// The answer comes from a cache that does not say, or not legibly, for how long it has had it.
inline constexpr std::chrono::seconds kAgeUnknown = std::chrono::seconds::max();

}  // namespace sdwdate::base
