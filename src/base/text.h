// Text helpers that know no locale.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace sdwdate::base {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// Printable ASCII only, at most `limit` characters: what strangers send, made fit for a terminal or a log.
std::string printable(std::string_view text, std::size_t limit);

/// "2026-11-23 09:30:00", in UTC, for the years that have four digits. By arithmetic: the C library's own functions
/// look for the machine's time zone, in files that a confined process cannot read.
std::string utc_text(std::chrono::sys_seconds time);

/// Three digits and the unit that reads best: "412 us", "5.10 ms", "10.0 min", "2.31 years". Not negative.
std::string in_words(std::chrono::nanoseconds time);

}  // namespace sdwdate::base
