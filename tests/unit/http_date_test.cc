#include "wire/http_date.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <chrono>
#include <string>

#include "support/generators.h"

namespace sdwdate::wire {
namespace {

using namespace std::chrono;
using support::uniform;

constexpr sys_seconds kNow = sys_days{year{2026} / 11 / 23};
constexpr sys_seconds kRfcExample = sys_days{year{1994} / 11 / 6} + 8h + 49min + 37s;
constexpr sys_seconds kFirst{};
constexpr sys_seconds kLast = sys_days{year{9999} / 12 / 31} + 23h + 59min + 59s;

// fmt and libc write dates without knowing our code.
std::string imf_fixdate(sys_seconds time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(time.time_since_epoch().count()));
}
std::string rfc850(sys_seconds time) {
  return fmt::format("{:%A, %d-%b-%y %H:%M:%S GMT}", fmt::gmtime(time.time_since_epoch().count()));
}
std::string asctime(sys_seconds time) {
  return fmt::format("{:%a %b %e %H:%M:%S %Y}", fmt::gmtime(time.time_since_epoch().count()));
}
/// The grammar of RFC 9110 also allows two digits for days before the tenth.
std::string asctime_two_digits(sys_seconds time) {
  return fmt::format("{:%a %b %d %H:%M:%S %Y}", fmt::gmtime(time.time_since_epoch().count()));
}

rc::Gen<sys_seconds> any_time() {
  return rc::gen::map(uniform<std::int64_t>(0, kLast.time_since_epoch().count()),
                      [](std::int64_t count) { return sys_seconds{seconds{count}}; });
}

/// A reference time from which the two-digit year of `time` means the year of `time`.
sys_seconds reference_for(sys_seconds time) {
  const year_month_day date{floor<days>(time)};
  const auto reference = date.year() + years{*uniform(-50, 49)};
  return sys_days{reference / *uniform(1, 12) / *uniform(1, 28)};
}

void expect_time(std::string_view text, sys_seconds expected, sys_seconds reference = kNow) {
  SCOPED_TRACE(text);
  const auto parsed = parse_http_date(text, reference);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, expected);
}

void expect_error(std::string_view text, DateError expected, sys_seconds reference = kNow) {
  SCOPED_TRACE(text);
  const auto parsed = parse_http_date(text, reference);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error(), expected);
}

void expect_malformed(std::string_view text) { expect_error(text, DateError::malformed); }

// --- examples -----------------------------------------------------------------------------------------------------

TEST(HttpDate, TheThreeExamplesOfRfc9110AreTheSameInstant) {
  expect_time("Sun, 06 Nov 1994 08:49:37 GMT", kRfcExample);
  expect_time("Sunday, 06-Nov-94 08:49:37 GMT", kRfcExample);
  expect_time("Sun Nov  6 08:49:37 1994", kRfcExample);
}

TEST(HttpDate, AsctimeTakesTwoDigitDaysWithAndWithoutZero) {
  expect_time("Sun Nov 06 08:49:37 1994", kRfcExample);
  expect_time("Wed Nov 16 08:49:37 1994", kRfcExample + days{10});
  expect_malformed("Sun Nov   6 08:49:37 1994");
  expect_malformed("Sun Nov 6 08:49:37 1994");
}

TEST(HttpDate, TheWrongWeekdayIsRefused) {
  for (const char* weekday : {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}) {
    expect_malformed(fmt::format("{}, 06 Nov 1994 08:49:37 GMT", weekday));
    expect_malformed(fmt::format("{} Nov  6 08:49:37 1994", weekday));
  }
  expect_malformed("Monday, 06-Nov-94 08:49:37 GMT");
}

TEST(HttpDate, ShortWeekdaysBelongToTwoFormsAndLongOnesToTheThird) {
  expect_malformed("Sunday, 06 Nov 1994 08:49:37 GMT");
  expect_malformed("Sun, 06-Nov-94 08:49:37 GMT");
  expect_malformed("Sunday Nov  6 08:49:37 1994");
}

