#include "timecore/agreement.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "support/generators.h"
#include "timecore/transfer.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;
using support::duration;
using support::heavy_tailed;
using support::uniform;
using Votes = std::vector<Vote>;

constexpr RawOffset kTruth{1'700'000'000s};
const Quorum kOne{1, 1, 2s};

/// What holds of a source whose narrow bounds these are if it is late.
RawBounds allowing_a_second(const RawBounds& bounds) { return {bounds.lower, bounds.upper + kLatest}; }

Vote vote(std::string operator_name, nanoseconds below, nanoseconds above, std::string pool = "p") {
  const RawBounds bounds{kTruth + below, kTruth + above};
  return {bounds, allowing_a_second(bounds), midpoint(bounds.lower, bounds.upper),
          true,   std::move(operator_name),  std::move(pool)};
}

RawOffset any_point_of(const RawBounds& bounds) { return bounds.lower + *duration(0ns, bounds.width()); }

Vote vote_of(int number, const RawBounds& bounds) {
  return {bounds,
          allowing_a_second(bounds),
          any_point_of(bounds),
          *rc::gen::arbitrary<bool>(),
          "operator " + std::to_string(number),
          "pool " + std::to_string(*uniform(0, 3))};
}

/// Bounds that contain the truth, and may begin or end with it.
RawBounds honest_bounds() { return {kTruth - *heavy_tailed(), kTruth + *heavy_tailed()}; }

/// What liars who have seen all the honest votes may say.
RawBounds lying_bounds(const Votes& honest) {
  RawBounds overlap = honest.front().bounds;
  for (const Vote& one : honest) {
    overlap.lower = std::max(overlap.lower, one.bounds.lower);
    overlap.upper = std::min(overlap.upper, one.bounds.upper);
  }
  switch (*uniform(0, 4)) {
    case 0: return {overlap.lower, overlap.lower};  // crowd into a corner of what the honest ones agree on
    case 1: return {overlap.upper, overlap.upper};
    case 2: return {overlap.upper, overlap.upper + *heavy_tailed()};  // or only touch it
    case 3: return {kTruth - 24h, kTruth + 24h};                      // or agree with everything
    default: break;
  }
  const RawOffset lower = kTruth + *duration(-20s, 20s);  // or say anything
  return {lower, lower + *heavy_tailed()};
}

struct Election {
  Votes votes;
  int operators = 0;
};

/// More than half of the operators are right; the others may say anything. Each has one to three votes.
Election any_election() {
  Election election;
  election.operators = *uniform(1, 9);
  const int liars = *uniform(0, (election.operators - 1) / 2);
  for (int number = liars; number < election.operators; ++number) {
    const int votes = *uniform(1, 3);
    for (int i = 0; i < votes; ++i) election.votes.push_back(vote_of(number, honest_bounds()));
  }
  const Votes honest = election.votes;
  for (int number = 0; number < liars; ++number) {
    const int votes = *uniform(1, 3);
    for (int i = 0; i < votes; ++i) election.votes.push_back(vote_of(number, lying_bounds(honest)));
  }
  return election;
}

/// Anything anybody could say, also without a majority.
Votes any_votes() {
  Votes votes;
  const int count = *uniform(0, 9);
  for (int i = 0; i < count; ++i) {
    const RawOffset lower = kTruth + *duration(-2s, 2s);
    votes.push_back(vote_of(*uniform(0, 6), {lower, lower + *heavy_tailed()}));
  }
  return votes;
}

Quorum any_quorum() { return {*uniform<std::size_t>(1, 4), *uniform<std::size_t>(1, 3), *duration(0ns, 20s)}; }

/// The same, and some were asked who did not answer: at most so many.
Quorum any_quorum_of(int answered, int silent) {
  Quorum quorum = any_quorum();
  quorum.asked = static_cast<std::size_t>(answered + *uniform(0, silent));
  return quorum;
}

// --- T4: bounds that no minority can move off the truth ------------------------------------------------------------

RC_GTEST_PROP(AgreementTheorem, WithAnyMinorityOfLiarsTheAgreedBoundsContainTheTruth, ()) {
  const Election election = any_election();
  const Agreement agreement = agree(election.votes, any_quorum());
  RC_ASSERT(agreement.bounds.has_value());
  RC_ASSERT(agreement.bounds->contains(kTruth));
}

RC_GTEST_PROP(AgreementTheorem, WithAnyNumberOfLateSourcesTheCertainBoundsContainTheTruth, ()) {
  Election election = any_election();
  for (Vote& one : election.votes) {
    // Late, but honest; whoever lies goes on lying, since their bounds may be moved as well.
    const nanoseconds late = *duration(0ns, kLatest);
    if (!one.bounds.contains(kTruth)) continue;
    one.bounds = {one.bounds.lower - late, one.bounds.upper - late};
    one.certain = allowing_a_second(one.bounds);
    one.estimate = one.bounds.clamp(one.estimate - late);
  }
  const Agreement agreement = agree(election.votes, any_quorum());
  RC_ASSERT(agreement.certain.has_value());
  RC_ASSERT(agreement.certain->contains(kTruth));
}

RC_GTEST_PROP(AgreementTheorem, ThoseWhoFailedCountAsWrong, ()) {
  // More than half of those *asked* are right.
  const Election election = any_election();
  int right = 0;
  std::set<std::string> counted;
  for (const Vote& one : election.votes) {
    if (one.bounds.contains(kTruth) && counted.insert(one.operator_name).second) ++right;
  }
  const Quorum quorum = any_quorum_of(election.operators, std::max(2 * right - 1 - election.operators, 0));
  const Agreement agreement = agree(election.votes, quorum);
  RC_ASSERT(agreement.certain.has_value());
  RC_ASSERT(agreement.bounds->contains(kTruth));
  RC_ASSERT(agreement.certain->contains(kTruth));
}

RC_GTEST_PROP(AgreementTheorem, WhereMoreThanHalfFailNobodyDecides, ()) {
  const Election election = any_election();
  Quorum quorum = any_quorum();
  quorum.asked = static_cast<std::size_t>(2 * election.operators + *uniform(0, 3));
  RC_ASSERT(agree(election.votes, quorum).verdict == Verdict::no_majority);
}

RC_GTEST_PROP(AgreementTheorem, EveryRightSourceIsATruechimer, ()) {
  const Election election = any_election();
  const Agreement agreement = agree(election.votes, any_quorum());
  for (std::size_t i = 0; i < election.votes.size(); ++i) {
    RC_ASSERT((!election.votes[i].bounds.contains(kTruth) || agreement.truechimer[i]));
  }
}

RC_GTEST_PROP(AgreementTheorem, TheOrderOfVotesNeverMatters, ()) {
  const Votes votes = *rc::gen::arbitrary<bool>() ? any_election().votes : any_votes();
  const Quorum quorum = any_quorum();
  std::vector<std::size_t> order(votes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = order.size(); i-- > 1;) std::swap(order[i], order[*uniform<std::size_t>(0, i)]);
  Votes shuffled;
  for (const std::size_t i : order) shuffled.push_back(votes[i]);

  const Agreement one = agree(votes, quorum);
  const Agreement other = agree(shuffled, quorum);
  RC_ASSERT(one.verdict == other.verdict);
  RC_ASSERT((one.bounds == other.bounds));
  RC_ASSERT((one.certain == other.certain));
  RC_ASSERT(one.narrow == other.narrow);
  RC_ASSERT(one.estimate == other.estimate);
  RC_ASSERT(one.operators_agreeing == other.operators_agreeing);
  RC_ASSERT(one.pools_agreeing == other.pools_agreeing);
  for (std::size_t i = 0; i < order.size(); ++i) RC_ASSERT(other.truechimer[i] == one.truechimer[order[i]]);
}

RC_GTEST_PROP(AgreementTheorem, RepeatingAVoteGivesItsOperatorNoMoreWeight, ()) {
  const Votes votes = any_votes();
  RC_PRE(!votes.empty());
  const Quorum quorum = any_quorum();
  Votes stuffed = votes;
  const Vote& repeated = votes[*uniform<std::size_t>(0, votes.size() - 1)];
  stuffed.insert(stuffed.end(), *uniform<std::size_t>(1, 20), repeated);

  const Agreement one = agree(votes, quorum);
  const Agreement other = agree(stuffed, quorum);
  RC_ASSERT((one.bounds == other.bounds));
  RC_ASSERT(one.verdict == other.verdict);
  RC_ASSERT(one.operators_agreeing == other.operators_agreeing);
}

// --- what holds of any votes --------------------------------------------------------------------------------------

RC_GTEST_PROP(Agreement, TheHullIsExactlyWhatMoreThanHalfOfTheOperatorsCover, ()) {
  const Votes votes = any_votes();
  std::set<std::string> all;
  for (const Vote& one : votes) all.insert(one.operator_name);
  const Agreement agreement = agree(votes, any_quorum());
  const auto covered = [&](RawOffset offset) {
    std::set<std::string> covering;
    for (const Vote& one : votes) {
      if ((agreement.narrow ? one.bounds : one.certain).contains(offset)) covering.insert(one.operator_name);
    }
    return 2 * covering.size() > all.size();
  };
  if (agreement.narrow) RC_ASSERT(agreement.certain->contains(agreement.bounds->lower));
  if (agreement.narrow) RC_ASSERT(agreement.certain->contains(agreement.bounds->upper));
  if (agreement.bounds) {
    RC_ASSERT(covered(agreement.bounds->lower));
    RC_ASSERT(covered(agreement.bounds->upper));
    RC_ASSERT(!covered(agreement.bounds->lower - 1ns));
    RC_ASSERT(!covered(agreement.bounds->upper + 1ns));
  }
  const RawOffset anywhere = kTruth + *duration(-3s, 20s);
  RC_ASSERT((!covered(anywhere) || (agreement.bounds && agreement.bounds->contains(anywhere))));
}

RC_GTEST_PROP(Agreement, TruechimersAreThoseThatTouchTheBounds, ()) {
  const Votes votes = any_votes();
  const Agreement agreement = agree(votes, any_quorum());
  RC_ASSERT(agreement.truechimer.size() == votes.size());
  for (std::size_t i = 0; i < votes.size(); ++i) {
    const bool touches = agreement.bounds && votes[i].certain.touches(*agreement.bounds);
    RC_ASSERT(!agreement.truechimer[i] || touches);
    if (agreement.narrow) {
      RC_ASSERT(agreement.truechimer[i] == votes[i].bounds.touches(*agreement.bounds));
    }
  }
}

RC_GTEST_PROP(Agreement, TheEstimateLiesInsideTheBounds, ()) {
  const Agreement agreement = agree(any_votes(), any_quorum());
  RC_PRE(agreement.bounds.has_value());
  RC_ASSERT(agreement.bounds->contains(agreement.estimate));
}

RC_GTEST_PROP(Agreement, NothingIsAgreedUnlessTheQuorumIsMet, ()) {
  const Quorum quorum = any_quorum();
  const Agreement agreement = agree(any_votes(), quorum);
  const nanoseconds widest = quorum.maximum_width + (agreement.narrow ? 0ns : kLatest);
  const bool met = agreement.bounds && agreement.bounds->width() <= widest &&
                   agreement.operators_agreeing >= quorum.operators && agreement.pools_agreeing >= quorum.pools;
  RC_ASSERT(agreement.agreed() == met);
}

// --- examples -----------------------------------------------------------------------------------------------------

TEST(Agreement, LiarsWhoCrowdIntoACornerMoveMarzullosAnswerButNotOurs) {
  // Most sources cover 8 to 10 ms; the truth is at 0, where three of five are.
  const Votes votes{vote("a", -10ms, 10ms), vote("b", -10ms, 10ms), vote("c", 0ms, 10ms), vote("liar 1", 8ms, 10ms),
                    vote("liar 2", 8ms, 10ms)};
  const Agreement agreement = agree(votes, kOne);
  ASSERT_TRUE(agreement.bounds);
  EXPECT_TRUE(agreement.bounds->contains(kTruth));
  EXPECT_EQ(agreement.bounds->lower, kTruth);  // where the third honest one begins
  EXPECT_LE(agreement.bounds->upper, kTruth + 10ms + kLatest);
}

TEST(Agreement, ALateTickerIsAFalseticker) {
  const Votes votes{vote("a", -5ms, 5ms), vote("b", -6ms, 5ms), vote("c", -5ms, 6ms),
                    vote("d", -5ms, 5ms), vote("e", -6ms, 6ms), vote("late", -640ms, -610ms)};
  const Agreement agreement = agree(votes, {3, 1, 2s});
  EXPECT_TRUE(agreement.agreed());
  EXPECT_EQ(agreement.truechimer, (std::vector{true, true, true, true, true, false}));
  EXPECT_EQ(agreement.operators_agreeing, 5U);
  EXPECT_TRUE(agreement.bounds->contains(kTruth));
}

TEST(Agreement, WhereNobodyCanTellWhoIsLateAllAreTruechimers) {
  const Votes votes{vote("a", -5ms, 5ms), vote("b", -7ms, 4ms), vote("late", -340ms, -310ms),
                    vote("later", -640ms, -610ms)};
  const Agreement agreement = agree(votes, {3, 1, 2s});
  EXPECT_TRUE(agreement.agreed());
  EXPECT_EQ(agreement.operators_agreeing, 4U);
  EXPECT_TRUE(agreement.bounds->contains(kTruth));
}

TEST(Agreement, AFalsetickersEstimateHasNoSay) {
  const Votes votes{vote("a", -4ms, 4ms), vote("b", -4ms, 4ms), vote("c", -4ms, 4ms), vote("late", -640ms, -610ms)};
  EXPECT_EQ(agree(votes, kOne).estimate, kTruth);
}

TEST(Agreement, ManyVotesOfOneLiarAreOne) {
  Votes votes{vote("a", -5ms, 5ms), vote("b", -5ms, 5ms)};
  for (int i = 0; i < 20; ++i) votes.push_back(vote("liar", 3s, 3010ms));
  const Agreement agreement = agree(votes, {2, 1, 2s});
  EXPECT_TRUE(agreement.agreed());
  EXPECT_EQ(agreement.certain, (RawBounds{kTruth - 5ms, kTruth + 1005ms}));
}

TEST(Agreement, ManyVotesOfOneOperatorDoNotOutweighOthersInTheEstimate) {
  Votes votes{vote("a", -10ms, 10ms), vote("b", -9ms, 9ms), vote("c", -11ms, 11ms)};
  for (int i = 0; i < 20; ++i) votes.push_back(vote("many", 4ms, 8ms));
  const Agreement agreement = agree(votes, kOne);
  EXPECT_EQ(agreement.estimate, kTruth) << "three of four operators estimate the truth exactly";
}

TEST(Agreement, VotesAtBothEndsOfTimeDoNotOverflow) {
  const RawOffset early{-1h};
  const RawOffset late{std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}.time_since_epoch()};
  const RawBounds all{early, late};
  const Votes votes{{all, all, early, true, "a", "p"}, {all, all, late, true, "b", "p"}};
  const Agreement agreement = agree(votes, kOne);
  EXPECT_EQ(agreement.verdict, Verdict::too_wide);
  EXPECT_TRUE(agreement.bounds->contains(agreement.estimate));
}

