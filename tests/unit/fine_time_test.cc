#include "wire/fine_time.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <string>

#include "support/generators.h"

namespace sdwdate::wire {
namespace {

using namespace std::chrono_literals;
using base::FineHeader;
using std::chrono::nanoseconds;
using Time = std::chrono::sys_time<nanoseconds>;

TEST(FineTime, HttpstimeIsSecondsAndAFraction) {
  const auto fine = parse_x_httpstime("1795392000.123456");
  ASSERT_TRUE(fine);
  EXPECT_EQ(fine->header, FineHeader::x_httpstime);
  EXPECT_EQ(fine->time, Time{1795392000s + 123456us});
  EXPECT_EQ(fine->resolution, 1us);
}

TEST(FineTime, TheNumberOfDigitsIsTheResolution) {
  EXPECT_EQ(parse_x_httpstime("1795392000.1")->resolution, 100ms);
  EXPECT_EQ(parse_x_httpstime("1795392000.123")->resolution, 1ms);
  EXPECT_EQ(parse_x_httpstime("1795392000.000000001")->resolution, 1ns);
}

TEST(FineTime, TimerIsFastlys) {
  const auto fine = parse_x_timer("S1795392000.250000,VS0,VE1");
  ASSERT_TRUE(fine);
  EXPECT_EQ(fine->header, FineHeader::x_timer);
  EXPECT_EQ(fine->time, Time{1795392000s + 250ms});
  EXPECT_TRUE(parse_x_timer("S1795392000.250000"));
}

TEST(FineTime, AnythingElseIsNoEvidence) {
  for (const char* text : {"",
                           ".",
                           "1",
                           "1.",
                           ".5",
                           "-1.5",
                           "1.-5",
                           "+1.5",
                           " 1.5",
                           "1.5 ",
                           "1.5.5",
                           "1,5",
                           "1e3.5",
                           "0x1.5",
                           "12345678901.5",
                           "7258118400.0",
                           "9000000001.0",
                           "9999999999.9",
                           "1.1234567890",
                           "1795392000.12x"}) {
    EXPECT_FALSE(parse_x_httpstime(text)) << text;
    EXPECT_FALSE(parse_x_timer(std::string{"S"} + text + ",VS0")) << text;
  }
  EXPECT_FALSE(parse_x_timer("1795392000.250000,VS0,VE1"));
  EXPECT_FALSE(parse_x_timer("s1795392000.250000"));
}

RC_GTEST_PROP(FineTime, WhatIsWrittenIsRead, ()) {
  const auto count = *support::uniform<std::int64_t>(0, 7'258'118'399);
  const auto fraction = *support::uniform<std::int64_t>(0, 999'999'999);
  const auto fine = parse_x_httpstime(fmt::format("{}.{:09}", count, fraction));
  RC_ASSERT(fine.has_value());
  RC_ASSERT((fine->time == Time{std::chrono::seconds{count} + nanoseconds{fraction}}));
}

RC_GTEST_PROP(FineTime, AnyBytesAreSurvived, ()) {
  const std::string bytes = *support::any_bytes();
  const auto fine = parse_x_httpstime(bytes);
  if (fine) RC_ASSERT(fine->resolution > 0ns && fine->time.time_since_epoch() >= 0ns);
  static_cast<void>(parse_x_timer(bytes));
}

}  // namespace
}  // namespace sdwdate::wire
