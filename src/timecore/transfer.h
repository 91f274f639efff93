// From exchanges with one source to bounds on the offset. Pure.
//
// The theorem behind it, with proof: docs/estimate.md, T1 and T2.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "base/fine_time.h"
#include "timecore/offset.h"

namespace sdwdate::timecore {

/// How long a Date is true.
inline constexpr nanoseconds kSecond = std::chrono::seconds{1};

/// One request and its answer, in the times of the raw clock.
struct Exchange {
  base::RawTime sent;      ///< just before the request's last byte went to the kernel
  base::RawTime received;  ///< when the answer's header was complete; never before `sent`
  sys_seconds date;        ///< the Date header
  bool stale = false;      ///< came from a cache: says "at least this late", nothing more
  /// A finer time beside the Date. It counts only if fine_time_agrees().
  std::optional<base::FineTime> fine = std::nullopt;

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
  std::int64_t drift_ppm = 300;
  /// How late a server may be in refreshing a finer time: it is meant to be the time of the answer.
  nanoseconds fine_lag = std::chrono::milliseconds{1};

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

/// Could one clock have shown the Date and the finer time, both while it answered? False without a finer time.
bool fine_time_agrees(const Exchange& exchange, const TransferOptions& options);

/// Takes away each finer time that disagrees with its Date and, if what is left contradicts, all of them: they are
/// extra evidence and never stand against Date. Returns how many were taken away.
std::size_t drop_false_fine_times(std::vector<Exchange>& exchanges, const TransferOptions& options);

/// The smallest round trip; zero without exchanges.
nanoseconds smallest_delay(std::span<const Exchange> exchanges);

}  // namespace sdwdate::timecore