TEST(Agreement, TwoThatDisagreeHaveNoMajority) {
  const Agreement agreement = agree(Votes{vote("a", -5ms, 5ms), vote("b", 2s, 3s)}, kOne);
  EXPECT_EQ(agreement.verdict, Verdict::no_majority);
  EXPECT_FALSE(agreement.bounds);
  EXPECT_EQ(agreement.truechimer, (std::vector{false, false}));
}

TEST(Agreement, BoundsThatOnlyTouchAgree) {
  const Agreement agreement = agree(Votes{vote("a", -5ms, 0ms), vote("b", 0ms, 5ms)}, {2, 1, 2s});
  EXPECT_TRUE(agreement.agreed());
  EXPECT_EQ(agreement.certain, (RawBounds{kTruth, kTruth + 1s}));
}

TEST(Agreement, NobodyAnswered) {
  const Agreement agreement = agree({}, kOne);
  EXPECT_EQ(agreement.verdict, Verdict::nobody_answered);
  EXPECT_FALSE(agreement.bounds);
  EXPECT_TRUE(agreement.truechimer.empty());
  EXPECT_FALSE(agreement.agreed());
}

TEST(Agreement, BoundsWiderThanAllowedAreRefused) {
  const Votes votes{vote("a", -1s, 1s), vote("b", -1s, 1s)};
  EXPECT_EQ(agree(votes, {1, 1, 2s}).verdict, Verdict::agreed);
  EXPECT_EQ(agree(votes, {1, 1, 2s - 1ns}).verdict, Verdict::too_wide) << "a second more is for those who are late";
}

