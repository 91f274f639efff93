#include "refclock/chrony_report.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <limits>
#include <string>

#include "support/generators.h"

namespace sdwdate::refclock {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

// What chronyc 4.3 said of a real chronyd before and after five samples.
constexpr std::string_view kFresh =
    "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,"
    "Not synchronised\n"
    "#,?,WEB,0,0,0,4294967295,0.000000000,0.000000000,0.000000000\n"
    "WEB,0,0,0,0.000,2000.000,0.000000000,4.000000000\n";
constexpr std::string_view kFed =
    "57454200,WEB,1,1795405096.503938600,0.100000001,0.000000012,0.000000345,-12.345,0.001,0.250,0.020000000,"
    "0.010001319,2.0,Normal\n"
    "#,*,WEB,0,4,75,1,-0.000000250,0.100000000,0.020000000\n"
    "WEB,5,3,68,0.000,2.500,0.000000000,0.000000001\n";
constexpr std::string_view kTracking = "57454200,WEB,1,1795405096.5,0.1,0.0,0.0,0.0,0.0,0.2,0.02,0.01,2.0,Normal\n";

ChronyReport parsed(std::string_view text) {
  const auto report = parse_chrony_report(text);
  EXPECT_TRUE(report) << report.error();
  return report.value_or(ChronyReport{});
}

std::string error_of(std::string_view text) {
  const auto report = parse_chrony_report(text);
  EXPECT_FALSE(report) << text;
  return report ? "" : report.error();
}

TEST(ChronyReport, TrackingIsReadToTheNanosecond) {
  const Tracking tracking = parsed(kFed).tracking;
  EXPECT_EQ(tracking.reference_id, 0x57454200U);
  EXPECT_EQ(tracking.reference_name, "WEB");
  EXPECT_EQ(tracking.stratum, 1);
  EXPECT_EQ(tracking.reference_time, base::RealTime{1795405096s + 503938600ns});
  EXPECT_EQ(tracking.system_offset, timecore::Offset{100000001ns});
  EXPECT_EQ(tracking.last_offset, timecore::Offset{12ns});
  EXPECT_EQ(tracking.rms_offset, 345ns);
  EXPECT_DOUBLE_EQ(tracking.frequency_ppm, -12.345);
  EXPECT_DOUBLE_EQ(tracking.residual_ppm, 0.001);
  EXPECT_DOUBLE_EQ(tracking.skew_ppm, 0.25);
  EXPECT_EQ(tracking.root_delay, 20ms);
  EXPECT_EQ(tracking.root_dispersion, 10001319ns);
  EXPECT_EQ(tracking.update_interval, 2s);
  EXPECT_EQ(tracking.leap, Leap::none);
}

TEST(ChronyReport, ASourceIsRead) {
  const ChronyReport report = parsed(kFed);
  ASSERT_EQ(report.sources.size(), 1U);
  const ChronySource& source = report.sources.front();
  EXPECT_EQ(source.mode, SourceMode::refclock);
  EXPECT_EQ(source.state, SourceState::selected);
  EXPECT_EQ(source.name, "WEB");
  EXPECT_EQ(source.stratum, 0);
  EXPECT_EQ(source.poll, 4);
  EXPECT_EQ(source.reach, 075U) << "octal";
  EXPECT_EQ(source.last_sample, 1s);
  EXPECT_EQ(source.adjusted_offset, timecore::Offset{-250ns});
  EXPECT_EQ(source.measured_offset, timecore::Offset{100ms});
  EXPECT_EQ(source.error, 20ms);
}

TEST(ChronyReport, StatisticsAreReadIfTheyWereAskedFor) {
  const ChronyReport report = parsed(kFed);
  ASSERT_EQ(report.statistics.size(), 1U);
  EXPECT_EQ(report.statistics.front().name, "WEB");
  EXPECT_EQ(report.statistics.front().samples, 5U);
  EXPECT_EQ(report.statistics.front().deviation, 1ns);
  EXPECT_TRUE(parsed(kTracking).statistics.empty());
}

TEST(ChronyReport, AChronydThatHasJustStartedKnowsNothing) {
  const ChronyReport report = parsed(kFresh);
  EXPECT_EQ(report.tracking.reference_name, "");
  EXPECT_EQ(report.tracking.leap, Leap::not_synchronised);
  const ChronySource* source = find_refclock(report, kOurRefid);
  ASSERT_NE(source, nullptr);
  EXPECT_FALSE(is_selected(*source));
  EXPECT_EQ(source->last_sample, std::nullopt);
  EXPECT_FALSE(took_sample_within(*source, 1000000h));
}

TEST(ChronyReport, OurSourceIsARefclockOfOurName) {
  const auto with = [](std::string_view line) { return parsed(fmt::format("{}{}\n", kTracking, line)); };
  constexpr std::string_view kRest = ",2,6,377,10,0.0,0.0,0.1";
  const ChronyReport ours = with(fmt::format("#,*,WEB{}", kRest));
  EXPECT_EQ(find_refclock(ours, "WEB"), &ours.sources.front());
  EXPECT_EQ(find_refclock(ours, "GPS"), nullptr);
  EXPECT_EQ(find_refclock(with(fmt::format("^,*,WEB{}", kRest)), "WEB"), nullptr) << "a server of that name";
  EXPECT_EQ(find_refclock(parsed(kTracking), "WEB"), nullptr) << "no source at all";
}

TEST(ChronyReport, OnlyTheStarIsSelection) {
  for (const char letter : std::string_view{"*+-?x~ "}) {
    const ChronyReport report = parsed(fmt::format("{}#,{},WEB,0,4,377,5,0.0,0.0,0.1\n", kTracking, letter));
    EXPECT_EQ(is_selected(report.sources.front()), letter == '*') << letter;
  }
}

TEST(ChronyReport, ASampleAsOldAsTheSendingIsTheOneThatWasSent) {
  ChronySource source;
  source.last_sample = 20s;  // 20 to 21 s ago
  EXPECT_TRUE(took_sample_within(source, 20s + 1ms));
  EXPECT_TRUE(took_sample_within(source, 20s));
  EXPECT_FALSE(took_sample_within(source, 20s - 1ms));
}

TEST(ChronyReport, FieldsThatALaterChronyAppendsArePassedOver) {
  std::string later{kFed};
  for (std::size_t end = later.find('\n'); end != std::string::npos; end = later.find('\n', end + 6)) {
    later.insert(end, ",more");
  }
  EXPECT_EQ(parsed(later).sources.front().error, 20ms);
  EXPECT_EQ(parsed(later).tracking.leap, Leap::none);
}

TEST(ChronyReport, EveryFieldThatIsCutOffIsAnError) {
  for (const std::string_view whole : {kTracking, std::string_view{"#,*,WEB,0,4,75,1,0.0,0.1,0.02\n"},
                                       std::string_view{"WEB,5,3,68,0.000,2.500,0.0,0.000000001\n"}}) {
    const std::string before{whole == kTracking ? "" : kTracking};
    for (std::size_t comma = whole.rfind(','); comma != std::string_view::npos && comma > 1;
         comma = whole.rfind(',', comma - 1)) {
      EXPECT_NE(error_of(fmt::format("{}{}\n", before, whole.substr(0, comma))), "");
    }
  }
}

TEST(ChronyReport, AnErrorShowsTheLineAndNamesTheField) {
  EXPECT_THAT(error_of(fmt::format("{}#,*,WEB,0,four,75,1,0.0,0.1,0.02\n", kTracking)),
              AllOf(HasSubstr("'#,*,WEB,0,four,75,1,0.0,0.1,0.02'"), HasSubstr("'poll'")));
  EXPECT_THAT(error_of("57454200,WEB,1,1795405096.5,nan,0,0,0,0,0,0,0,2.0,Normal\n"), HasSubstr("'system time'"));
  EXPECT_THAT(error_of("57454200,WEB,1,1795405096.5,0,0,0,inf,0,0,0,0,2.0,Normal\n"), HasSubstr("'frequency'"));
  EXPECT_THAT(error_of("57454200,WEB,1,9999999999.5,0,0,0,0,0,0,0,0,2.0,Normal\n"), HasSubstr("'reference time'"));
  EXPECT_THAT(error_of("57454200,WEB,1,1.5,0,0,0,0,0,0,0,0,2.0,Perhaps\n"), HasSubstr("'leap status'"));
}

TEST(ChronyReport, ChronycsOwnComplaintsAreRepeated) {
  EXPECT_THAT(error_of("506 Cannot talk to daemon\n"), HasSubstr("506 Cannot talk to daemon"));
  EXPECT_THAT(error_of("Could not open connection to daemon\n506 Cannot talk to daemon\n"),
              HasSubstr("Could not open connection"));
  EXPECT_THAT(error_of(fmt::format("{}501 Not authorised\n", kTracking)), HasSubstr("501 Not authorised"));
  EXPECT_THAT(error_of(""), HasSubstr("nothing"));
}

TEST(ChronyReport, WhatIsShownOfALineIsPrintableAndShort) {
  const std::string error = error_of("\x1b[2J\x7f" + std::string(5000, 'x'));
  EXPECT_LT(error.size(), 300U);
  EXPECT_EQ(error.find('\x1b'), std::string::npos);
}

RC_GTEST_PROP(ChronyReport, AnyTextIsReadOrRefused, ()) {
  const std::string text = *rc::gen::oneOf(support::any_bytes(), support::any_text_of("#^=*?,.-0123456789WEB\n"));
  const auto report = parse_chrony_report(text);
  if (!report) RC_ASSERT_FALSE(report.error().empty());
}

RC_GTEST_PROP(ChronyReport, NoChangeOfOneByteCrashes, ()) {
  std::string text{kFed};
  text[*support::uniform<std::size_t>(0, text.size() - 1)] = static_cast<char>(*support::uniform(0, 255));
  const auto report = parse_chrony_report(text);
  if (!report) RC_ASSERT_FALSE(report.error().empty());
}

RC_GTEST_PROP(ChronyReport, TimesSurviveToTheNanosecond, ()) {
  // A double of seconds since 1970 is good to 0.2 us only.
  const std::chrono::nanoseconds time = *support::duration(0s, std::chrono::nanoseconds::max() - 1ns);
  const bool negative = *rc::gen::arbitrary<bool>();
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const std::string text = fmt::format("{}{}.{:09}", negative ? "-" : "", whole.count(), (time - whole).count());
  const ChronyReport report = parsed(fmt::format("{}#,*,WEB,0,4,377,5,{},0.0,0.1\n", kTracking, text));
  RC_ASSERT(report.sources.front().adjusted_offset.value == (negative ? -time : time));
}

TEST(ChronyReset, OnlyOkIsOk) {
  EXPECT_TRUE(reset_ok("200 OK\n"));
  EXPECT_TRUE(reset_ok("200 OK"));
  EXPECT_FALSE(reset_ok(""));
  EXPECT_FALSE(reset_ok("501 Not authorised\n"));
  EXPECT_FALSE(reset_ok("Could not open connection to daemon\n506 Cannot talk to daemon\n"));
  EXPECT_FALSE(reset_ok("1200 OK\n"));
}

}  // namespace
}  // namespace sdwdate::refclock
