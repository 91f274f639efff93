#include "timecore/panel.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;
using base::RawTime;

constexpr RawTime kStart{1000s};

std::vector<std::string> names(char pool, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(pool + std::to_string(i));
  return names;
}

Panel three_pools(std::size_t each = 10) {
  Panel panel;
  for (const char pool : {'a', 'b', 'c'}) panel.add(names(pool, each), 2);
  panel.set_failure_budget(2);
  return panel;
}

std::vector<std::size_t> pools_of(const Panel::Step& step) {
  std::vector<std::size_t> pools;
  for (const Panel::Seat& seat : step.ask) pools.push_back(seat.pool);
  return pools;
}

TEST(Panel, SomeOfEachPoolAreAskedAtFirst) {
  Panel panel = three_pools();
  EXPECT_EQ(pools_of(panel.next({}, kStart)), (std::vector<std::size_t>{0, 0, 1, 1, 2, 2}));
  EXPECT_TRUE(panel.next({}, kStart).ask.empty());
}

TEST(Panel, AnOperatorIsAskedOnceInAllPools) {
  Panel panel;
  panel.add({"A", "A", "B"}, 2);
  panel.add({"A", "C"}, 1);
  EXPECT_EQ(panel.operators(), 3U);
  const Panel::Step step = panel.next({}, kStart);
  ASSERT_EQ(step.ask.size(), 3U);
  EXPECT_EQ(step.ask[1].index, 2U);
  EXPECT_EQ(step.ask[2].index, 1U);
}

TEST(Panel, OneThatFailsIsReplacedFromItsOwnPool) {
  Panel panel = three_pools();
  panel.next({}, kStart);
  panel.ended(2, false, kStart);
  EXPECT_EQ(pools_of(panel.next({}, kStart)), (std::vector<std::size_t>{1}));
}

TEST(Panel, APoolThatRefusesDoesNotUseUpTheOthers) {
  Panel panel = three_pools();
  std::vector<std::size_t> pools = pools_of(panel.next({}, kStart));
  std::set<std::size_t> over;
  for (std::size_t member = 0; member < pools.size(); ++member) {
    if (pools[member] != 0) continue;
    panel.ended(member, false, kStart);
    for (const std::size_t pool : pools_of(panel.next({}, kStart))) pools.push_back(pool);
  }
  EXPECT_EQ(std::ranges::count(pools, 0U), 4) << "two, and two in the place of those that failed";
  EXPECT_EQ(panel.under_way(), 6U);
}

TEST(Panel, AWideOneAsksSoManyThatAThirdIsNoMajority) {
  Panel panel = three_pools();
  panel.widen();
  EXPECT_EQ(panel.next({}, kStart).ask.size(), 20U);
  EXPECT_TRUE(panel.wide_enough());
}

TEST(Panel, OfFewAWideOneAsksAll) {
  Panel panel = three_pools(2);
  panel.widen();
  EXPECT_EQ(panel.next({}, kStart).ask.size(), 6U);
}

TEST(Panel, ASurpriseMakesItWide) {
  Panel panel = three_pools();
  panel.next({}, kStart);
  for (std::size_t i = 0; i < 6; ++i) panel.ended(i, true, kStart + 5s);
  EXPECT_EQ(panel.next({.agreed = true, .believed = false, .most = 6}, kStart + 5s).ask.size(), 14U);
}

TEST(Panel, WhoeverIsUnderWayWhenTheVerdictIsClearGetsAGrace) {
  Panel panel = three_pools();
  panel.next({}, kStart);
  for (std::size_t i = 0; i < 4; ++i) panel.ended(i, true, kStart + 4s);
  const Tally agreed{.agreed = true, .believed = true, .most = 4};
  const Panel::Step step = panel.next(agreed, kStart + 4s);
  EXPECT_FALSE(step.end);
  EXPECT_TRUE(step.ask.empty());
  EXPECT_EQ(step.wake, kStart + 6s);
  panel.heard(4);
  EXPECT_FALSE(panel.next(agreed, kStart + 6s).end) << "one that answers gets more";
  EXPECT_TRUE(panel.next(agreed, kStart + 7s).end);
}

TEST(Panel, ItEndsWhenNoMajorityIsPossibleAnyMore) {
  Panel panel;
  panel.add(names('a', 5), 5);
  panel.next({}, kStart);
  for (std::size_t i = 0; i < 4; ++i) panel.ended(i, i < 1, kStart + 1s);
  const Tally split{.most = 1};
  const Panel::Step step = panel.next(split, kStart + 1s);
  EXPECT_FALSE(step.end);
  EXPECT_TRUE(panel.next(split, step.wake).end);
}

