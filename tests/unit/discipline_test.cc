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
  FeedPlan round(nanoseconds fast, nanoseconds lie = 0ns, nanoseconds later = 30s) {
    raw_ += later;
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

TEST(Discipline, AClockThatDoesNotFollowIsSetAnewNowAndThen) {
  Rounds rounds;
  EXPECT_TRUE(rounds.round(1h).forget);
  int resets = 0;
  for (int minute = 0; minute < 24 * 60; ++minute) {
    const FeedPlan plan = rounds.round(1h, 0s, 1min);
    EXPECT_TRUE(plain(plan) || (plan.forget && plan.quick && !plan.refuted));
    resets += plan.forget ? 1 : 0;
  }
  // After 5, 10, 20, ... 640 minutes.
  EXPECT_EQ(resets, 8);
  rounds.round(0s);
  EXPECT_TRUE(rounds.discipline.right());
}

TEST(Discipline, AWrongFirstRoundHealsLikeAStart) {
  for (const nanoseconds lie : {nanoseconds{60s}, nanoseconds{1h}, nanoseconds{-60s}, nanoseconds{500ms}}) {
    for (const nanoseconds clock : {nanoseconds{0}, nanoseconds{-24h}}) {
      Rounds rounds;
      EXPECT_TRUE(rounds.round(clock, lie).quick);
      // chronyd has followed.
      const FeedPlan second = rounds.round(lie);
      EXPECT_TRUE(second.forget && second.quick && second.refuted && !second.hold);
      EXPECT_TRUE(plain(rounds.round(0s)));
      EXPECT_TRUE(rounds.discipline.right());
    }
  }
}

TEST(Discipline, WhatChronydWasToldIsForgottenAlsoIfItHasNotFollowedYet) {
  Rounds rounds;
  rounds.round(0s, 60s);
  const FeedPlan second = rounds.round(0s);
  EXPECT_TRUE(second.forget && second.quick && second.refuted && !second.hold);
}

TEST(Discipline, OnlyTheFirstRoundIsRefutedByOneOther) {
  Rounds rounds;
  rounds.round(0s, 60s);
  EXPECT_TRUE(rounds.round(60s).forget);
  // The clock follows the second; a liar's next word is one of two, and held.
  EXPECT_TRUE(rounds.round(0s, 60s).hold);
  EXPECT_TRUE(plain(rounds.round(0s)));
}

TEST(Discipline, ALiarInTheSecondRoundIsUndoneByTwoMore) {
  Rounds rounds;
  rounds.round(-24h);
  EXPECT_TRUE(rounds.round(0s, 1h).quick);
  EXPECT_TRUE(rounds.round(1h).hold);
  const FeedPlan fourth = rounds.round(1h);
  EXPECT_TRUE(fourth.forget && fourth.quick && !fourth.hold);
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

RC_GTEST_PROP(Discipline, TwoRoundsThatAgreeAreAlwaysObeyed, ()) {
  // Whatever was said before, and however the clock followed: after two rounds that agree chronyd has been told the
  // second, and no samples of earlier, contradicting ones are left to it.
  Rounds rounds;
  bool stale_samples = false;
  nanoseconds last_told{0};
  const auto heed = [&](const FeedPlan& plan, nanoseconds lie) {
    if (plan.hold) return;
    stale_samples = !plan.forget && (stale_samples || (!plan.quick && lie != last_told));
    last_told = lie;
  };
  const int count = *support::uniform(0, 12);
  for (int i = 0; i < count; ++i) {
    const nanoseconds lie = std::chrono::minutes{*support::uniform(0, 2)};
    heed(rounds.round(std::chrono::minutes{*support::uniform(0, 2)}, lie), lie);
  }
  const nanoseconds truth = std::chrono::minutes{*support::uniform(0, 2)};
  rounds.round(last_told, truth);
  const FeedPlan second = rounds.round(last_told, truth);
  RC_ASSERT(!second.hold);
  RC_ASSERT(!stale_samples);
}

}  // namespace
}  // namespace sdwdate::timecore
