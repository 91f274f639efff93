// Offsets and bounds: integer nanoseconds, tagged with the local clock they are measured against.
#pragma once

#include <algorithm>
#include <chrono>
#include <compare>

#include "base/clock.h"

namespace sdwdate::timecore {

using std::chrono::nanoseconds;
using std::chrono::sys_seconds;

/// Reference times this module can compute with, well inside the range of 64-bit nanoseconds.
inline constexpr sys_seconds kEarliestDate{};
inline constexpr sys_seconds kLatestDate{std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}};

/// Reference minus local clock, where local is `Clock`. Positive: the local clock is slow.
template <typename Clock>
struct OffsetFrom {
  nanoseconds value{0};

  auto operator<=>(const OffsetFrom&) const = default;
  friend constexpr OffsetFrom operator+(OffsetFrom offset, nanoseconds by) { return {offset.value + by}; }
  friend constexpr OffsetFrom operator-(OffsetFrom offset, nanoseconds by) { return {offset.value - by}; }
  friend constexpr nanoseconds operator-(OffsetFrom left, OffsetFrom right) { return left.value - right.value; }
};

/// What the measurement works in: nothing can step the raw clock in mid-round.
using RawOffset = OffsetFrom<base::RawClock>;
/// What people and chrony are told: against the system clock.
using Offset = OffsetFrom<std::chrono::system_clock>;

/// All offsets from `lower` to `upper`, both included; never empty (lower <= upper).
template <typename OffsetType>
struct BoundsOf {
  OffsetType lower;
  OffsetType upper;

  bool operator==(const BoundsOf&) const = default;
  [[nodiscard]] constexpr nanoseconds width() const { return upper - lower; }
  [[nodiscard]] constexpr bool contains(OffsetType offset) const { return lower <= offset && offset <= upper; }
  [[nodiscard]] constexpr bool touches(const BoundsOf& other) const {
    return lower <= other.upper && other.lower <= upper;
  }
  [[nodiscard]] constexpr OffsetType clamp(OffsetType offset) const { return std::clamp(offset, lower, upper); }
  /// The smallest bounds that hold both.
  [[nodiscard]] constexpr BoundsOf hull(const BoundsOf& other) const {
    return {std::min(lower, other.lower), std::max(upper, other.upper)};
  }
  [[nodiscard]] constexpr BoundsOf widened(nanoseconds by) const { return {lower - by, upper + by}; }
};

using RawBounds = BoundsOf<RawOffset>;
using Bounds = BoundsOf<Offset>;

/// The point half way, without overflow.
template <typename Clock>
constexpr OffsetFrom<Clock> midpoint(OffsetFrom<Clock> left, OffsetFrom<Clock> right) {
  return {left.value + (right.value - left.value) / 2};
}

/// What the reference clock shows when the raw clock shows `at`, if `offset` is right.
constexpr base::RealTime reference_time(base::RawTime at, RawOffset offset) {
  return base::RealTime{at.time_since_epoch() + offset.value};
}

/// The same offset seen from the system clock, by two clocks read together (docs/estimate.md, T3).
constexpr Offset against_system_clock(RawOffset offset, const base::ClockPair& now) {
  return {offset.value + now.raw.time_since_epoch() - now.real.time_since_epoch()};
}

/// Likewise for bounds, which grow by the uncertainty of reading two clocks at once.
constexpr Bounds against_system_clock(const RawBounds& bounds, const base::ClockPair& now) {
  return Bounds{against_system_clock(bounds.lower, now), against_system_clock(bounds.upper, now)}.widened(
      now.uncertainty);
}

}  // namespace sdwdate::timecore
