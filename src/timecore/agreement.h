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
  RawBounds bounds;
  RawOffset estimate;         ///< inside `bounds`
  std::string operator_name;  ///< who runs it: an operator has one vote, however many sources
  std::string pool;           ///< whom it is unlikely to conspire with: the other pools
};

/// How many must agree, and how closely.
struct Quorum {
  std::size_t operators = 3;
  std::size_t pools = 1;
  nanoseconds maximum_width = std::chrono::seconds{2};
  /// Each source was asked once, at a phase of its own: see spread_phase().
  bool spread = false;
  /// Operators that were asked, also those that failed; 0: as many as answered.
  std::size_t asked = 0;
};

enum class Verdict : std::uint8_t {
  agreed,
  nobody_answered,
  no_majority,  ///< no offset lies within the bounds of more than half
  too_wide,     ///< the bounds are wider than the quorum allows
  too_few_operators,
  too_few_pools,
};

struct Agreement {
  Verdict verdict = Verdict::nobody_answered;
  /// The hull of all offsets within the bounds of more than half of the operators, if there are any; of a spread round,
  /// within those of as many operators as possible, if these are more than two thirds.
  std::optional<RawBounds> bounds;
  /// The lower end for more than half of the operators in every case: what has passed if no majority is wrong.
  RawOffset certain;
  /// The median of the truechimers' estimates (of each operator's first), inside `bounds`; meaningful when `bounds` is
  /// set.
  RawOffset estimate;
  /// For each vote: do its bounds touch the agreed bounds?
  std::vector<bool> truechimer;
  std::size_t operators_agreeing = 0;
  std::size_t pools_agreeing = 0;

  [[nodiscard]] bool agreed() const { return verdict == Verdict::agreed; }
};

/// When the request to source `index` of `count` is to arrive, into the raw clock's second: all phases are equally far
/// apart, so that sources that say a second each say a `count`th of it together. `start` is random.
nanoseconds spread_phase(nanoseconds start, std::size_t index, std::size_t count);

/// Weighs the votes. The result does not depend on their order.
Agreement agree(std::span<const Vote> votes, const Quorum& quorum);

}  // namespace sdwdate::timecore
