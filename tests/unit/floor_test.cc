#include "timecore/floor.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>

#include "service/floor_file.h"
#include "support/generators.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;
using support::uniform;

constexpr sys_seconds kTruth{1800000000s};

PastTime said(sys_seconds time) { return {time, std::nullopt, "a, b, c"}; }

sys_seconds floor_in(const FloorMemory& memory) { return memory.floor ? memory.floor->past.time : sys_seconds{}; }

TEST(FloorMemory, TwoRoundsMakeAFloor) {
  FloorMemory memory = remember({}, said(kTruth));
  EXPECT_FALSE(memory.floor);
  memory = remember(memory, said(kTruth + 1h));
  EXPECT_EQ(floor_in(memory), kTruth);
  EXPECT_EQ(memory.floor->voucher, Voucher::rounds);
}

TEST(FloorMemory, WhoHasOneRoundOfThreeGainsNothing) {
  FloorMemory memory;
  for (int i = 0; i < 30; ++i) {
    const sys_seconds now = kTruth + i * 1h;
    memory = remember(memory, said(i % 3 == 2 ? now + 24h * 3650 : now));
    EXPECT_LE(floor_in(memory), now);
    EXPECT_GE(floor_in(memory), i > 2 ? now - 2h : sys_seconds{}) << "and the floor is not kept back";
  }
}

// A majority that says Date = floor - 1 at each round: the caller cuts what a round says at the floor, or does not.
TEST(FloorMemory, NobodyWalksItBack) {
  FloorMemory memory = remember(remember({}, said(kTruth)), said(kTruth));
  for (int i = 0; i < 1000; ++i) memory = remember(memory, said(floor_in(memory) - 1s));
  EXPECT_EQ(floor_in(memory), kTruth);
}

RC_GTEST_PROP(FloorMemory, NeverGoesBackAndIsNeverAheadOfTwoRoundsInARow, ()) {
  FloorMemory memory;
  if (*rc::gen::arbitrary<bool>()) {
    memory = floor_by(Voucher::old_version, said(kTruth + std::chrono::seconds{*uniform(-100, 100)}));
  }
  const int rounds = *uniform(1, 50);
  for (int i = 0; i < rounds; ++i) {
    const FloorMemory before = memory;
    const PastTime round = said(kTruth + std::chrono::seconds{*uniform(-100, 100)});
    memory = remember(before, round);
    RC_ASSERT(memory.last_round == round);
    RC_ASSERT(floor_in(memory) >= floor_in(before));
    const bool rose = floor_in(memory) > floor_in(before);
    if (rose) RC_ASSERT((before.last_round && floor_in(memory) == std::min(before.last_round->time, round.time)));
  }
}

// However many rounds are lies, as long as no two in a row are.
RC_GTEST_PROP(FloorMemory, IsNeverInTheFutureByLiesThatStandAlone, ()) {
  FloorMemory memory;
  sys_seconds now = kTruth;
  bool lied = false;
  const int rounds = *uniform(1, 50);
  for (int i = 0; i < rounds; ++i) {
    now += std::chrono::seconds{*uniform(0, 10'000)};
    lied = !lied && *rc::gen::arbitrary<bool>();
    const auto lie = std::chrono::seconds{*uniform(-100'000'000, 500'000'000)};
    memory = remember(memory, said(lied ? now + lie : now));
    RC_ASSERT(floor_in(memory) <= now);
  }
}

FloorMemory any_memory() {
  const auto past = [] {
    PastTime made{sys_seconds{std::chrono::seconds{*uniform<std::int64_t>(0, 7'000'000'000)}}, std::nullopt,
                  *support::any_text_of("ab, -09.")};
    // A space at the end, or "-" alone, is what nobody is called.
    made.by = "x" + made.by + "x";
    if (*rc::gen::arbitrary<bool>()) made.noted = sys_seconds{std::chrono::seconds{*uniform(0, 2'000'000'000)}};
    if (*rc::gen::arbitrary<bool>()) made.by.clear();
    return made;
  };
  FloorMemory memory;
  if (*rc::gen::arbitrary<bool>()) memory.floor = SavedFloor{past(), static_cast<Voucher>(*uniform(0, 2))};
  if (!memory.floor || *rc::gen::arbitrary<bool>()) memory.last_round = past();
  return memory;
}

RC_GTEST_PROP(FloorFile, WhatIsWrittenIsRead, ()) {
  const FloorMemory memory = any_memory();
  const auto read = service::parse_floor(service::floor_text(memory));
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == memory);
}

RC_GTEST_PROP(FloorFile, WhateverIsReadIsReadAgain, ()) {
  const std::string text = *rc::gen::oneOf(support::any_bytes(), support::any_text_of("floorund hads-0189\n"));
  const auto read = service::parse_floor(text);
  if (read) RC_ASSERT(service::parse_floor(service::floor_text(*read)) == *read);
}

TEST(FloorFile, NamesAreMadeHarmlessAndShort) {
  const PastTime past{kTruth, kTruth, "line\nfeed, " + std::string(5000, 'x')};
  const std::string text = service::floor_text({SavedFloor{past}, past});
  EXPECT_LE(text.size(), service::kLongestFloorText);
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_TRUE(service::parse_floor(text));
}

TEST(FloorFile, CutShortItIsNotRead) {
  const std::string text = service::floor_text(remember(remember({}, said(kTruth)), said(kTruth)));
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto read = service::parse_floor(std::string_view{text}.substr(0, size));
    EXPECT_TRUE(!read || size == text.find('\n') + 1) << "a whole line may be all there is";
  }
}

}  // namespace
}  // namespace sdwdate::timecore