TEST(Agreement, TooFewOperatorsAreRefused) {
  const Votes votes{vote("a", -1ms, 1ms), vote("a", -1ms, 1ms), vote("b", -1ms, 1ms)};
  EXPECT_EQ(agree(votes, {3, 1, 2s}).verdict, Verdict::too_few_operators);
  EXPECT_EQ(agree(votes, {2, 1, 2s}).verdict, Verdict::agreed);
}

TEST(Agreement, TooFewPoolsAreRefused) {
  const Votes votes{vote("a", -1ms, 1ms, "x"), vote("b", -1ms, 1ms, "x"), vote("c", -1ms, 1ms, "y")};
  EXPECT_EQ(agree(votes, {3, 3, 2s}).verdict, Verdict::too_few_pools);
  EXPECT_EQ(agree(votes, {3, 2, 2s}).verdict, Verdict::agreed);
  EXPECT_EQ(agree(votes, {3, 2, 2s}).pools_agreeing, 2U);
}

TEST(Agreement, APoolOfFalsetickersDoesNotCount) {
  const Votes votes{vote("a", -1ms, 1ms, "x"), vote("b", -1ms, 1ms, "x"), vote("c", 5s, 6s, "y")};
  EXPECT_EQ(agree(votes, {2, 2, 2s}).verdict, Verdict::too_few_pools);
}

