#include "timecore/schedule.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <vector>

#include "support/generators.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;
using support::duration;

rc::Gen<ScheduleSettings> any_settings() {
  return rc::gen::map(rc::gen::pair(duration(1s, 10h), duration(1s, 10h)), [](const auto& ends) {
    return ScheduleSettings{std::min(ends.first, ends.second), std::max(ends.first, ends.second)};
  });
}

TEST(Schedule, SuccessesComeCloseTogetherAtFirstThenDouble) {
  Schedule schedule{{24h, 24h}};
  std::vector<nanoseconds> waits;
  for (int i = 0; i < 6; ++i) waits.push_back(schedule.after_success(0));
  EXPECT_EQ(waits, (std::vector<nanoseconds>{30s, 30s, 60s, 120s, 240s, 480s}));
}

TEST(Schedule, DoublingEndsAtTheInterval) {
  Schedule schedule{{5min, 5min}};
  std::vector<nanoseconds> waits;
  for (int i = 0; i < 7; ++i) waits.push_back(schedule.after_success(0));
  EXPECT_EQ(waits, (std::vector<nanoseconds>{30s, 30s, 60s, 120s, 240s, 5min, 5min}));
}

TEST(Schedule, IntervalsAreReachedHoweverLongTheyAre) {
  const ScheduleSettings week{7 * 24h, 7 * 24h};
  Schedule schedule{week};
  nanoseconds wait{0};
  for (int i = 0; i < 40; ++i) wait = schedule.after_success(0);
  EXPECT_EQ(wait, week.minimum);
}

TEST(Schedule, AMinimumAndMaximumOfOneSecondMeanOneSecond) {
  Schedule schedule{{1s, 1s}};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(schedule.after_success(12345), 1s);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(schedule.after_failure(Failure::unheard, 12345), 1s);
}

TEST(Schedule, TheFirstRetryIsAfterSecondsAndLaterOnesDouble) {
  Schedule schedule{{24h, 24h}};
  for (const nanoseconds middle : std::vector<nanoseconds>{4s, 8s, 16s, 32s, 64s}) {
    const nanoseconds wait = schedule.after_failure(Failure::unheard, 98765432109876543U);
    EXPECT_GE(wait, middle / 2);
    EXPECT_LE(wait, middle * 3 / 2);
  }
}

TEST(Schedule, RetriesAreMinutesApartAtMost) {
  Schedule schedule{{24h, 24h}};
  for (int i = 0; i < 40; ++i) {
    const nanoseconds wait = schedule.after_failure(Failure::unheard, ~std::uint64_t{0});
    EXPECT_LE(wait, 384s);
  }
  EXPECT_GE(schedule.after_failure(Failure::unheard, 0), 128s);
}

TEST(Schedule, WhatCostsNobodyAnythingIsRetriedWithinHalfAMinute) {
  Schedule schedule{{24h, 24h}};
  for (int i = 0; i < 40; ++i) EXPECT_LE(schedule.after_failure(Failure::local, ~std::uint64_t{0}), 24s);
}

TEST(Schedule, NewHopeEndsTheDoublingOfRetries) {
  Schedule schedule{{24h, 24h}};
  for (int i = 0; i < 5; ++i) schedule.after_failure(Failure::unheard, 0);
  schedule.forgive();
  EXPECT_LE(schedule.after_failure(Failure::unheard, ~std::uint64_t{0}), 6s);
}

TEST(Schedule, BegunAnewItRampsAgain) {
  Schedule schedule{{24h, 24h}};
  for (int i = 0; i < 10; ++i) schedule.after_success(0);
  schedule.begin_anew();
  EXPECT_EQ(schedule.after_success(0), 30s);
  EXPECT_EQ(schedule.after_success(0), 30s);
  EXPECT_EQ(schedule.after_success(0), 60s);
}

TEST(Schedule, ASuccessEndsTheDoublingOfRetries) {
  Schedule schedule{{24h, 24h}};
  for (int i = 0; i < 5; ++i) schedule.after_failure(Failure::unheard, 0);
  schedule.after_success(0);
  EXPECT_LE(schedule.after_failure(Failure::unheard, ~std::uint64_t{0}), 6s);
}

TEST(Schedule, AFailureDoesNotEndTheRamp) {
  Schedule schedule{{24h, 24h}};
  EXPECT_EQ(schedule.after_success(0), 30s);
  schedule.after_failure(Failure::unheard, 0);
  EXPECT_EQ(schedule.after_success(0), 30s);
  EXPECT_EQ(schedule.after_success(0), 60s);
}

RC_GTEST_PROP(Schedule, NoWaitIsLongerThanTheMaximumOrEmpty, ()) {
  const ScheduleSettings settings = *any_settings();
  Schedule schedule{settings};
  const int rounds = *support::uniform(1, 60);
  for (int i = 0; i < rounds; ++i) {
    const auto random = *rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint64_t>());
    const bool done = *rc::gen::arbitrary<bool>();
    const auto failure = *rc::gen::element(Failure::unheard, Failure::local);
    const nanoseconds wait = done ? schedule.after_success(random) : schedule.after_failure(failure, random);
    RC_ASSERT((wait > 0ns && wait <= settings.maximum));
  }
}

RC_GTEST_PROP(Schedule, AfterTheRampIntervalsLieBetweenMinimumAndMaximum, ()) {
  const ScheduleSettings settings = *any_settings();
  Schedule schedule{settings};
  for (int i = 0; i < 16; ++i) schedule.after_success(0);
  const nanoseconds wait =
      schedule.after_success(*rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint64_t>()));
  RC_ASSERT((wait >= settings.minimum && wait <= settings.maximum));
}

TEST(Schedule, BothEndsOfTheIntervalAreReached) {
  const ScheduleSettings settings{60min, 180min};
  Schedule schedule{settings};
  for (int i = 0; i < 16; ++i) schedule.after_success(0);
  EXPECT_EQ(schedule.after_success(0), 60min);
  EXPECT_EQ(schedule.after_success(static_cast<std::uint64_t>(nanoseconds{120min}.count())), 180min);
}

}  // namespace
}  // namespace sdwdate::timecore