TEST(HttpDate, TheTwentyNinthOfFebruaryExistsInLeapYearsOnly) {
  expect_time("Thu, 29 Feb 2024 00:00:00 GMT", sys_days{year{2024} / 2 / 29});
  expect_time("Tue, 29 Feb 2000 00:00:00 GMT", sys_days{year{2000} / 2 / 29});
  expect_malformed("Wed, 29 Feb 2023 00:00:00 GMT");  // what a Wednesday it would be
  expect_malformed("Mon, 29 Feb 2100 00:00:00 GMT");
}

TEST(HttpDate, DaysThatDoNotExistAreRefused) {
  expect_malformed("Sun, 00 Nov 1994 08:49:37 GMT");
  expect_malformed("Thu, 31 Nov 1994 08:49:37 GMT");
  expect_malformed("Fri, 32 Dec 1994 08:49:37 GMT");
}

TEST(HttpDate, TheLeapSecondIsTheNextMidnight) {
  expect_time("Sat, 31 Dec 2016 23:59:60 GMT", sys_days{year{2017} / 1 / 1});
  expect_time("Saturday, 31-Dec-16 23:59:60 GMT", sys_days{year{2017} / 1 / 1});
  expect_time("Sat Dec 31 23:59:60 2016", sys_days{year{2017} / 1 / 1});
}

TEST(HttpDate, SecondSixtyExistsJustBeforeMidnightOnly) {
  expect_malformed("Sun, 06 Nov 1994 08:49:60 GMT");
  expect_malformed("Sun, 06 Nov 1994 23:58:60 GMT");
  expect_malformed("Sun, 06 Nov 1994 22:59:60 GMT");
  expect_malformed("Sun, 06 Nov 1994 23:59:61 GMT");
}

TEST(HttpDate, TimesOfDayThatDoNotExistAreRefused) {
  expect_malformed("Sun, 06 Nov 1994 24:00:00 GMT");
  expect_malformed("Sun, 06 Nov 1994 08:60:00 GMT");
  expect_malformed("Sun, 06 Nov 1994 99:99:99 GMT");
}

TEST(HttpDate, OtherLetterCasesAreRefused) {
  expect_malformed("sun, 06 Nov 1994 08:49:37 GMT");
  expect_malformed("Sun, 06 nov 1994 08:49:37 GMT");
  expect_malformed("Sun, 06 Nov 1994 08:49:37 gmt");
  expect_malformed("SUNDAY, 06-Nov-94 08:49:37 GMT");
}

TEST(HttpDate, AnythingBeforeOrAfterIsRefused) {
  using namespace std::string_view_literals;
  for (const std::string_view junk : {" "sv, "\t"sv, "x"sv, "\0"sv, "\r\n"sv, "0"sv}) {
    for (const std::string& date : {imf_fixdate(kRfcExample), rfc850(kRfcExample), asctime(kRfcExample)}) {
      expect_malformed(date + std::string{junk});
      expect_malformed(std::string{junk} + date);
    }
  }
}

TEST(HttpDate, OtherZonesAndFormsAreRefused) {
  expect_malformed("Sun, 06 Nov 1994 08:49:37 UTC");
  expect_malformed("Sun, 06 Nov 1994 08:49:37 +0000");
  expect_malformed("Sun, 06 Nov 1994 08:49:37");
  expect_malformed("Sun, 6 Nov 1994 08:49:37 GMT");
  expect_malformed("Sun,06 Nov 1994 08:49:37 GMT");
  expect_malformed("Sun, 06 Nov 1994 8:49:37 GMT");
  expect_malformed("Sun, 06 Nov 94 08:49:37 GMT");
  expect_malformed("Sun, 06 Nov 01994 08:49:37 GMT");
  expect_malformed("Sun, 06 Nov +994 08:49:37 GMT");
  expect_malformed("06 Nov 1994 08:49:37 GMT");
  expect_malformed("1994-11-06T08:49:37Z");
  expect_malformed("784111777");
  expect_malformed("");
}

TEST(HttpDate, YearsBefore1970AreOutOfRange) {
  expect_error("Wed, 31 Dec 1969 23:59:59 GMT", DateError::out_of_range);
  expect_error("Mon, 01 Jan 1900 00:00:00 GMT", DateError::out_of_range);
  expect_error("Sat, 01 Jan 0000 00:00:00 GMT", DateError::out_of_range);
  expect_error("Sat Jan  1 00:00:00 0000", DateError::out_of_range);
}

