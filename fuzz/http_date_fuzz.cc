// What parses is a time from 1970 to 9999, and its IMF-fixdate parses to the same time.
#include "wire/http_date.h"

#include <fmt/chrono.h>

#include "fuzz/property.h"

using namespace std::chrono;
using sdwdate::fuzz::require;
using sdwdate::wire::parse_http_date;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr sys_seconds kReference = sys_days{2025y / January / 1};
  constexpr sys_seconds kMuchLater = sys_days{2111y / January / 1};
  constexpr sys_seconds kEnd = sys_days{year{10000} / January / 1};  // also what 9999-12-31 23:59:60 is
  const std::string_view text = sdwdate::fuzz::text_of(data, size);

  const auto date = parse_http_date(text, kReference);
  const bool two_digit_year = text.contains('-');
  require(two_digit_year || parse_http_date(text, kMuchLater) == date, "a full year needs no reference");
  if (!date) return 0;
  require(*date >= sys_seconds{} && *date <= kEnd, "the years are 1970 to 9999");
  require(!two_digit_year || *date < sys_days{2076y / January / 2}, "a two-digit year is at most 50 years ahead");
  if (*date == kEnd) return 0;
  const std::string again = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(date->time_since_epoch().count()));
  require(parse_http_date(again, kMuchLater) == date, "the IMF-fixdate of a date is that date");
  return 0;
}
