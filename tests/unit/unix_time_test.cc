#include "wire/unix_time.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <string>

#include "support/generators.h"

namespace sdwdate::wire {
namespace {

using namespace std::chrono_literals;
using base::RealTime;

void expect_time(std::string_view text, std::chrono::nanoseconds since_1970) {
  SCOPED_TRACE(text);
  const auto parsed = parse_unix_time(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, RealTime{since_1970});
}

void expect_error(std::string_view text, UnixTimeError expected) {
  SCOPED_TRACE(text);
  const auto parsed = parse_unix_time(text);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error(), expected);
}

TEST(UnixTime, WholeSecondsAreExact) {
  expect_time("0", 0ns);
  expect_time("1654420510", 1654420510s);
}

TEST(UnixTime, NineDecimalsAreExactToTheNanosecond) {
  expect_time("1654420510.864804506", 1654420510864804506ns);
  expect_time("1654420510.000000001", 1654420510000000001ns);
  expect_time("1654420510.999999999", 1654420510999999999ns);
}

TEST(UnixTime, EachNumberOfDecimalsCountsFromTheLeft) {
  expect_time("7.1", 7100ms);
  expect_time("7.12", 7120ms);
  expect_time("7.123", 7123ms);
  expect_time("7.1234", 7123400us);
  expect_time("7.12345", 7123450us);
  expect_time("7.123456", 7123456us);
  expect_time("7.1234567", 7123456700ns);
  expect_time("7.12345678", 7123456780ns);
  expect_time("7.123456789", 7123456789ns);
  expect_time("7.05", 7050ms);
}

TEST(UnixTime, TenDecimalsAreTooMany) {
  expect_error("1654420510.8648045060", UnixTimeError::too_many_decimals);
  expect_error("0.0000000000", UnixTimeError::too_many_decimals);
}

TEST(UnixTime, OnlyDigitsAndOneDotBetweenThemAreANumber) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,    "."sv,    "1."sv,   ".5"sv,    "+1"sv,   "-1"sv,      "1e9"sv,   " 1"sv,
                                      "1 "sv,  "1\n"sv,  "0x10"sv, "1.2.3"sv, "1..2"sv, "1,5"sv,     "1_000"sv, "inf"sv,
                                      "nan"sv, "1.5s"sv, "1.-5"sv, "1.+5"sv,  "1\0"sv,  "\xd9\xa1"sv}) {
    expect_error(text, UnixTimeError::not_a_number);
  }
}

TEST(UnixTime, TheLastTimesThatFitAreAccepted) { expect_time("9223372035.999999999", 9223372035999999999ns); }

TEST(UnixTime, HugeNumbersAreOutOfRange) {
  expect_error("9223372037", UnixTimeError::out_of_range);
  expect_error("9223372036854775807", UnixTimeError::out_of_range);
  expect_error("9223372036854775808", UnixTimeError::out_of_range);
  expect_error("18446744073709551617", UnixTimeError::out_of_range);
  expect_error(std::string(1000, '9'), UnixTimeError::out_of_range);
  expect_error(std::string(1000, '9') + ".5", UnixTimeError::out_of_range);
}

TEST(UnixTime, IsWrittenWithNineDecimals) {
  EXPECT_EQ(format_unix_time(RealTime{0ns}), "0.000000000");
  EXPECT_EQ(format_unix_time(RealTime{1654420510864804506ns}), "1654420510.864804506");
  EXPECT_EQ(format_unix_time(RealTime{1654420510000000001ns}), "1654420510.000000001");
}

RC_GTEST_PROP(UnixTime, WhatIsWrittenIsReadBack, ()) {
  const RealTime time{*support::duration(0ns, 9223372035999999999ns)};
  RC_ASSERT((parse_unix_time(format_unix_time(time)) == time));
}

RC_GTEST_PROP(UnixTime, NothingButDigitsAndADotIsEverAccepted, ()) {
  const std::string text = *rc::gen::oneOf(support::any_bytes(), support::any_text_of("0123456789.+-e "));
  const auto parsed = parse_unix_time(text);
  RC_ASSERT((!parsed || text.find_first_not_of("0123456789.") == std::string::npos));
}

}  // namespace
}  // namespace sdwdate::wire
