#include "ui/live.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace sdwdate::ui {
namespace {

using namespace std::chrono_literals;
using service::Progress;
using service::SourceProgress;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

timecore::RawBounds open(std::chrono::nanoseconds width) { return {{0ns}, {width}}; }

Progress some_progress() {
  Progress progress;
  progress.sources.push_back({"https://a.example/", 0, std::nullopt, false, false});
  progress.sources.push_back({"https://bb.example/", 1, open(1s), false, false});
  progress.sources.push_back({"https://c.example/", 8, open(30ms), true, false});
  progress.sources.push_back({"https://d.example/", 2, open(500ms), true, true});
  return progress;
}

TEST(Live, EachSourceHasALineThatSaysHowFarItIs) {
  const auto lines = live_lines(some_progress(), 100);
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_THAT(lines[0], AllOf(StartsWith("https://a.example/ "), HasSubstr("connecting")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("1 answer "), HasSubstr("...................."), EndsWith("1.00 s open")));
  EXPECT_THAT(lines[2],
              AllOf(HasSubstr("8 answers"), HasSubstr("##########.........."), EndsWith("30.0 ms open, done")));
  EXPECT_THAT(lines[3], AllOf(EndsWith("failed"), Not(HasSubstr("open"))));
}

TEST(Live, ColumnsAreInLine) {
  const auto lines = live_lines(some_progress(), 100);
  EXPECT_EQ(lines[1].find("1 answer"), lines[2].find("8 answers"));
  EXPECT_EQ(lines[1].find("open"), lines[2].find("open"));
}

TEST(Live, NoLineIsLongerThanTheTerminalIsWide) {
  Progress progress = some_progress();
  progress.sources[1].url = std::string(300, 'x');
  for (const std::size_t width : {10U, 40U, 79U}) {
    for (const std::string& line : live_lines(progress, width)) EXPECT_LE(line.size(), width);
  }
}

TEST(Live, WithoutATerminalNothingIsDrawn) {
  testing::internal::CaptureStderr();
  {
    LiveView view{true};  // standard error is a file now
    view.show(some_progress());
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace sdwdate::ui
