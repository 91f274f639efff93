#include "wire/fine_time.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace sdwdate::wire {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kMostFraction = 9;
constexpr std::size_t kMostDigits = 10;
constexpr std::int64_t kLatest =
    std::chrono::floor<std::chrono::seconds>(base::kLatestFineTime).time_since_epoch().count();

std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool all = error == std::errc{} && end == text.data() + text.size();
  return all && !text.starts_with('-') ? std::optional{value} : std::nullopt;
}

std::optional<base::FineTime> parse(std::string_view text, base::FineHeader header) {
  const std::size_t point = text.find('.');
  if (point > kMostDigits) return std::nullopt;  // or there is none
  const std::string_view fraction = text.substr(point + 1);
  if (fraction.size() > kMostFraction) return std::nullopt;
  const auto whole = digits(text.substr(0, point));
  const auto part = digits(fraction);
  if (!whole || !part || *whole >= kLatest) return std::nullopt;
  nanoseconds unit{1};
  for (std::size_t digit = fraction.size(); digit < kMostFraction; ++digit) unit *= 10;
  const nanoseconds since_1970 = std::chrono::seconds{*whole} + *part * unit;
  return base::FineTime{header, std::chrono::sys_time<nanoseconds>{since_1970}, unit};
}

}  // namespace

std::optional<base::FineTime> parse_x_httpstime(std::string_view value) {
  return parse(value, base::FineHeader::x_httpstime);
}

std::optional<base::FineTime> parse_x_timer(std::string_view value) {
  if (!value.starts_with('S')) return std::nullopt;
  return parse(value.substr(1, value.find(',') - 1), base::FineHeader::x_timer);
}

}  // namespace sdwdate::wire
