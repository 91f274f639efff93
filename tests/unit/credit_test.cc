#include "timecore/credit.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;

TEST(Credit, TheFirstRoundMustBeProven) {
  Credit credit;
  EXPECT_TRUE(credit.proof_is_due());
  EXPECT_TRUE(credit.surprising(0ms));
  credit.proven(0ms);
  EXPECT_FALSE(credit.proof_is_due());
  EXPECT_FALSE(credit.surprising(kCredit));
  EXPECT_TRUE(credit.surprising(kCredit + 1ns));
  EXPECT_TRUE(credit.surprising(-kCredit - 1ns));
}

TEST(Credit, AfterAFailureUntilProven) {
  Credit credit;
  credit.proven(0ms);
  credit.failed();
  EXPECT_TRUE(credit.surprising(0ms));
  credit.moved(0ms);
  EXPECT_TRUE(credit.surprising(0ms)) << "nothing was proven";
  credit.proven(0ms);
  EXPECT_FALSE(credit.surprising(0ms));
}

TEST(Credit, WhatIsNotFedOfAProofIsOwed) {
  Credit credit;
  credit.proven(30ms);
  EXPECT_FALSE(credit.surprising(kCredit - 30ms));
  EXPECT_TRUE(credit.surprising(kCredit - 30ms + 1ns));
  credit.proven(nanoseconds::max());
  EXPECT_TRUE(credit.surprising(0ms));
  EXPECT_FALSE(credit.surprising(-2 * kCredit)) << "back to what was proven";
}

TEST(Credit, OneRoundAloneMayMoveTheClockALittle) {
  const Credit credit = Credit::of_one_round();
  EXPECT_FALSE(credit.proof_is_due());
  EXPECT_FALSE(credit.surprising(kCreditOfOneRound));
  EXPECT_TRUE(credit.surprising(kCreditOfOneRound + 1ns));
  EXPECT_TRUE(credit.surprising(nanoseconds::max()));
  EXPECT_TRUE(credit.surprising(nanoseconds::min()));
}

RC_GTEST_PROP(Credit, UsualRoundsNeverMoveTheClockFurtherThanAllowed, ()) {
  Credit credit;
  credit.proven(0ms);
  nanoseconds clock{0};
  for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(-60'000'000, 60'000'000))) {
    const nanoseconds by{step};
    if (credit.surprising(by)) continue;
    credit.moved(by);
    clock += by;
    RC_ASSERT(std::chrono::abs(clock) <= kCredit);
  }
}

}  // namespace
}  // namespace sdwdate::timecore
