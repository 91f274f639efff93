#include "wire/http_date.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace sdwdate::wire {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 7> kWeekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::size_t kShortName = 3;

/// Takes fixed pieces off the front of a text; once one does not fit, everything after fails too.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  void literal(std::string_view expected) {
    if (rest_.starts_with(expected)) {
      rest_.remove_prefix(expected.size());
    } else {
      fail();
    }
  }

  /// Exactly `digits` digits.
  int number(std::size_t digits) {
    if (rest_.size() < digits || !std::ranges::all_of(rest_.substr(0, digits), base::is_digit)) return fail();
    int value = 0;
    for (const char c : rest_.substr(0, digits)) value = value * 10 + (c - '0');
    rest_.remove_prefix(digits);
    return value;
  }

  /// asctime's day of the month: two digits, or a space and one.
  int padded_day() {
    if (!rest_.starts_with(' ')) return number(2);
    rest_.remove_prefix(1);
    return number(1);
  }

  /// Which of `names` comes next, by its first `length` characters (all of them when 0).
  template <std::size_t Count>
  unsigned one_of(const std::array<std::string_view, Count>& names, std::size_t length) {
    for (unsigned i = 0; i < Count; ++i) {
      const std::string_view name = names.at(i).substr(0, length == 0 ? std::string_view::npos : length);
      if (rest_.starts_with(name)) {
        rest_.remove_prefix(name.size());
        return i;
      }
    }
    fail();
    return 0;
  }

  [[nodiscard]] bool complete() const { return !failed_ && rest_.empty(); }

 private:
  int fail() {
    failed_ = true;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool failed_ = false;
};

struct Fields {
  unsigned weekday = 0;
  int year = 0;
  unsigned month = 0;  ///< from 0
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  bool complete = false;
};

void scan_time(Scanner& scanner, Fields& fields) {
  fields.hour = scanner.number(2);
  scanner.literal(":");
  fields.minute = scanner.number(2);
  scanner.literal(":");
  fields.second = scanner.number(2);
}

Fields scan_imf_fixdate(std::string_view text) {
  Scanner scanner{text};
  Fields fields;
  fields.weekday = scanner.one_of(kWeekdays, kShortName);
  scanner.literal(", ");
  fields.day = scanner.number(2);
  scanner.literal(" ");
  fields.month = scanner.one_of(kMonths, 0);
  scanner.literal(" ");
  fields.year = scanner.number(4);
  scanner.literal(" ");
  scan_time(scanner, fields);
  scanner.literal(" GMT");
  fields.complete = scanner.complete();
  return fields;
}

Fields scan_rfc850(std::string_view text, sys_seconds reference) {
  Scanner scanner{text};
  Fields fields;
  fields.weekday = scanner.one_of(kWeekdays, 0);
  scanner.literal(", ");
  fields.day = scanner.number(2);
  scanner.literal("-");
  fields.month = scanner.one_of(kMonths, 0);
  scanner.literal("-");
  const int two_digits = scanner.number(2);
  scanner.literal(" ");
  scan_time(scanner, fields);
  scanner.literal(" GMT");
  fields.complete = scanner.complete();

  const int latest = static_cast<int>(year_month_day{floor<days>(reference)}.year()) + 50;
  const int back = (latest - two_digits) % 100;
  fields.year = latest - (back < 0 ? back + 100 : back);
  return fields;
}

Fields scan_asctime(std::string_view text) {
  Scanner scanner{text};
  Fields fields;
  fields.weekday = scanner.one_of(kWeekdays, kShortName);
  scanner.literal(" ");
  fields.month = scanner.one_of(kMonths, 0);
  scanner.literal(" ");
  fields.day = scanner.padded_day();
  scanner.literal(" ");
  scan_time(scanner, fields);
  scanner.literal(" ");
  fields.year = scanner.number(4);
  fields.complete = scanner.complete();
  return fields;
}

bool time_of_day_exists(const Fields& fields) {
  const bool leap_second = fields.hour == 23 && fields.minute == 59 && fields.second == 60;
  return fields.hour <= 23 && fields.minute <= 59 && (fields.second <= 59 || leap_second);
}

std::expected<sys_seconds, DateError> assemble(const Fields& fields) {
  const year_month_day date{year{fields.year}, month{fields.month + 1}, day{static_cast<unsigned>(fields.day)}};
  if (!date.ok() || !time_of_day_exists(fields)) return std::unexpected(DateError::malformed);
  const sys_days midnight{date};
  if (weekday{midnight}.c_encoding() != fields.weekday) return std::unexpected(DateError::malformed);
  if (fields.year < 1970) return std::unexpected(DateError::out_of_range);
  return midnight + hours{fields.hour} + minutes{fields.minute} + seconds{fields.second};
}

}  // namespace

std::expected<sys_seconds, DateError> parse_http_date(std::string_view text, sys_seconds reference) {
  for (const Fields& fields : {scan_imf_fixdate(text), scan_rfc850(text, reference), scan_asctime(text)}) {
    if (fields.complete) return assemble(fields);
  }
  return std::unexpected(DateError::malformed);
}

}  // namespace sdwdate::wire
