// The best guess at an offset, from all exchanges with one source, and when to ask next. Pure.
//
// Bounds assume nothing of the path and stop at one round trip. The guess assumes that, but for queues, both directions
// take equally long; then each answer says on which side of a threshold the offset lies, a threshold that is as sharp
// as the path is steady. Method and limits: docs/estimate.md, "The estimate".
#pragma once

#include <span>

#include "timecore/transfer.h"

namespace sdwdate::timecore {

/// A guess and how far it may be off: one standard deviation, if the path is as it is assumed to be.
struct Estimate {
  RawOffset offset;
  nanoseconds error{0};
};

/// The median of what the exchanges leave likely within `bounds`, which combine() has made of them.
Estimate estimate(std::span<const Exchange> exchanges, const TransferOptions& options, const RawBounds& bounds);

/// The next request.
struct Plan {
  base::RawTime send;
  /// Sent later than this, the answer would tell little: plan anew.
  base::RawTime latest;
};

/// Are the bounds at most half as wide again as the smallest delay, or a fifteenth of a second wider, the lag aside,
/// and is the estimate good to a fifteenth of a second? What more requests add is welcome, but not worth waiting for.
bool enough(std::span<const Exchange> exchanges, const TransferOptions& options, base::RawTime at);

/// The first request: to arrive when the raw clock is `phase` into its second, if the round trip is as given.
Plan plan_first(nanoseconds phase, nanoseconds round_trip, base::RawTime now);

/// Sent at this time, the request should arrive just as the server's second changes if the offset is the estimate:
/// either answer halves what is likely. Between `now` and a second later; at once if there is nothing to aim at.
Plan plan_next(std::span<const Exchange> exchanges, const TransferOptions& options, base::RawTime now);

/// The last request. If none before has seen the second change, it comes when it must have: an answer that still shows
/// the old one makes a contradiction. Otherwise as plan_next().
Plan plan_last(std::span<const Exchange> exchanges, const TransferOptions& options, base::RawTime now);

}  // namespace sdwdate::timecore
