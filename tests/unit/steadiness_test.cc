#include "timecore/steadiness.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "support/generators.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;

constexpr RawOffset kTruth{std::chrono::sys_days{std::chrono::year{2026} / 11 / 25}.time_since_epoch()};

/// Rounds over a path of 100 ms and a raw clock that is 20 ppm slow.
class Rounds {
 public:
  [[nodiscard]] RawOffset truth() const { return kTruth + at_.time_since_epoch() / 50'000; }

  /// Answers take `more` longer, all of it on the way back (or, negative, on the way there).
  [[nodiscard]] Heard heard(nanoseconds more = 0ns, nanoseconds error = 0ns) const {
    const nanoseconds delay = 100ms + std::chrono::abs(more);
    const RawOffset middle = truth() + more / 2 + error;
    return {at_, RawBounds{middle, middle}.widened(delay / 2 + 10ms), middle, delay};
  }

  Weighed round(nanoseconds more = 0ns, nanoseconds error = 0ns) {
    at_ += 2h;
    return steadiness.weigh(heard(more, error));
  }

  void days(int count, nanoseconds more = 0ns) {
    for (int i = 0; i < 12 * count; ++i) round(more);
  }

  [[nodiscard]] nanoseconds wrong(const Weighed& weighed) const { return weighed.estimate - truth(); }

  Steadiness steadiness;

 private:
  base::RawTime at_{1000s};
};

TEST(Steadiness, WithoutAHistoryARoundIsFedAsItIs) {
  Rounds rounds;
  EXPECT_EQ(rounds.wrong(rounds.round(900ms)), 450ms);
  EXPECT_FALSE(rounds.steadiness.expected(base::RawTime{5000s}));
}

TEST(Steadiness, AUsualRoundIsFedAsItIs) {
  Rounds rounds;
  rounds.days(2);
  for (const nanoseconds error : {-20ms, 10ms, 30ms}) {
    EXPECT_EQ(rounds.wrong(rounds.round(0ns, error)), error);
    EXPECT_EQ(rounds.wrong(rounds.round()), 0ns);
  }
}

TEST(Steadiness, ADelayThatBeginsMovesTheClockByLittleForWeeks) {
  for (const nanoseconds more : {300ms, -300ms, 900ms, -900ms}) {
    Rounds rounds;
    rounds.days(3);
    nanoseconds yesterday{0};
    for (int day = 0; day < 30; ++day) {
      Weighed weighed;
      for (int i = 0; i < 12; ++i) weighed = rounds.round(more);
      const nanoseconds today = rounds.wrong(weighed);
      EXPECT_LT(std::chrono::abs(today - yesterday), 60ms) << "day " << day;
      yesterday = today;
    }
  }
}

TEST(Steadiness, AnUnusualDelayIsSaidToBeSo) {
  Rounds rounds;
  rounds.days(3);
  const Weighed weighed = rounds.round(500ms);
  EXPECT_TRUE(weighed.unusual && !weighed.refuted);
  EXPECT_EQ(weighed.usual_delay, 100ms);
  EXPECT_FALSE(rounds.round().unusual);
}

TEST(Steadiness, ALongerPathThatIsEvenIsUsualAtOnce) {
  Rounds rounds;
  rounds.days(3);
  for (int i = 0; i < 20; ++i) {
    const RawOffset truth = rounds.truth();
    Heard heard = rounds.heard();
    heard.at += 2h * (i + 1);
    heard.estimate = truth + nanoseconds{2h} * (i + 1) / 50'000;
    heard.delay = 600ms;
    heard.bounds = RawBounds{heard.estimate, heard.estimate}.widened(310ms);
    const Weighed weighed = rounds.steadiness.weigh(heard);
    EXPECT_FALSE(weighed.unusual);
    EXPECT_EQ(weighed.estimate, heard.estimate);
  }
}

TEST(Steadiness, OneRoundOfUsualDelayMovesTheClockByLessThanATenthOfASecond) {
  Rounds rounds;
  rounds.days(3);
  const RawOffset truth = rounds.truth() + nanoseconds{2h} / 50'000;
  const Heard lie{rounds.heard().at + 2h, {truth - 20ms, truth + 1s}, truth + 500ms, 100ms};
  EXPECT_LT(rounds.steadiness.weigh(lie).estimate, truth + 100ms);
}

TEST(Steadiness, AClockThatTheBoundsShowToBeWrongIsSetAtOnce) {
  Rounds rounds;
  rounds.days(5);
  const Weighed weighed = rounds.round(0ns, 10s);
  EXPECT_TRUE(weighed.refuted);
  EXPECT_EQ(rounds.wrong(weighed), 10s);
  // What was known is forgotten.
  EXPECT_EQ(rounds.wrong(rounds.round(800ms)), 400ms);
}

TEST(Steadiness, SurpriseIsHowFarTheBoundsMissTheLine) {
  Rounds rounds;
  rounds.days(3);
  EXPECT_EQ(rounds.steadiness.surprise(rounds.heard()), 0ns);
  EXPECT_EQ(rounds.steadiness.surprise(rounds.heard(900ms)), 0ns);
  const nanoseconds surprise = rounds.steadiness.surprise(rounds.heard(0ns, 10s));
  EXPECT_GT(surprise, 9800ms);
  EXPECT_LT(surprise, 10s);
}

TEST(Steadiness, TheErrorOfAPathIsThatOfAnyPartOfItOneWay) {
  EXPECT_EQ(with_path(3ms, 0ns), 3ms);
  EXPECT_NEAR(static_cast<double>(with_path(0ns, 120ms).count()), 60e6 / std::sqrt(3.0), 1);
  EXPECT_EQ(with_path(0ns, 0ns), 0ns);
}

RC_GTEST_PROP(Steadiness, WhatIsFedLiesWithinTheBounds, ()) {
  Steadiness steadiness;
  base::RawTime at{1000s};
  const int count = *support::uniform(1, 120);
  for (int i = 0; i < count; ++i) {
    at += std::chrono::minutes{*support::uniform(1, 240)};
    const nanoseconds delay = std::chrono::milliseconds{*support::uniform(0, 1500)};
    const RawOffset middle = kTruth + std::chrono::milliseconds{*support::uniform(-700, 700)};
    const RawBounds bounds = RawBounds{middle, middle}.widened(delay / 2 + 10ms);
    const RawOffset estimate = bounds.clamp(middle + std::chrono::milliseconds{*support::uniform(-700, 700)});
    RC_ASSERT(bounds.contains(steadiness.weigh({at, bounds, estimate, delay}).estimate));
  }
}

}  // namespace
}  // namespace sdwdate::timecore
