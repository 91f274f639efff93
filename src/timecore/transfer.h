// From exchanges with one source to bounds on the offset, and when to ask next. Pure.
//
// The theorem behind it, with proof: docs/estimate.md, T1 and T2.
#pragma once

#include <cstdint>
#include <expected>
#include <span>

#include "timecore/offset.h"

namespace sdwdate::timecore {

/// One request and its answer, in the times of the raw clock.
struct Exchange {
  base::RawTime sent;      ///< just before the request's last byte went to the kernel
  base::RawTime received;  ///< when the answer's header was complete; never before `sent`
  sys_seconds date;        ///< the Date header
  bool stale = false;      ///< came from a cache: says "at least this late", nothing more

  bool operator==(const Exchange&) const = default;
  [[nodiscard]] nanoseconds delay() const { return received - sent; }
};

/// How much is allowed for what servers and clocks do.
struct TransferOptions {
  /// How late a server may refresh its Date: one tick of a coarse kernel clock at 100 Hz.
  nanoseconds lag = std::chrono::milliseconds{10};
  /// How much machines behind one name may differ before it is a contradiction.
  nanoseconds slack = std::chrono::milliseconds{5};
  /// How fast the raw clock may drift off the truth, in parts per million.
  std::int64_t drift_ppm = 100;

  bool operator==(const TransferOptions&) const = default;
};

/// Why exchanges give no bounds.
enum class NoBounds : std::uint8_t {
  no_exchange,    ///< nothing was heard
  only_stale,     ///< caches answered, the source never did
  contradiction,  ///< no offset fits all answers, not even with the slack
};

/// Bounds on the offset at raw time `at` (not before the exchanges) that hold if the source stamped
/// each answer by a right clock. Every date must lie in [kEarliestDate, kLatestDate].
std::expected<RawBounds, NoBounds> combine(std::span<const Exchange> exchanges, const TransferOptions& options,
                                           base::RawTime at);

/// The best guess inside `bounds`, under the assumption, which bounds never make, that both directions
/// took equally long. Needs at least one exchange that is not stale.
RawOffset estimate(std::span<const Exchange> exchanges, const RawBounds& bounds);

/// The smallest round trip; zero without exchanges.
nanoseconds smallest_delay(std::span<const Exchange> exchanges);

/// When to send the next request so that it should arrive just as the server's second changes in the middle
/// of what is still open: either answer then halves it. Between `now` and a second later.
base::RawTime plan_next(std::span<const Exchange> exchanges, const TransferOptions& options, base::RawTime now);

}  // namespace sdwdate::timecore
