// The world in which the theorems of docs/estimate.md are tested.
#pragma once

#include "timecore/transfer.h"

namespace sdwdate::support {

/// A server whose clock is right, and a local raw clock that drifts. Every answer it gives meets the assumptions A1 to
/// A4 of docs/estimate.md exactly, and nothing more: the path may take any time in each direction.
class HonestServer {
 public:
  using RawTime = base::RawTime;
  using nanoseconds = std::chrono::nanoseconds;

  /// At raw time `start`, reference minus raw clock is `offset`; from then on it changes by `drift_ppb` nanoseconds in
  /// each second of the raw clock.
  HonestServer(RawTime start, timecore::RawOffset offset, std::int64_t drift_ppb)
      : start_(start), offset_(offset), drift_ppb_(drift_ppb) {}

  /// The truth: what bounds for the raw time `at` must contain.
  [[nodiscard]] timecore::RawOffset offset_at(RawTime at) const {
    // In two steps, or hours of nanoseconds times 100000 would not fit.
    const std::int64_t age = (at - start_).count();
    const std::int64_t drift = age / kBillion * drift_ppb_ + age % kBillion * drift_ppb_ / kBillion;
    return offset_ + nanoseconds{drift};
  }

  /// A request sent at `sent` reaches the server after `there`; the answer's header is complete after another `back`.
  /// The Date in it was current `late` before the server wrote it: at most the lag or, from a cache, any time.
  [[nodiscard]] timecore::Exchange ask(RawTime sent, nanoseconds there, nanoseconds back, nanoseconds late,
                                       std::optional<std::chrono::seconds> age = std::nullopt) const {
    const RawTime written = sent + there;
    const base::RealTime shown = timecore::reference_time(written, offset_at(written)) - late;
    return {sent, written + back, std::chrono::floor<std::chrono::seconds>(shown), age};
  }

 private:
  static constexpr std::int64_t kBillion = 1'000'000'000;

  RawTime start_;
  timecore::RawOffset offset_;
  std::int64_t drift_ppb_;
};

}  // namespace sdwdate::support