TEST(HttpDate, TheFirstAndTheLastSecondAreInRange) {
  expect_time("Thu, 01 Jan 1970 00:00:00 GMT", kFirst);
  expect_time("Fri, 31 Dec 9999 23:59:59 GMT", kLast);
}

TEST(HttpDate, ATwoDigitYearIsAtMostFiftyYearsAhead) {
  expect_time("Thursday, 31-Dec-76 23:59:59 GMT", sys_days{year{2076} / 12 / 31} + 23h + 59min + 59s);
  expect_time("Saturday, 01-Jan-77 00:00:00 GMT", sys_days{year{1977} / 1 / 1});
  expect_time("Thursday, 01-Jan-70 00:00:00 GMT", kFirst, sys_days{year{2019} / 12 / 31});
  expect_time("Wednesday, 01-Jan-70 00:00:00 GMT", sys_days{year{2070} / 1 / 1}, sys_days{year{2020} / 1 / 1});
  expect_error("Wednesday, 31-Dec-69 00:00:00 GMT", DateError::out_of_range, sys_days{year{2018} / 1 / 1});
}

// --- properties ---------------------------------------------------------------------------------------------------

RC_GTEST_PROP(HttpDate, EveryTimeWrittenAsImfFixdateIsReadBack, ()) {
  const sys_seconds time = *any_time();
  RC_ASSERT((parse_http_date(imf_fixdate(time), *any_time()) == time));
}

RC_GTEST_PROP(HttpDate, EveryTimeWrittenByAsctimeIsReadBack, ()) {
  const sys_seconds time = *any_time();
  RC_ASSERT((parse_http_date(asctime(time), *any_time()) == time));
}

RC_GTEST_PROP(HttpDate, EveryTimeWrittenByRfc850IsReadBackNearItsReference, ()) {
  const sys_seconds time = *any_time();
  RC_ASSERT((parse_http_date(rfc850(time), reference_for(time)) == time));
}

/// Nothing is accepted but what some clock writes in one of the forms: no text has a second spelling.
bool only_true_spellings(const std::string& text, sys_seconds reference) {
  const auto parsed = parse_http_date(text, reference);
  if (!parsed) return true;
  const sys_seconds time = *parsed;
  for (const auto form : {imf_fixdate, rfc850, asctime, asctime_two_digits}) {
    if (form(time) == text) return true;
    // 23:59:60: a second later than what is written with 59.
    std::string leap = form(time - 1s);
    if (const auto place = leap.find("23:59:59");
        place != std::string::npos && leap.replace(place, 8, "23:59:60") == text)
      return true;
  }
  return false;
}

std::string any_valid_text() {
  const sys_seconds time = *any_time();
  switch (*uniform(0, 2)) {
    case 0: return imf_fixdate(time);
    case 1: return rfc850(time);
    default: return asctime(time);
  }
}

RC_GTEST_PROP(HttpDate, AChangedCharacterMakesAnotherDateOrNone, ()) {
  std::string text = any_valid_text();
  const auto place = *uniform<std::size_t>(0, text.size() - 1);
  const bool digit = *rc::gen::arbitrary<bool>();
  text[place] = static_cast<char>(digit ? *uniform(int{'0'}, int{'9'}) : *uniform(0, 255));
  RC_ASSERT(only_true_spellings(text, kNow));
}

RC_GTEST_PROP(HttpDate, ADroppedOrAddedCharacterIsRefusedOrHarmless, ()) {
  std::string text = any_valid_text();
  const auto place = *uniform<std::size_t>(0, text.size() - 1);
  if (*rc::gen::arbitrary<bool>()) {
    text.erase(place, 1);
  } else {
    text.insert(place, 1, *rc::gen::elementOf(std::string{" 0123456789:,-GMTSundayNov"}));
  }
  RC_ASSERT(only_true_spellings(text, kNow));
}

RC_GTEST_PROP(HttpDate, ArbitraryBytesAreRefusedOrTrueSpellings, ()) {
  const std::string text = *rc::gen::oneOf(support::any_bytes(), support::any_text_of(" 0123456789:,-GMTSundayNov"));
  RC_ASSERT(only_true_spellings(text, *any_time()));
}

}  // namespace
}  // namespace sdwdate::wire