// --- the narrow claim ----------------------------------------------------------------------------------------------

/// A source that is so much late, over a way of `half` to either side.
Vote late_by(nanoseconds late, nanoseconds half, int number) {
  return vote("operator " + std::to_string(number), -late - half, -late + half);
}

TEST(NarrowClaim, SixThatSayTheSameClaimWhatTheySay) {
  Votes votes;
  for (int i = 0; i < 6; ++i) votes.push_back(late_by(i * 1ms, 20ms, i));
  const Agreement agreement = agree(votes, kOne);
  EXPECT_TRUE(agreement.narrow);
  EXPECT_TRUE(agreement.bounds->contains(kTruth));
  EXPECT_LE(agreement.bounds->width(), 45ms);
  EXPECT_GE(agreement.certain->width(), 1s);
}

TEST(NarrowClaim, SixThatAreTooFarApartDoNot) {
  Votes votes;
  for (int i = 0; i < 6; ++i) votes.push_back(late_by(i * 20ms, 200ms, i));
  const Agreement agreement = agree(votes, kOne);
  EXPECT_TRUE(agreement.agreed());
  EXPECT_FALSE(agreement.narrow) << "what they have in common may be by chance";
  EXPECT_EQ(agreement.bounds, agreement.certain);
}

TEST(NarrowClaim, TwoAreNeverEnough) {
  EXPECT_FALSE(agree(Votes{late_by(0ms, 20ms, 0), late_by(1ms, 20ms, 1)}, kOne).narrow);
}

