#include "timecore/discipline.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "support/generators.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;

constexpr base::RealTime kTruth{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

/// Rounds of one machine, the system clock being fast by what is said.
class Rounds {
 public:
  FeedPlan round(nanoseconds fast, nanoseconds lie = 0ns) {
    raw_ += 30s;
    const base::ClockPair now{raw_, kTruth + raw_.time_since_epoch() + fast, 1us};
    const RawOffset offset{kTruth.time_since_epoch() + lie};
    return discipline.plan({{{offset - 5ms, offset + 5ms}, offset}, raw_}, now);
  }

  Discipline discipline;

 private:
  base::RawTime raw_{1000s};
};

bool plain(const FeedPlan& plan) { return !plan.hold && !plan.forget && !plan.quick; }

TEST(Discipline, TheFirstRoundIsFedQuickly) {
  Rounds rounds;
  const FeedPlan plan = rounds.round(0s);
  EXPECT_TRUE(plan.quick);
  EXPECT_FALSE(plan.forget || plan.hold);
  EXPECT_TRUE(plain(rounds.round(0s)));
}

TEST(Discipline, AWrongClockAtTheStartIsSetAtOnceWhateverChronydHad) {
  Rounds rounds;
  const FeedPlan plan = rounds.round(-24h * 365 * 6);
  EXPECT_TRUE(plan.quick && plan.forget && !plan.hold);
  EXPECT_TRUE(plain(rounds.round(0s)));
  EXPECT_TRUE(rounds.discipline.right());
}

TEST(Discipline, WhatChronydHasYetToCorrectIsLeftToIt) {
  Rounds rounds;
  rounds.round(0s);
  EXPECT_TRUE(plain(rounds.round(100ms)));
}

TEST(Discipline, AClockThatNeverFollowsIsNotResetAgainAndAgain) {
  Rounds rounds;
  EXPECT_TRUE(rounds.round(1h).forget);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(plain(rounds.round(1h)));
  EXPECT_FALSE(rounds.discipline.right());
}

TEST(Discipline, AJumpThatNobodySawNeedsASecondRound) {
  Rounds rounds;
  rounds.round(0s);
  EXPECT_TRUE(rounds.round(-600s).hold);
  const FeedPlan second = rounds.round(-600s);
  EXPECT_TRUE(second.forget && second.quick && !second.hold);
  EXPECT_TRUE(plain(rounds.round(0s)));
}

TEST(Discipline, OneMadRoundIsNeverHandedOver) {
  Rounds rounds;
  rounds.round(0s);
  EXPECT_TRUE(rounds.round(0s, 1h).hold);
  EXPECT_TRUE(plain(rounds.round(0s)));
  // Long after, another one finds no help in the first.
  EXPECT_TRUE(rounds.round(0s, 1h).hold);
}

TEST(Discipline, TwoMadRoundsThatDifferDoNotSupportEachOther) {
  Rounds rounds;
  rounds.round(0s);
  EXPECT_TRUE(rounds.round(0s, 1h).hold);
  EXPECT_TRUE(rounds.round(0s, -1h).hold);
}

TEST(Discipline, AJumpThatWasSeenNeedsNoSecondRound) {
  Rounds rounds;
  rounds.round(0s);
  rounds.discipline.begin_anew();
  const FeedPlan plan = rounds.round(-600s);
  EXPECT_TRUE(plan.forget && plan.quick && !plan.hold);
}

RC_GTEST_PROP(Discipline, ChronydForgetsOnlyWhenTheClockIsWrong, ()) {
  Rounds rounds;
  const int count = *support::uniform(1, 30);
  for (int i = 0; i < count; ++i) {
    if (*support::uniform(0, 9) == 0) rounds.discipline.begin_anew();
    const bool wrong = *rc::gen::arbitrary<bool>();
    const FeedPlan plan = rounds.round(wrong ? 1h : 0s);
    RC_ASSERT(wrong || (!plan.forget && !plan.hold));
    RC_ASSERT(!(plan.hold && (plan.forget || plan.quick)));
    RC_ASSERT(!plan.forget || plan.quick);
  }
}

}  // namespace
}  // namespace sdwdate::timecore
