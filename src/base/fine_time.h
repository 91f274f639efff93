// A time finer than Date that a server offered beside it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace sdwdate::base {

/// Which header said so.
enum class FineHeader : std::uint8_t {
  x_httpstime,  ///< X-HTTPSTIME, as served at /.well-known/time
  x_timer,      ///< X-Timer, Fastly's: when the request was received
};

/// As in the JSON output.
constexpr std::string_view name(FineHeader header) {
  return header == FineHeader::x_httpstime ? "x-httpstime" : "x-timer";
}

/// Finer times that are believed enough to compute with: those of timecore's kEarliestDate to kLatestDate.
inline constexpr std::chrono::sys_time<std::chrono::nanoseconds> kEarliestFineTime{};
inline constexpr std::chrono::sys_time<std::chrono::nanoseconds> kLatestFineTime{
    std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}};

/// The server's clock read something in [time, time + resolution) while it answered.
struct FineTime {
  FineHeader header = FineHeader::x_httpstime;
  std::chrono::sys_time<std::chrono::nanoseconds> time;
  std::chrono::nanoseconds resolution{0};

  bool operator==(const FineTime&) const = default;
};

}  // namespace sdwdate::base