TEST(NarrowClaim, WhoSaysThatItIsLaterMayBeTheOnlyPromptOne) {
  Votes votes;
  for (int i = 0; i < 8; ++i) votes.push_back(late_by(300ms + i * 100us, 20ms, i));
  EXPECT_TRUE(agree(votes, kOne).narrow) << "nobody tells these";
  votes.push_back(late_by(0ms, 20ms, 8));
  const Agreement agreement = agree(votes, kOne);
  EXPECT_FALSE(agreement.narrow);
  EXPECT_TRUE(agreement.bounds->contains(kTruth));
}

TEST(NarrowClaim, WhoIsSecondsWrongIsNoSignOfLateness) {
  Votes votes;
  for (int i = 0; i < 5; ++i) votes.push_back(late_by(i * 1ms, 20ms, i));
  votes.push_back(vote("fast", 600s, 601s));
  votes.push_back(vote("slow", -600s, -601s + 2s));
  EXPECT_TRUE(agree(votes, kOne).narrow);
}

TEST(NarrowClaim, ChanceGrowsWithDistanceAndFallsWithNumbers) {
  EXPECT_NEAR(chance_of_closeness(6, 6, 50ms), 6e-5, 1e-9);
  EXPECT_NEAR(chance_of_closeness(6, 5, 5ms), 3e-7, 1e-9);
  EXPECT_EQ(chance_of_closeness(3, 1, 0ms), 1);
  EXPECT_EQ(chance_of_closeness(3, 0, 0ms), 1);
  EXPECT_EQ(chance_of_closeness(1000, 500, 10s), 1);
}

