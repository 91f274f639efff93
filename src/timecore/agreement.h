// What sources say together: bounds that no minority can move off the truth. Pure.
//
// The theorem behind it, with proof: docs/estimate.md, T4.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "timecore/offset.h"

namespace sdwdate::timecore {

/// What one source says. All votes of a round are bounds at the same instant.
struct Vote {
  RawBounds bounds;    ///< if the source refreshes its Date with no more than its lag
  RawBounds certain;   ///< if it refreshes it up to kLatest late; contains `bounds`
  RawOffset estimate;  ///< inside `bounds`
  bool sharp = true;   ///< the estimate is a point, good to some part of a round trip; else `bounds` is all we know
  std::string operator_name;  ///< who runs it: an operator has one vote, however many sources
  std::string pool;           ///< whom it is unlikely to conspire with: the other pools
};

/// How many must agree, and how closely.
struct Quorum {
  std::size_t operators = 3;
  std::size_t pools = 1;
  nanoseconds maximum_width = std::chrono::seconds{2};
  /// How many operators were asked, those that failed included; a majority is one of these. 0: as many as answered.
  std::size_t asked = 0;
  /// Each source was asked once, at a phase of its own: see spread_phase().
  bool spread = false;
};

enum class Verdict : std::uint8_t {
  agreed,
  nobody_answered,
  no_majority,  ///< no offset lies within the certain bounds of more than half of those asked
  too_wide,     ///< the bounds are wider than the quorum allows
  too_few_operators,
  too_few_pools,
};

struct Agreement {
  Verdict verdict = Verdict::nobody_answered;
  /// What is claimed: the hull of all offsets within the narrow bounds of more than half of the operators asked if the
  /// sources give reason to believe that they are prompt (`narrow`), else `certain`. Where sharp sources dissent that
  /// may be late, the hull reaches further up, by as much as the others differ. Set if `certain` is.
  std::optional<RawBounds> bounds;
  /// The same hull by certain bounds: true whatever the number of honest sources that are up to kLatest late.
  std::optional<RawBounds> certain;
  bool narrow = false;
  /// The median of the truechimers' estimates (of each operator's first), inside `bounds`; meaningful when `bounds` is
  /// set.
  RawOffset estimate;
  /// For each vote: does what it says touch what a majority says narrowly, claimed or not; else, the agreed bounds?
  std::vector<bool> truechimer;
  /// Whose votes touch the agreed bounds, by the measure by which they were agreed.
  std::size_t operators_agreeing = 0;
  std::size_t pools_agreeing = 0;
  std::size_t operators_asked = 0;

  [[nodiscard]] bool agreed() const { return verdict == Verdict::agreed; }
};

/// How many rounds of late sources, at most, one would expect for one in which `agreeing` of `operators` say the same
/// within `closeness`: the probability that they do by chance, if each is late by a time that is anywhere within half a
/// second, or is 1 if that is more (docs/estimate.md, "Certain bounds and the narrow claim").
double chance_of_closeness(std::size_t operators, std::size_t agreeing, nanoseconds closeness);

/// A narrow claim is made if chance alone would lead to it less often than this; than half of this where some dissent.
inline constexpr double kChanceAllowed = 4e-5;

/// When the request to source `index` of `count` is to arrive, into the raw clock's second: all phases are equally far
/// apart, so that sources that say a second each say a `count`th of it together. `start` is random.
nanoseconds spread_phase(nanoseconds start, std::size_t index, std::size_t count);

/// Weighs the votes. The result does not depend on their order.
Agreement agree(std::span<const Vote> votes, const Quorum& quorum);

}  // namespace sdwdate::timecore
