#include "timecore/sanity.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>

#include "support/generators.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;
using support::duration;

constexpr base::RawTime kAt{5000s};
constexpr sys_seconds kFloor = sys_days{year{2026} / 11 / 1};
const TimeLimits kLimits = limits_from(kFloor, 20);

RawOffset offset_for(sys_seconds reference) { return {reference.time_since_epoch() - kAt.time_since_epoch()}; }

Agreed agreed(RawOffset lower, RawOffset upper) { return {{lower, upper}, midpoint(lower, upper)}; }

TEST(Sanity, TheCeilingIsYearsAfterTheFloor) {
  EXPECT_EQ(kLimits.floor, kFloor);
  EXPECT_EQ(kLimits.ceiling - kLimits.floor, 20 * 365 * 24h + 20 * 6h - 20 * 10min - 20 * 48s);  // 365.2425 days each
}

TEST(Sanity, AConsensusMeansThatItsTimeHasCome) {
  EXPECT_EQ(past_by_consensus(kFloor + 24h), kFloor + 24h - 15min);
  EXPECT_EQ(past_by_consensus(sys_seconds::min()), kEarliestDate);
  EXPECT_EQ(past_by_consensus(sys_seconds::max()), kLatestDate - 15min);
}

TEST(Sanity, TorUsesAConsensusForADayAfterItsEnd) {
  EXPECT_FALSE(outlives_consensus(kFloor + 24h, kFloor));
  EXPECT_TRUE(outlives_consensus(kFloor + 24h + 1s, kFloor));
  EXPECT_TRUE(outlives_consensus(kFloor, sys_seconds::min()));
  EXPECT_FALSE(outlives_consensus(kFloor, sys_seconds::max()));
}

TEST(Sanity, BoundsBetweenFloorAndCeilingPassUnchanged) {
  const Agreed given = agreed(offset_for(kFloor) + 1h, offset_for(kFloor) + 2h);
  const auto checked = check_sanity(given, kAt, kLimits);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->bounds, given.bounds);
  EXPECT_EQ(checked->estimate, given.estimate);
}

TEST(Sanity, BoundsThatReachBelowTheFloorAreCutThere) {
  const RawOffset floor = offset_for(kFloor);
  const auto checked = check_sanity(agreed(floor - 300ms, floor + 100ms), kAt, kLimits);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->bounds, (RawBounds{floor, floor + 100ms}));
  EXPECT_EQ(checked->estimate, floor) << "the estimate was below the floor, too";
}

TEST(Sanity, BoundsBelowTheFloorAreRefused) {
  const RawOffset floor = offset_for(kFloor);
  const auto checked = check_sanity(agreed(floor - 1s, floor - 1ns), kAt, kLimits);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error(), Insane::before_floor);
  EXPECT_TRUE(check_sanity(agreed(floor - 1s, floor), kAt, kLimits));
}

TEST(Sanity, BoundsThatReachBeyondTheCeilingAreRefused) {
  const RawOffset ceiling = offset_for(kLimits.ceiling);
  EXPECT_TRUE(check_sanity(agreed(ceiling - 1s, ceiling), kAt, kLimits));
  const auto checked = check_sanity(agreed(ceiling - 1s, ceiling + 1ns), kAt, kLimits);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error(), Insane::after_ceiling);
}

RC_GTEST_PROP(Sanity, WhatPassesLiesWithinTheLimitsAndWithinTheBounds, ()) {
  const RawOffset lower = offset_for(kFloor) + *duration(-24h, std::chrono::years{25});
  const Agreed given = agreed(lower, lower + *support::heavy_tailed());
  const auto checked = check_sanity(given, kAt, kLimits);
  RC_PRE(checked.has_value());
  RC_ASSERT((checked->bounds.lower >= offset_for(kFloor) && checked->bounds.upper <= offset_for(kLimits.ceiling)));
  RC_ASSERT((given.bounds.contains(checked->bounds.lower) && given.bounds.contains(checked->bounds.upper)));
  RC_ASSERT(checked->bounds.contains(checked->estimate));
}

TEST(Sanity, ASingleDateMayBeAsFarBelowTheFloorAsAbove) {
  EXPECT_TRUE(plausible(kFloor, kLimits));
  EXPECT_TRUE(plausible(kLimits.ceiling, kLimits));
  EXPECT_FALSE(plausible(kLimits.ceiling + 1s, kLimits));
  EXPECT_TRUE(plausible(sys_days{year{2007} / 1 / 1}, kLimits));
  EXPECT_FALSE(plausible(sys_days{year{2006} / 1 / 1}, kLimits));
}

// Every plausible Date goes into combine(), which promises nothing outside these two.
TEST(Sanity, APlausibleDateIsOneThatCanBeComputedWith) {
  for (const sys_seconds floor : {kFloor, sys_seconds{sys_days{year{2150} / 1 / 1}}, sys_seconds{9223372035s}}) {
    const TimeLimits limits = limits_from(floor, 100);
    EXPECT_FALSE(plausible(kEarliestDate - 1s, limits));
    EXPECT_FALSE(plausible(kLatestDate + 1s, limits));
  }
}

TEST(Sanity, LimitsStayWithinTheTimesThatCanBeComputedWith) {
  const TimeLimits late = limits_from(sys_seconds{9223372035s}, 100);
  EXPECT_EQ(late, (TimeLimits{kLatestDate, kLatestDate}));
  const TimeLimits early = limits_from(sys_seconds{-1s}, 20);
  EXPECT_EQ(early.floor, kEarliestDate);
  const RawOffset now = offset_for(kFloor);
  const auto checked = check_sanity(agreed(now, now + 1s), kAt, late);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error(), Insane::before_floor);
}

}  // namespace
}  // namespace sdwdate::timecore
