#include "ui/text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <chrono>
#include <ctime>
#include <sstream>

#include "base/text.h"
#include "service/words.h"

namespace sdwdate::ui {
namespace {

using namespace std::chrono_literals;
using base::in_words;
using service::describe;
using testing::HasSubstr;

TEST(Text, TimesAreGivenInTheUnitThatFits) {
  EXPECT_EQ(in_words(0ns), "0.00 us");
  EXPECT_EQ(in_words(1500ns), "1.50 us");
  EXPECT_EQ(in_words(15us), "15.0 us");
  EXPECT_EQ(in_words(150us), "150 us");
  EXPECT_EQ(in_words(5100us), "5.10 ms");
  EXPECT_EQ(in_words(999ms), "999 ms");
  EXPECT_EQ(in_words(1s), "1.00 s");
  EXPECT_EQ(in_words(600s), "10.0 min");
  EXPECT_EQ(in_words(3h), "3.00 h");
  EXPECT_EQ(in_words(24h * 100), "100 days");
  EXPECT_EQ(in_words(std::chrono::years{56}), "56.0 years");
}

TEST(Text, TheSignBecomesFastOrSlow) {
  const base::ClockPair at{base::RawTime{100s}, base::RealTime{1000s}, 0ns};
  const timecore::RawOffset estimate{900s + 400us};
  const timecore::Agreed slow{{estimate - 5ms, estimate + 3ms}, estimate};
  EXPECT_EQ(describe(slow, at), "this machine's clock is 400 us slow, give or take 5.00 ms");
  const timecore::RawOffset behind{900s - 2s};
  EXPECT_THAT(describe({{behind, behind}, behind}, at), HasSubstr("2.00 s fast"));
}

TEST(Text, EverySourceHasALineAndEveryFailureItsReason) {
  service::RoundReport round;
  round.at = {base::RawTime{100s}, base::RealTime{1000s}, 0ns};
  round.sources.resize(2);
  round.sources[0].spec.url.text = "https://a.example/";
  round.sources[0].outcome = service::Outcome::truechimer;
  const timecore::RawBounds bounds{{900s}, {900s}};
  round.sources[0].claim = timecore::Claim{bounds, bounds, true};
  round.sources[0].estimate = {{900s}, 0ns};
  round.sources[1].spec.url.text = "https://b.example/";
  round.sources[1].reading.error = base::SourceError{base::ErrorCode::dns, "the reason why"};
  std::ostringstream out;
  print_sources(out, round, false);
  EXPECT_THAT(out.str(), HasSubstr("https://a.example/"));
  EXPECT_THAT(out.str(), HasSubstr("agrees"));
  EXPECT_THAT(out.str(), HasSubstr("the reason why"));
}

TEST(Text, ASurveySaysWhoItIsAndWhatCameOfEachPool) {
  service::RoundReport round;
  round.at = {base::RawTime{100s}, base::RealTime{1000s}, 0ns};
  const auto add = [&](const std::string& url, const std::string& pool, const std::string& operator_name,
                       service::Outcome outcome) {
    service::SourceReport& source = round.sources.emplace_back();
    source.spec = {wire::parse_url(url).value_or(wire::Url{}), pool, operator_name};
    source.outcome = outcome;
  };
  const std::string onion = "bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccrad.onion";
  add("https://" + onion + "/", "media", "BBC", service::Outcome::truechimer);
  add("https://www.example.org/", "media", "www.example.org", service::Outcome::falseticker);
  add("https://a.example.net/", "shops", "A", service::Outcome::failed);
  add("https://b.example.net/", "media", "B", service::Outcome::truechimer);
  std::ostringstream out;
  print_survey(out, round, false);
  EXPECT_THAT(out.str(), HasSubstr("\nBBC: bbcweb3hytmz...onion "));
  EXPECT_THAT(out.str(), HasSubstr("\nwww.example.org "));
  EXPECT_THAT(out.str(), HasSubstr("\nA: a.example.net "));
  EXPECT_THAT(
      out.str(),
      HasSubstr("Pool 'media': 2 agree, 1 disagree, 0 failed.\nPool 'shops': 0 agree, 0 disagree, 1 failed.\n"));
  EXPECT_THAT(out.str(), testing::Not(HasSubstr("Agreed")));
}

TEST(Text, WhatAllFailuresHaveInCommonIsSaid) {
  service::RoundReport round;
  const auto fail = [&](const std::string& message) {
    round.sources.emplace_back().reading.error = base::SourceError{base::ErrorCode::proxy, message};
  };
  fail("no proxy");
  EXPECT_EQ(explain(round, {}), "No agreement: the one source gave no usable answer.");
  fail("no proxy");
  fail("timeout");
  EXPECT_EQ(explain(round, {}), "No agreement: none of 3 sources gave a usable answer; 2 of them: no proxy.");
  fail("other");
  EXPECT_EQ(explain(round, {}), "No agreement: none of 4 sources gave a usable answer.");
}

RC_GTEST_PROP(Text, TheTimeInUtcIsThatOfTheCLibrary, ()) {
  const std::time_t count = *rc::gen::inRange<std::int64_t>(-62'135'596'800, 253'402'300'800);  // years 1 to 9999
  std::tm fields{};
  RC_ASSERT(::gmtime_r(&count, &fields) != nullptr);
  std::array<char, 32> expected{};
  RC_ASSERT(std::strftime(expected.data(), expected.size(), "-%m-%d %H:%M:%S", &fields) > 0);
  RC_ASSERT(base::utc_text(std::chrono::sys_seconds{std::chrono::seconds{count}}) ==
            fmt::format("{:04}{}", fields.tm_year + 1900, expected.data()));
}

TEST(Text, WhatStrangersSendIsMadePrintable) {
  EXPECT_EQ(base::printable("a\x1b[0m\n\xc3\xbc\x7f", 100), "a?[0m????");
  EXPECT_EQ(base::printable("abcdef", 3), "abc");
  EXPECT_EQ(base::printable("", 3), "");
}

}  // namespace
}  // namespace sdwdate::ui
