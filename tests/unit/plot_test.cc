#include "ui/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <vector>

#include "support/honest_server.h"

namespace sdwdate::ui {
namespace {

using namespace std::chrono_literals;
using base::RawTime;
using testing::HasSubstr;

constexpr RawTime kStart{1000s};
constexpr std::size_t kWidth = 79;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

service::RoundReport round_with(int answers) {
  const support::HonestServer server{kStart, timecore::RawOffset{500'000s + 370ms}, 0};
  service::RoundReport round;
  round.sources.resize(1);
  service::SourceReport& source = round.sources[0];
  source.spec.url.text = "https://a.example/";
  auto& exchanges = source.reading.exchanges;
  RawTime now = kStart;
  for (int i = 0; i < answers; ++i) {
    exchanges.push_back(server.ask(timecore::plan_next(exchanges, {}, now).send, 10ms, 10ms, 0ns));
    now = exchanges.back().received;
  }
  round.at = {now, base::RealTime{1000s}, 0ns};
  if (const auto bounds = timecore::combine(exchanges, {}, now)) {
    source.claim = timecore::Claim{*bounds, *bounds, true};
    source.estimate = timecore::estimate(exchanges, {}, *bounds);
  }
  return round;
}

TEST(Plot, EveryAnswerHasALineAndNoneIsWiderThanTheOneBefore) {
  std::ostringstream out;
  print_plot(out, round_with(8), {}, kWidth);
  const auto lines = lines_of(out.str());
  ASSERT_EQ(lines.size(), 1U + 1U + 1U + 8U) << out.str();
  EXPECT_EQ(lines[1], "https://a.example/");
  EXPECT_THAT(lines[2], HasSubstr("100ms"));
  std::size_t left = 0;
  std::size_t right = kWidth;
  for (std::size_t i = 3; i < lines.size(); ++i) {
    EXPECT_LE(lines[i].size(), kWidth);
    const std::size_t from = lines[i].find('[');
    const std::size_t to = lines[i].find(']');
    EXPECT_GE(from, left) << out.str();
    EXPECT_LE(to, right) << out.str();
    EXPECT_LT(from, lines[i].find('|'));
    left = from;
    right = to;
  }
}

TEST(Plot, ASourceWithoutBoundsIsLeftOut) {
  std::ostringstream out;
  print_plot(out, round_with(0), {}, kWidth);
  EXPECT_EQ(out.str(), "");
}

TEST(Plot, ANarrowPageIsSurvived) {
  std::ostringstream out;
  print_plot(out, round_with(3), {}, 1);
  EXPECT_THAT(out.str(), HasSubstr("https://a.example/"));
}

}  // namespace
}  // namespace sdwdate::ui
