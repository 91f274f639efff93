#include "timecore/watch.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "support/generators.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;
using base::ClockPair;
using base::RawTime;
using base::RealTime;
using support::duration;

constexpr RealTime kTruth{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};
constexpr RawTime kStart{1000s};

/// The clocks so long after the start, the system clock being fast by `fast`.
ClockPair clocks(nanoseconds later, nanoseconds fast = 0ns) { return {kStart + later, kTruth + later + fast, 1us}; }

/// What a round at the start said: the truth, give or take.
Known known(nanoseconds reach = 10ms) {
  const RawOffset right{kTruth.time_since_epoch() - kStart.time_since_epoch()};
  return {{{right - reach, right + reach}, right}, kStart};
}

sys_seconds rtc(nanoseconds later) { return std::chrono::floor<std::chrono::seconds>(kTruth + later); }

TEST(Outside, IsZeroWithinTheBoundsAndTheDistanceBeyond) {
  EXPECT_EQ(outside(known(), clocks(0s)), 0ns);
  EXPECT_EQ(outside(known(), clocks(0s, 10ms)), 0ns);
  EXPECT_EQ(outside(known(), clocks(0s, 15ms)), 5ms - 1us);
  EXPECT_EQ(outside(known(), clocks(0s, -15ms)), 5ms - 1us);
}

TEST(Outside, ForgivesWhatAClockMayDriftMeanwhile) {
  EXPECT_EQ(outside(known(), clocks(1h, 700ms)), 0ns);
  EXPECT_GT(outside(known(), clocks(1h, 800ms)), 0ns);
}

TEST(Consistent, TwoRoundsOfTheSameClockAre) {
  Known later = known();
  later.at += 10s;
  EXPECT_TRUE(consistent(known(), later));
  later.result.bounds = {later.result.bounds.lower + 3s, later.result.bounds.upper + 3s};
  EXPECT_FALSE(consistent(known(), later));
}

TEST(Compare, AnUndisturbedHourIsNone) {
  const Look before{clocks(0s), 5s, rtc(0s)};
  const Look now{clocks(1h, 30ms), 5s, rtc(1h + 900ms)};
  EXPECT_EQ(compare(before, now, known()).what, Disturbance::none);
}

TEST(Compare, SleepShowsHoweverShort) {
  const Finding finding = compare({clocks(0s), 5s, {}}, {clocks(1s), 5200ms, {}}, {});
  EXPECT_EQ(finding.what, Disturbance::slept);
  EXPECT_EQ(finding.by, 200ms);
}

TEST(Compare, APauseShowsInTheBatteryClockAlone) {
  const Look before{clocks(0s), 0s, rtc(0s)};
  const Look now{clocks(90s), 0s, rtc(150s)};
  const Finding finding = compare(before, now, known());
  EXPECT_EQ(finding.what, Disturbance::paused);
  EXPECT_EQ(finding.by, 60s);
}

TEST(Compare, ABatteryClockThatIsSetFromTheSystemClockIsNoPause) {
  // It had been an hour behind; the kernel sets it 11 minutes after chronyd began to steer.
  const Look before{clocks(0s), 0s, rtc(-1h)};
  const Look now{clocks(90s), 0s, rtc(90s)};
  EXPECT_EQ(compare(before, now, known()).what, Disturbance::none);
}

TEST(Compare, ABatteryClockThatIsSetBackIsNoPause) {
  EXPECT_EQ(compare({clocks(0s), 0s, rtc(0s)}, {clocks(90s), 0s, rtc(-1h)}, known()).what, Disturbance::none);
}

TEST(Compare, WithoutABatteryClockNothingIsSaidOfPauses) {
  EXPECT_EQ(compare({clocks(0s), 0s, rtc(0s)}, {clocks(90s), 0s, {}}, known()).what, Disturbance::none);
  EXPECT_EQ(compare({clocks(0s), 0s, {}}, {clocks(90s), 0s, rtc(1h)}, known()).what, Disturbance::none);
}

TEST(Compare, ASteppedClockShowsAndWhichWay) {
  const Finding back = compare({clocks(0s), 0s, {}}, {clocks(60s, -600s), 0s, {}}, known());
  EXPECT_EQ(back.what, Disturbance::stepped);
  EXPECT_EQ(back.by, -600s);
  EXPECT_EQ(compare({clocks(0s), 0s, {}}, {clocks(60s, 3s), 0s, {}}, known()).by, 3s);
}

TEST(Compare, AStepToWhatWasAgreedIsChronydsWork) {
  EXPECT_EQ(compare({clocks(0s, -24h), 0s, {}}, {clocks(10s), 0s, {}}, known()).what, Disturbance::none);
  EXPECT_EQ(compare({clocks(0s, -24h), 0s, {}}, {clocks(10s, 50ms), 0s, {}}, known()).what, Disturbance::none);
}

TEST(Compare, AStepBeforeAnythingWasAgreedIsNobodysBusiness) {
  EXPECT_EQ(compare({clocks(0s), 0s, {}}, {clocks(10s, 1h), 0s, {}}, {}).what, Disturbance::none);
}

RC_GTEST_PROP(Compare, NeverReportsAClockThatOnlyDrifts, ()) {
  const nanoseconds elapsed = *duration(0s, 3h);
  const nanoseconds drift{elapsed.count() / 1'000'000 * *support::uniform(-150, 150)};
  const nanoseconds phase = *duration(0s, 999ms);
  const Look before{clocks(0s), 0s, rtc(phase)};
  const Look now{clocks(elapsed, drift), 0s, rtc(elapsed + phase + drift)};
  RC_ASSERT(compare(before, now, known()).what == Disturbance::none);
}

RC_GTEST_PROP(Compare, SeesEveryPauseOfFiveSecondsAndMore, ()) {
  const nanoseconds elapsed = *duration(0s, 3h);
  const nanoseconds pause = *duration(8s, 24h);
  const Look before{clocks(0s), 0s, rtc(*duration(0s, 999ms))};
  const Look now{clocks(elapsed), 0s, rtc(elapsed + pause)};
  RC_ASSERT(compare(before, now, known()).what == Disturbance::paused);
}

}  // namespace
}  // namespace sdwdate::timecore