TEST(Agreement, ASourceThatOnlySaysBetweenWhatItLiesPullsNowhereWithin) {
  Votes votes{vote("a", -4ms, 4ms), vote("b", -4ms, 4ms), vote("c", -4ms, 4ms)};
  for (int i = 0; i < 3; ++i) {
    votes.push_back(vote("cached " + std::to_string(i), -300ms, 1700ms));
    votes.back().sharp = false;
  }
  EXPECT_EQ(agree(votes, kOne).estimate, kTruth);
}

// --- spread rounds -------------------------------------------------------------------------------------------------

/// What a right source says that was asked once, when its second was `phase` old, over a way of `half` each way.
Vote once(std::size_t index, nanoseconds phase, nanoseconds half, nanoseconds wrong_by = 0ns) {
  const RawOffset truth = kTruth + wrong_by;
  const RawBounds bounds{truth - phase - half, truth - phase + 1s + half};
  return {bounds, allowing_a_second(bounds),           midpoint(bounds.lower, bounds.upper),
          true,   "operator " + std::to_string(index), "pool"};
}

constexpr Quorum kSpread{.operators = 3, .pools = 1, .maximum_width = 2s, .spread = true};

RC_GTEST_PROP(Spread, HonestSourcesSayTheirNumberthOfASecondTogether, ()) {
  const auto sources = *uniform<std::size_t>(3, 20);
  const nanoseconds start = *duration(0ns, 1s - 1ns);
  const nanoseconds half = *duration(0ns, 100ms);
  std::vector<Vote> votes;
  for (std::size_t i = 0; i < sources; ++i) votes.push_back(once(i, spread_phase(start, i, sources), half));
  const Agreement agreement = agree(votes, kSpread);
  RC_ASSERT(agreement.agreed());
  RC_ASSERT(agreement.bounds->contains(kTruth));
  const nanoseconds part = nanoseconds{1s} / static_cast<std::int64_t>(sources);
  RC_ASSERT(std::chrono::abs(agreement.estimate - kTruth) <= part / 2 + 10ns);
}

RC_GTEST_PROP(Spread, TheCertainEndStaysTheMajoritys, ()) {
  const std::size_t sources = 9;
  const nanoseconds start = *duration(0ns, 1s - 1ns);
  std::vector<Vote> votes;
  const auto liars = *uniform<std::size_t>(0, 4);
  for (std::size_t i = 0; i < sources; ++i) {
    const nanoseconds lie = i < liars ? *duration(-3s, 3s) : 0ns;
    votes.push_back(once(i, spread_phase(start, i, sources), 10ms, lie));
  }
  const Agreement agreement = agree(votes, kSpread);
  RC_PRE(agreement.bounds.has_value());
  RC_ASSERT(agreement.certain->contains(kTruth));
}

RC_GTEST_PROP(Spread, WhereMoreThanAThirdDisagreeTheMajoritysBoundsHold, ()) {
  const std::size_t sources = 9;
  const nanoseconds start = *duration(0ns, 1s - 1ns);
  std::vector<Vote> votes;
  for (std::size_t i = 0; i < sources; ++i) {
    // Four liars who agree with nobody.
    const nanoseconds lie = i < 4 ? 600s * static_cast<std::int64_t>(i + 1) : 0ns;
    votes.push_back(once(i, spread_phase(start, i, sources), 10ms, lie));
  }
  const Agreement agreement = agree(votes, kSpread);
  RC_ASSERT(agreement.bounds && agreement.bounds->contains(kTruth));
  RC_ASSERT(*agreement.bounds == *agreement.certain);
}

TEST(Spread, PhasesAreEquallyFarApart) {
  EXPECT_EQ(spread_phase(250ms, 0, 4), 250ms);
  EXPECT_EQ(spread_phase(250ms, 3, 4), 0ms);
  EXPECT_EQ(spread_phase(250ms, 4, 4), 250ms) << "who replaces a source has its phase";
  EXPECT_EQ(spread_phase(250ms, 1, 0), 250ms);
}

}  // namespace
}  // namespace sdwdate::timecore
