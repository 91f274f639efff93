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

#include "base/cache_age.h"
#include "base/fine_time.h"
#include "timecore/offset.h"

namespace sdwdate::timecore {

/// How long a Date is true.
inline constexpr nanoseconds kSecond = std::chrono::seconds{1};
/// How late a server may be in refreshing its Date and still be honest: docs/servers.md, "Late tickers".
inline constexpr nanoseconds kLatest = std::chrono::seconds{1};

/// One request and its answer, in the times of the raw clock.
struct Exchange {
  base::RawTime sent;      ///< just before the request's last byte went to the kernel
  base::RawTime received;  ///< when the answer's header was complete; never before `sent`
  sys_seconds date;        ///< the Date header; of several that differ, the earliest
  /// Set if a cache says so, with any value: the answer was not made for this request (RFC 9111, section 5.1).
  std::optional<std::chrono::seconds> age = std::nullopt;
  /// A finer time beside the Date. It counts only if fine_time_agrees().
  std::optional<base::FineTime> fine = std::nullopt;
  std::chrono::seconds spread{0};  ///< how much later than `date` the latest of several Date headers is

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

/// Which ends of an answer's times may be used.
struct Provenance {
  bool ours = false;       ///< its Date was written for this request, as far as the source's answers show
  bool fine = false;       ///< its finer time may be used for the lower bound
  bool fine_ours = false;  ///< and was written for this request
};

/// Where each exchange comes from, by all that the source has said. An answer with an Age unmasks those without one
/// that show the same Date: they may have come from the same cache. A finer time beside an Age was written for the
/// request if the source's finer times are all different, and there are two at least.
std::vector<Provenance> provenances(std::span<const Exchange> exchanges, const TransferOptions& options);

/// Has any answer been made for its request, as far as they show? Without one, a source has little to say.
bool heard_live(std::span<const Exchange> exchanges, const TransferOptions& options);

/// Has a Date changed from one answer made for its request to another? A clock that stands still, such as a cache's, is
/// narrowed down like any other: aimed requests end before its second would have to change.
bool has_ticked(std::span<const Exchange> exchanges, const TransferOptions& options);

/// Why exchanges give no bounds.
enum class NoBounds : std::uint8_t {
  no_exchange,    ///< nothing was heard
  only_stale,     ///< caches answered, the source never did, and what they said proves next to nothing
  contradiction,  ///< no offset fits all answers, not even with the slack
};

/// Bounds on the offset at raw time `at` (not before the exchanges) that hold if the source stamped each answer by a
/// right clock, and refreshed its Date with no more than the lag. Every date must lie in [kEarliestDate, kLatestDate].
std::expected<RawBounds, NoBounds> combine(std::span<const Exchange> exchanges, const TransferOptions& options,
                                           base::RawTime at);

/// The same options for servers that may be late by up to kLatest.
TransferOptions allowing_late(TransferOptions options);

/// What a source says, by two measures of honesty.
struct Claim {
  RawBounds narrow;   ///< if it refreshes its Date with no more than the lag
  RawBounds certain;  ///< if it refreshes it up to kLatest late; contains `narrow`
  /// Both ends of `narrow` come from answers that were made for us, by a server that gives no sign of being late, and
  /// that nobody has said is late.
  bool sharp = false;

  bool operator==(const Claim&) const = default;
};

/// combine() by both measures. Answers that no prompt server can have given, though a late one can, leave the certain
/// bounds alone; unless the Date was never seen to change, for that is what a clock that stands still looks like.
std::expected<Claim, NoBounds> claim(std::span<const Exchange> exchanges, const TransferOptions& options,
                                     base::RawTime at);

/// Could one clock have shown the Date and the finer time, both while it answered? False without a finer time, and with
/// one that is no time of ours (beyond kLatestDate).
bool fine_time_agrees(const Exchange& exchange, const TransferOptions& options);

/// Takes away each finer time that disagrees with its Date and, if what is left contradicts, all of them: they are
/// extra evidence and never stand against Date. Returns how many were taken away.
std::size_t drop_false_fine_times(std::vector<Exchange>& exchanges, const TransferOptions& options);

/// The smallest round trip; zero without exchanges.
nanoseconds smallest_delay(std::span<const Exchange> exchanges);

}  // namespace sdwdate::timecore