TEST(Panel, OneThatIsOverdueIsReplacedAndStillWaitedFor) {
  Panel panel = three_pools();
  panel.next({}, kStart);
  for (std::size_t i = 0; i < 3; ++i) panel.ended(i, true, kStart + 4s);
  const Tally open{.most = 3};
  const Panel::Step step = panel.next(open, kStart + 4s);
  EXPECT_TRUE(step.ask.empty());
  EXPECT_EQ(step.wake, kStart + 11s) << "twice as long as usual, and 3 s";
  EXPECT_GE(panel.next(open, step.wake).ask.size(), 3U);
  EXPECT_GE(panel.under_way(), 6U);
}

RC_GTEST_PROP(Panel, AsksNobodyTwiceAndEnds, ()) {
  Panel panel;
  std::vector<std::vector<std::string>> pools;
  const auto count = *rc::gen::inRange<std::size_t>(1, 5);
  for (std::size_t pool = 0; pool < count; ++pool) {
    std::vector<std::string> operators;
    for (int i = *rc::gen::inRange(0, 12); i > 0; --i) {
      operators.push_back("op" + std::to_string(*rc::gen::inRange(0, 25)));
    }
    pools.push_back(operators);
    panel.add(operators, *rc::gen::inRange<std::size_t>(1, 4));
  }
  panel.set_failure_budget(*rc::gen::inRange<std::size_t>(0, 4));
  if (*rc::gen::arbitrary<bool>()) panel.widen();
  std::set<std::string> asked;
  std::vector<std::size_t> open;
  RawTime now = kStart;
  Tally tally;
  std::size_t members = 0;
  for (int steps = 0; steps < 500; ++steps) {
    const Panel::Step step = panel.next(tally, now);
    for (const Panel::Seat& seat : step.ask) {
      RC_ASSERT(asked.insert(pools.at(seat.pool).at(seat.index)).second);
      open.push_back(members++);
    }
    RC_ASSERT(panel.asked() == members && panel.under_way() == open.size());
    RC_ASSERT(members <= panel.operators());
    if (step.end) return;
    // Nobody is waited for for ever: either time alone changes something, or somebody is under way.
    RC_ASSERT(step.wake > now);
    RC_ASSERT(!open.empty());
    if (step.wake != RawTime::max() && *rc::gen::arbitrary<bool>()) {
      now = step.wake;
      continue;
    }
    now += std::chrono::milliseconds{*rc::gen::inRange(0, 3000)};
    const auto which = *rc::gen::inRange<std::size_t>(0, open.size());
    const bool answered = *rc::gen::arbitrary<bool>();
    panel.ended(open[which], answered, now);
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    tally.most += answered ? 1 : 0;
    tally.agreed = 2 * tally.most > members;
    tally.believed = tally.agreed && (!panel.wide() || panel.wide_enough());
  }
  RC_FAIL("it does not end");
}

// --- proof ------------------------------------------------------------------------------------------------------

Vote vote(const std::string& name, nanoseconds estimate, nanoseconds reach = 60ms) {
  return {.bounds = {RawOffset{estimate - reach}, RawOffset{estimate + reach}},
          .certain = {RawOffset{estimate - reach}, RawOffset{estimate + reach}},
          .estimate = RawOffset{estimate},
          .operator_name = name,
          .pool = "pool"};
}

TEST(Proven, AThirdOfAllAndAFewMoreMustAgree) {
  std::vector<Vote> votes;
  for (int i = 0; i < 12; ++i) votes.push_back(vote("o" + std::to_string(i), 0ms));
  EXPECT_FALSE(proven(agree(votes, {}), votes, 30, false)) << "ten liars, and two others";
  votes.push_back(vote("another", 0ms));
  EXPECT_TRUE(proven(agree(votes, {}), votes, 30, false));
}

RC_GTEST_PROP(Proven, NoThirdMovesTheEstimateFurther, ()) {
  const auto operators = *rc::gen::inRange<std::size_t>(kFew, 50);
  const auto liars = *rc::gen::inRange<std::size_t>(0, operators / 3 + 1);
  const auto honest = *rc::gen::inRange<std::size_t>(0, operators - liars + 1);
  std::vector<Vote> votes;
  for (std::size_t i = 0; i < liars; ++i) {
    const nanoseconds lie = std::chrono::microseconds{*rc::gen::inRange(-200'000, 200'000)};
    votes.push_back(vote("liar" + std::to_string(i), lie, std::chrono::milliseconds{*rc::gen::inRange(1, 400)}));
  }
  for (std::size_t i = 0; i < honest; ++i) votes.push_back(vote("honest" + std::to_string(i), 0ms));
  const Agreement agreement = agree(votes, {.asked = operators});
  if (!proven(agreement, votes, operators, false)) return;
  RC_ASSERT(std::chrono::abs(agreement.estimate.value) <= kBelieved);
}

}  // namespace
}  // namespace sdwdate::timecore
