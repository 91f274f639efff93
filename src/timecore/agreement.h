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
  /// The hull of all offsets within the bounds of more than half of the operators, if there are any.
  std::optional<RawBounds> bounds;
  /// The median of the truechimers' estimates (of each operator's first), inside `bounds`; meaningful when `bounds` is
  /// set.
  RawOffset estimate;
  /// For each vote: do its bounds touch the agreed bounds?
  std::vector<bool> truechimer;
  std::size_t operators_agreeing = 0;
  std::size_t pools_agreeing = 0;

  [[nodiscard]] bool agreed() const { return verdict == Verdict::agreed; }
};

/// Weighs the votes. The result does not depend on their order.
Agreement agree(std::span<const Vote> votes, const Quorum& quorum);

/// How late a source seems to be in refreshing its Date, if that alone explains why it disagrees: its bounds lie below
/// the agreed ones as a whole, by less than the second that a Date can be old. A guess in words, never used to decide.
std::optional<nanoseconds> lateness(const Vote& vote, const Agreement& agreement);

}  // namespace sdwdate::timecore
