// What an answer may say of when it was made, beside its Date.
#pragma once

#include <chrono>
#include <cstdint>

namespace sdwdate::base {

/// The age of an answer whose cache does not say, or not legibly, how old it is. RFC 9111, 1.2.2, has caches say so
/// many seconds when they can count no further; nobody sums it up with a Date, and whoever did would stay in range.
inline constexpr std::chrono::seconds kAgeUnknown{std::int64_t{1} << 31U};

/// By how much several Date headers of one answer may differ: two machines on the way that write one each do so at the
/// change of a second.
inline constexpr std::chrono::seconds kMaxDateSpread{2};

}  // namespace sdwdate::base
