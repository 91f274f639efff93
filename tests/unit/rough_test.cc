#include "timecore/rough.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "support/generators.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;
using Basis = RoughTime::Basis;
using support::duration;
using support::uniform;

constexpr base::RawTime kAt{5000s};
constexpr sys_seconds kFloor = sys_days{year{2026} / 11 / 1};
constexpr sys_seconds kTruth = sys_days{year{2026} / 11 / 22} + 12h + 20min;
const TimeLimits kLimits = limits_from(kFloor, 20);
constexpr KnownPast kPast{kFloor, kFloor};
const base::ClockPair kIn1970{kAt, sys_days{year{1970} / 1 / 1} + 1h, 0ns};

RawOffset offset_for(base::RealTime reference) { return {reference.time_since_epoch() - kAt.time_since_epoch()}; }

base::ClockPair clock_off_by(nanoseconds off) { return {kAt, kTruth + off, 0ns}; }

RoughEvidence consensus() { return {kTruth - 20min, kTruth + 40min, {}}; }

RoughEvidence with_relays(std::initializer_list<std::pair<const char*, nanoseconds>> relays) {
  RoughEvidence evidence = consensus();
  for (const auto& [network, off] : relays) evidence.relays.push_back({network, offset_for(kTruth + off)});
  return evidence;
}

TEST(Rough, AClockBeforeTheConsensusIsBehind) {
  for (const nanoseconds behind : std::initializer_list<nanoseconds>{26h, 48h, 24h * 20}) {
    const auto rough = rough_time(consensus(), clock_off_by(-behind), kLimits, kPast);
    ASSERT_TRUE(rough);
    EXPECT_EQ(rough->basis, Basis::consensus);
    EXPECT_EQ(rough->estimate, offset_for(kTruth + 10min)) << "the middle of its hour";
  }
}

TEST(Rough, AClockBeforeTheFloorIsBehindWhateverElseIsKnown) {
  const auto rough = rough_time({}, kIn1970, kLimits, kPast);
  ASSERT_TRUE(rough);
  EXPECT_EQ(rough->basis, Basis::floor);
  EXPECT_EQ(rough->estimate, offset_for(kFloor));
}

TEST(Rough, WhatTwoRoundsHaveSaidHealsAClockThatLostItsPower) {
  const KnownPast past{kFloor, kTruth - 24h};
  const auto rough = rough_time({}, kIn1970, limits_from(past.vouched, 20), past);
  ASSERT_TRUE(rough);
  EXPECT_EQ(rough->basis, Basis::floor);
  EXPECT_EQ(rough->estimate, offset_for(past.vouched));
}

// Tor may be out of order for any reason, and a saved floor may be from the future.
TEST(Rough, ASavedFloorDoesNotMoveAClockThatCanBeRight) {
  const KnownPast past{kFloor, kTruth + 24h * 100};
  EXPECT_FALSE(rough_time({}, clock_off_by(0s), limits_from(past.vouched, 20), past));
  EXPECT_FALSE(rough_time(consensus(), clock_off_by(0s), limits_from(past.vouched, 20), past));
  EXPECT_FALSE(rough_time(with_relays({{"a", 0s}, {"b", 0s}}), clock_off_by(0s), limits_from(past.vouched, 20), past));
}

TEST(Rough, AFloorThatNoTwoRoundsHaveSaidIsNoRoughTime) {
  const TimeLimits future = limits_from(kTruth + 24h * 100, 20);
  const auto rough = rough_time({}, kIn1970, future, kPast);
  ASSERT_TRUE(rough);
  EXPECT_EQ(rough->estimate, offset_for(kFloor)) << "but this build's day is";
  const auto by_consensus = rough_time(consensus(), kIn1970, future, kPast);
  ASSERT_TRUE(by_consensus);
  EXPECT_EQ(by_consensus->basis, Basis::consensus);
}

TEST(Rough, RelaysThatSayItIsEarlierLeaveThisBuildsDayAlone) {
  const KnownPast past{kFloor, kTruth + 24h * 100};
  RoughEvidence evidence = with_relays({{"a", 0s}, {"b", 0s}});
  evidence.valid_after.reset();
  const auto rough = rough_time(evidence, kIn1970, limits_from(past.vouched, 20), past);
  ASSERT_TRUE(rough);
  EXPECT_EQ(rough->basis, Basis::floor);
  EXPECT_EQ(rough->estimate, offset_for(kFloor));
}

TEST(Rough, AConsensusSaysNothingOfAClockThatIsAhead) {
  // Whoever passes it on may have an old one.
  for (const nanoseconds ahead : std::initializer_list<nanoseconds>{3h, 48h, 24h * 365}) {
    EXPECT_FALSE(rough_time(consensus(), clock_off_by(ahead), kLimits, kPast));
  }
}

TEST(Rough, RelaysOfTwoNetworksThatAgreeAreBelieved) {
  for (const nanoseconds off : std::initializer_list<nanoseconds>{-26h, 3h, 48h, 24h * 365}) {
    const auto rough = rough_time(with_relays({{"a", 5s}, {"b", -3s}}), clock_off_by(off), kLimits, kPast);
    ASSERT_TRUE(rough);
    EXPECT_EQ(rough->basis, Basis::relays);
    EXPECT_EQ(rough->networks, 2U);
    EXPECT_EQ(rough->estimate, offset_for(kTruth + 5s));
  }
}

