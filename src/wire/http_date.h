// RFC 9110 section 5.6.7: the three forms of an HTTP date.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string_view>

namespace sdwdate::wire {

enum class DateError : std::uint8_t {
  malformed,     ///< not one of the three forms, or a day that does not exist, or the wrong weekday
  out_of_range,  ///< well formed, but not in the years 1970 to 9999
};

/// Reads IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT") and the obsolete forms of RFC 850 ("Sunday,
/// 06-Nov-94 08:49:37 GMT") and asctime ("Sun Nov  6 08:49:37 1994"); nothing else, and no other letter case.
/// The weekday must fit. 23:59:60 is the second after 23:59:59, that is the next midnight.
/// A two-digit year is the last one with these digits that is not more than 50 years after `reference`.
std::expected<std::chrono::sys_seconds, DateError> parse_http_date(std::string_view text,
                                                                   std::chrono::sys_seconds reference);

}  // namespace sdwdate::wire
