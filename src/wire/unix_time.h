// UNIX time as people and programs write it: "1654420510" or "1654420510.864804506".
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace sdwdate::wire {

enum class UnixTimeError : std::uint8_t {
  not_a_number,       ///< anything but digits and one dot between digits
  too_many_decimals,  ///< more than nine
  out_of_range,       ///< more than 64 bits of nanoseconds: after the year 2262
};

/// Exact: no floating point in between. No sign, no spaces, no exponent.
std::expected<base::RealTime, UnixTimeError> parse_unix_time(std::string_view text);

/// The inverse; always nine decimals. `time` must not be before 1970.
std::string format_unix_time(base::RealTime time);

}  // namespace sdwdate::wire