TEST(Rough, ARelayAloneMovesNothing) {
  EXPECT_FALSE(rough_time(with_relays({{"a", -30min}}), clock_off_by(48h), kLimits, kPast));
  EXPECT_FALSE(rough_time(with_relays({{"a", 0s}, {"a", 1s}, {"a", 2s}}), clock_off_by(48h), kLimits, kPast))
      << "nor do many in one network";
  const auto behind = rough_time(with_relays({{"a", 24h * 300}}), clock_off_by(-48h), kLimits, kPast);
  ASSERT_TRUE(behind);
  EXPECT_EQ(behind->basis, Basis::consensus) << "it does not hinder what the consensus proves";
}

TEST(Rough, RelaysThatDisagreeAreNotBelieved) {
  EXPECT_FALSE(rough_time(with_relays({{"a", 0s}, {"b", 24h}}), clock_off_by(48h), kLimits, kPast));
  EXPECT_FALSE(
      rough_time(with_relays({{"a", 0s}, {"b", 0s}, {"c", 24h}, {"d", -24h}}), clock_off_by(48h), kLimits, kPast))
      << "two of four are not most";
  EXPECT_TRUE(rough_time(with_relays({{"a", 0s}, {"b", 0s}, {"c", 24h}}), clock_off_by(48h), kLimits, kPast));
}

TEST(Rough, RelaysDoNotGoBelowTheFloorOrTheConsensus) {
  EXPECT_FALSE(rough_time(with_relays({{"a", -24h * 100}, {"b", -24h * 100}}), clock_off_by(1h), kLimits, kPast));
  EXPECT_FALSE(rough_time(with_relays({{"a", -2h}, {"b", -2h}}), clock_off_by(1h), kLimits, kPast));
  const auto cut = rough_time(with_relays({{"a", -40min}, {"b", -40min}}), clock_off_by(48h), kLimits, kPast);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->estimate, offset_for(kTruth - 35min)) << "when the consensus was signed";
}

TEST(Rough, AClockThatIsRoughlyRightIsLeftAlone) {
  EXPECT_FALSE(rough_time(with_relays({{"a", 0s}, {"b", 0s}}), clock_off_by(20min), kLimits, kPast));
  EXPECT_FALSE(rough_time(consensus(), clock_off_by(-10min), kLimits, kPast));
  EXPECT_FALSE(rough_time(consensus(), clock_off_by(0s), kLimits, kPast));
}

TEST(Rough, ATimeAfterTheCeilingIsNotBelieved) {
  EXPECT_FALSE(rough_time({kTruth + 24h * 366 * 30, kTruth + 24h * 366 * 30, {}}, clock_off_by(0s), kLimits, kPast));
  const auto far = with_relays({{"a", 24h * 366 * 30}, {"b", 24h * 366 * 30}});
  EXPECT_FALSE(rough_time(far, clock_off_by(0s), kLimits, kPast));
}

RC_GTEST_PROP(Rough, OneHostileNetworkCannotMoveTheClockFromWhatTheOthersShow, ()) {
  // Two honest networks, and any number of lies from one hostile network and of the honest ones' repetitions.
  RoughEvidence evidence = with_relays({{"honest 1", *duration(-1min, 1min)}, {"honest 2", *duration(-1min, 1min)}});
  const int lies = *uniform(0, 20);
  for (int i = 0; i < lies; ++i) {
    evidence.relays.insert(evidence.relays.begin() + *uniform<std::ptrdiff_t>(0, std::ssize(evidence.relays)),
                           {"hostile", offset_for(kTruth + *duration(-24h * 3650, 24h * 3650))});
  }
  const auto rough = rough_time(evidence, clock_off_by(*duration(-24h * 3650, 24h * 3650)), kLimits, kPast);
  if (!rough) return;
  RC_ASSERT(rough->estimate >= offset_for(kFloor));
  if (rough->basis == Basis::relays) RC_ASSERT(std::chrono::abs(rough->estimate - offset_for(kTruth)) <= 21min);
}

RC_GTEST_PROP(Rough, AClockThatCanBeRightIsNeverSetByAFloor, ()) {
  const KnownPast past{kFloor, kFloor + std::chrono::seconds{*uniform(0, 600'000'000)}};
  RoughEvidence evidence = with_relays({{"a", *duration(-24h * 200, 24h * 200)}, {"b", 0s}});
  if (*rc::gen::arbitrary<bool>()) evidence.valid_after.reset();
  const base::ClockPair now{kAt, kFloor + std::chrono::seconds{*uniform(0, 600'000'000)}, 0ns};
  const auto rough = rough_time(evidence, now, limits_from(past.vouched, 20), past);
  RC_ASSERT((!rough || rough->basis != Basis::floor));
}

RC_GTEST_PROP(Rough, BackwardsOnlyByTwoNetworksThatAgree, ()) {
  RoughEvidence evidence;
  if (*rc::gen::arbitrary<bool>())
    evidence.valid_after = kTruth + std::chrono::seconds{*uniform(-10'000'000, 10'000'000)};
  const int relays = *uniform(0, 4);
  for (int i = 0; i < relays; ++i) {
    evidence.relays.push_back({std::string(1, static_cast<char>('a' + *uniform(0, 2))),
                               offset_for(kTruth + *duration(-24h * 200, 24h * 200))});
  }
  const base::ClockPair now = clock_off_by(*duration(-24h * 200, 24h * 200));
  const auto rough = rough_time(evidence, now, kLimits, kPast);
  if (!rough) return;
  RC_ASSERT(rough->estimate >= offset_for(kLimits.floor));
  RC_ASSERT(rough->estimate <= offset_for(kLimits.ceiling));
  if (rough->estimate < offset_for(now.real)) {
    RC_ASSERT(rough->basis == Basis::relays);
    RC_ASSERT(rough->networks >= 2U);
  }
}

}  // namespace
}  // namespace sdwdate::timecore
