#include "wire/unix_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/text.h"

namespace sdwdate::wire {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::size_t kMostDecimals = 9;
constexpr std::int64_t kLastWholeSecond =
    std::chrono::duration_cast<seconds>(nanoseconds::max()).count() - 1;  // any fraction still fits

bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, base::is_digit); }

}  // namespace

std::expected<base::RealTime, UnixTimeError> parse_unix_time(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view decimals = dot == std::string_view::npos ? "0" : text.substr(dot + 1);
  if (!all_digits(whole) || !all_digits(decimals)) return std::unexpected(UnixTimeError::not_a_number);
  if (decimals.size() > kMostDecimals) return std::unexpected(UnixTimeError::too_many_decimals);

  std::int64_t whole_seconds = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), whole_seconds);
  if (error != std::errc{} || whole_seconds > kLastWholeSecond) return std::unexpected(UnixTimeError::out_of_range);

  std::int64_t fraction = 0;
  for (std::size_t i = 0; i < kMostDecimals; ++i) {
    fraction = fraction * 10 + (i < decimals.size() ? decimals[i] - '0' : 0);
  }
  return base::RealTime{seconds{whole_seconds} + nanoseconds{fraction}};
}

std::string format_unix_time(base::RealTime time) {
  const auto whole = std::chrono::floor<seconds>(time);
  return fmt::format("{}.{:09}", whole.time_since_epoch().count(), (time - whole).count());
}

}  // namespace sdwdate::wire
