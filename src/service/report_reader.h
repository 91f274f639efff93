// What a probe writes, held to what a correct probe could have written. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ipc/records.h"
#include "service/source.h"

namespace sdwdate::service {

/// Takes one probe's records in the order in which they arrive. Whatever the bytes: what reading() holds are so many
/// exchanges at most, in order, between `started` and the time of their arrival, with plausible dates.
class ReportReader {
 public:
  enum class Verdict : std::uint8_t {
    more,     ///< an exchange
    ended,    ///< the last record, which says how it went
    garbage,  ///< no correct probe could have written this now; nothing more must be taken
  };

  ReportReader(unsigned most_exchanges, const timecore::TimeLimits& limits, base::RawTime started)
      : order_(most_exchanges), limits_(limits), started_(started) {}

  /// `now` is when it arrived.
  Verdict take(std::span<const std::byte> record, base::RawTime now);

  [[nodiscard]] const Reading& reading() const { return reading_; }

 private:
  ipc::ReportOrder order_;
  timecore::TimeLimits limits_;
  base::RawTime started_;
  Reading reading_;
};

}  // namespace sdwdate::service
