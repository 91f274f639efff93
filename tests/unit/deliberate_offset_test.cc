#include "service/deliberate_offset.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_directory.h"

namespace sdwdate::service {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(DeliberateOffset, IsZeroUnlessWanted) {
  const support::TemporaryDirectory directory;
  EXPECT_EQ(deliberate_offset(directory.path(), 0s).value, 0s);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(DeliberateOffset, StaysTheSameForThisBootAndDiffersBetweenBoots) {
  std::set<nanoseconds> drawn;
  for (nanoseconds most = 1s; most < 1s + 20ns; most += 1ns) {  // the process keeps one draw for each width
    const support::TemporaryDirectory boot;
    const DeliberateOffset first = deliberate_offset(boot.path(), most);
    EXPECT_FALSE(first.warning) << *first.warning;
    EXPECT_LE(std::chrono::abs(first.value), most);
    EXPECT_EQ(deliberate_offset(boot.path(), most).value, first.value);
    drawn.insert(first.value);
  }
  EXPECT_GT(drawn.size(), 10U);
}

TEST(DeliberateOffset, OneBeyondTheLimitOrUnreadableIsDrawnAnew) {
  for (const char* text : {"2000000000\n", "-2000000000", "soon", ""}) {
    const support::TemporaryDirectory boot;
    std::ofstream{boot.path() / "random-offset"} << text;
    EXPECT_LE(std::chrono::abs(deliberate_offset(boot.path(), 1s).value), 1s) << text;
  }
}

TEST(DeliberateOffset, WhatCannotBeKeptIsAWarningAndHoldsForTheProcess) {
  const auto first = deliberate_offset("/nonexistent", 1s);
  EXPECT_TRUE(first.warning);
  EXPECT_EQ(deliberate_offset("/nonexistent", 1s).value, first.value);
}

}  // namespace
}  // namespace sdwdate::service
