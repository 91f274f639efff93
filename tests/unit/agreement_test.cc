#include "timecore/agreement.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "support/generators.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;
using support::duration;
using support::heavy_tailed;
using support::uniform;
using Votes = std::vector<Vote>;

constexpr RawOffset kTruth{1'700'000'000s};
const Quorum kOne{1, 1, 2s};

Vote vote(std::string operator_name, nanoseconds below, nanoseconds above, std::string pool = "p") {
  const RawBounds bounds{kTruth + below, kTruth + above};
  return {bounds, midpoint(bounds.lower, bounds.upper), std::move(operator_name), std::move(pool)};
}

RawOffset any_point_of(const RawBounds& bounds) { return bounds.lower + *duration(0ns, bounds.width()); }

Vote vote_of(int number, const RawBounds& bounds) {
  return {bounds, any_point_of(bounds), "operator " + std::to_string(number), "pool " + std::to_string(*uniform(0, 3))};
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

// --- T4: bounds that no minority can move off the truth ------------------------------------------------------------

RC_GTEST_PROP(AgreementTheorem, WithAnyMinorityOfLiarsTheAgreedBoundsContainTheTruth, ()) {
  const Election election = any_election();
  const Agreement agreement = agree(election.votes, any_quorum());
  RC_ASSERT(agreement.bounds.has_value());
  RC_ASSERT(agreement.bounds->contains(kTruth));
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
  const auto covered = [&](RawOffset offset) {
    std::set<std::string> covering;
    for (const Vote& one : votes) {
      if (one.bounds.contains(offset)) covering.insert(one.operator_name);
    }
    return 2 * covering.size() > all.size();
  };
  const Agreement agreement = agree(votes, any_quorum());
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
    RC_ASSERT((agreement.truechimer[i] == (agreement.bounds && votes[i].bounds.touches(*agreement.bounds))));
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
  const bool met = agreement.bounds && agreement.bounds->width() <= quorum.maximum_width &&
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
  EXPECT_EQ(agreement.bounds->upper, kTruth + 10ms);
}

TEST(Agreement, ALateTickerIsAFalseticker) {
  const Votes votes{vote("a", -5ms, 5ms), vote("b", -7ms, 4ms), vote("c", -3ms, 6ms), vote("late", -640ms, -610ms)};
  const Agreement agreement = agree(votes, {3, 1, 2s});
  EXPECT_TRUE(agreement.agreed());
  EXPECT_EQ(agreement.truechimer, (std::vector{true, true, true, false}));
  EXPECT_EQ(agreement.operators_agreeing, 3U);
  EXPECT_TRUE(agreement.bounds->contains(kTruth));
}

TEST(Agreement, AFalsetickersEstimateHasNoSay) {
  const Votes votes{vote("a", -4ms, 4ms), vote("b", -4ms, 4ms), vote("late", -640ms, -610ms)};
  EXPECT_EQ(agree(votes, kOne).estimate, kTruth);
}

TEST(Agreement, ManyVotesOfOneLiarAreOne) {
  Votes votes{vote("a", -5ms, 5ms), vote("b", -5ms, 5ms)};
  for (int i = 0; i < 20; ++i) votes.push_back(vote("liar", 1s, 1010ms));
  const Agreement agreement = agree(votes, {2, 1, 2s});
  EXPECT_TRUE(agreement.agreed());
  EXPECT_EQ(agreement.bounds, (RawBounds{kTruth - 5ms, kTruth + 5ms}));
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
  const Votes votes{{{early, late}, early, "a", "p"}, {{early, late}, late, "b", "p"}};
  const Agreement agreement = agree(votes, kOne);
  EXPECT_EQ(agreement.verdict, Verdict::too_wide);
  EXPECT_TRUE(agreement.bounds->contains(agreement.estimate));
}

TEST(Agreement, TwoThatDisagreeHaveNoMajority) {
  const Agreement agreement = agree(Votes{vote("a", -5ms, 5ms), vote("b", 1s, 2s)}, kOne);
  EXPECT_EQ(agreement.verdict, Verdict::no_majority);
  EXPECT_FALSE(agreement.bounds);
  EXPECT_EQ(agreement.truechimer, (std::vector{false, false}));
}

TEST(Agreement, BoundsThatOnlyTouchAgree) {
  const Agreement agreement = agree(Votes{vote("a", -5ms, 0ms), vote("b", 0ms, 5ms)}, {2, 1, 2s});
  EXPECT_TRUE(agreement.agreed());
  EXPECT_EQ(agreement.bounds, (RawBounds{kTruth, kTruth}));
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
  EXPECT_EQ(agree(votes, {1, 1, 2s - 1ns}).verdict, Verdict::too_wide);
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

// --- spread rounds -------------------------------------------------------------------------------------------------

/// What a right source says that was asked once, when its second was `phase` old, over a way of `half` each way.
Vote once(std::size_t index, nanoseconds phase, nanoseconds half, nanoseconds wrong_by = 0ns) {
  const RawOffset truth = kTruth + wrong_by;
  const RawBounds bounds{truth - phase - half, truth - phase + 1s + half};
  return {bounds, midpoint(bounds.lower, bounds.upper), "operator " + std::to_string(index), "pool"};
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
  RC_ASSERT(agreement.bounds->width() <= part + 2 * half + 10ns);
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
  RC_ASSERT(agreement.certain <= kTruth);
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
  RC_ASSERT(agreement.bounds->lower == agreement.certain);
}

TEST(Spread, PhasesAreEquallyFarApart) {
  EXPECT_EQ(spread_phase(250ms, 0, 4), 250ms);
  EXPECT_EQ(spread_phase(250ms, 3, 4), 0ms);
  EXPECT_EQ(spread_phase(250ms, 4, 4), 250ms) << "who replaces a source has its phase";
  EXPECT_EQ(spread_phase(250ms, 1, 0), 250ms);
}

}  // namespace
}  // namespace sdwdate::timecore
