#include "timecore/transfer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <vector>

#include "support/generators.h"
#include "support/honest_server.h"
#include "timecore/likelihood.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;
using base::RawTime;
using support::duration;
using support::heavy_tailed;
using support::HonestServer;
using support::uniform;

constexpr RawTime kStart{1000s};
constexpr sys_seconds kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
constexpr std::int64_t kPpb = 1000;

/// An offset with which the reference shows about `kNow`, at any phase of its second.
rc::Gen<RawOffset> any_offset() {
  return rc::gen::map(duration(0ns, 1h), [](nanoseconds phase) {
    return RawOffset{kNow.time_since_epoch() - kStart.time_since_epoch() + phase};
  });
}

RawOffset some_offset() { return {kNow.time_since_epoch() - kStart.time_since_epoch() + 370ms}; }

rc::Gen<TransferOptions> any_options() {
  return rc::gen::map(rc::gen::tuple(duration(0ns, 50ms), duration(0ns, 20ms), uniform<std::int64_t>(0, 100)),
                      [](const auto& values) {
                        const auto& [lag, slack, drift_ppm] = values;
                        return TransferOptions{lag, slack, drift_ppm};
                      });
}

/// A server that is right within what `options` allow.
HonestServer any_server(const TransferOptions& options) {
  const auto drift_ppb = *uniform(-options.drift_ppm * kPpb, options.drift_ppm * kPpb);
  return {kStart, *any_offset(), drift_ppb};
}

struct Talk {
  std::vector<Exchange> exchanges;
  RawTime at;  ///< some time after the last of them
};

/// What a cache says of an answer that was made so long ago: nothing legible, or what RFC 9111 has it count, rounded.
std::optional<std::chrono::seconds> age_of(bool cached, nanoseconds late) {
  if (!cached) return std::nullopt;
  if (*uniform(0, 2) == 0) return base::kAgeUnknown;
  return *rc::gen::arbitrary<bool>() ? std::chrono::floor<std::chrono::seconds>(late)
                                     : std::chrono::ceil<std::chrono::seconds>(late);
}

/// 1 to 10 exchanges: sent at random or as planned (and then woken up late), over any path, some stale.
Talk any_talk(const HonestServer& server, const TransferOptions& options) {
  Talk talk;
  talk.at = kStart;
  const int count = *uniform(1, 10);
  for (int i = 0; i < count; ++i) {
    const bool aimed = *rc::gen::arbitrary<bool>();
    const RawTime planned = aimed ? plan_next(talk.exchanges, options, talk.at).send : talk.at;
    const RawTime sent = planned + (*rc::gen::arbitrary<bool>() ? *heavy_tailed() : 0ns);
    const bool cached = *uniform(0, 4) == 0;
    const nanoseconds late = *duration(0ns, cached ? nanoseconds{24h} : options.lag);
    talk.exchanges.push_back(server.ask(sent, *heavy_tailed(), *heavy_tailed(), late, age_of(cached, late)));
    talk.at = talk.exchanges.back().received;
  }
  talk.at += *rc::gen::arbitrary<bool>() ? *heavy_tailed() : *duration(0ns, 24h);
  return talk;
}

// --- T1 and T2: bounds are true -----------------------------------------------------------------------------------

RC_GTEST_PROP(TransferTheorem, BoundsOfAnHonestServerContainTheTruthAtAnyLaterTime, ()) {
  const auto options = *any_options();
  const HonestServer server = any_server(options);
  const Talk talk = any_talk(server, options);
  const auto bounds = combine(talk.exchanges, options, talk.at);
  if (heard_live(talk.exchanges, options)) RC_ASSERT(bounds.has_value());
  RC_ASSERT((bounds || bounds.error() == NoBounds::only_stale));
  RC_ASSERT((!bounds || bounds->contains(server.offset_at(talk.at))));
}

RC_GTEST_PROP(TransferTheorem, BoundsAreTrueAlsoInTheMiddleOfATalk, ()) {
  const auto options = *any_options();
  const HonestServer server = any_server(options);
  const Talk talk = any_talk(server, options);
  for (std::size_t count = 1; count <= talk.exchanges.size(); ++count) {
    const std::span so_far{talk.exchanges.data(), count};
    const RawTime at = so_far.back().received;
    const auto bounds = combine(so_far, options, at);
    RC_ASSERT((!bounds || bounds->contains(server.offset_at(at))));
  }
}

// Random worlds seldom come within a millisecond of a bound; these come within nanoseconds.
RC_GTEST_PROP(TransferTheorem, BoundsAreTrueInTheWorldsThatLieAtTheirEnds, ()) {
  const auto options = *any_options();
  const bool upper = *rc::gen::arbitrary<bool>();
  // The upper end: stamped as soon as the request was sent, by the last moment of a text that is as old as the lag
  // allows, and the raw clock has lost ever since. The lower end: stamped at the last moment, as the second began.
  const nanoseconds there = upper ? 0ns : *heavy_tailed();
  const nanoseconds back = upper ? *heavy_tailed() : 0ns;
  const nanoseconds into_second = upper ? options.lag + 1s - 1ns : 0ns;
  const RawTime written = kStart + there;
  const RawOffset offset{kNow.time_since_epoch() + into_second - written.time_since_epoch()};
  const HonestServer server{written, offset, (upper ? 1 : -1) * options.drift_ppm * kPpb};
  const Exchange exchange = server.ask(kStart, there, back, upper ? options.lag : 0ns);
  RC_ASSERT((exchange.date == kNow));
  const RawTime at = exchange.received + *heavy_tailed();
  const auto bounds = combine({&exchange, 1}, options, at);
  RC_ASSERT(bounds.has_value());
  RC_ASSERT(bounds->contains(server.offset_at(at)));
}

RC_GTEST_PROP(TransferTheorem, BoundsMadeWithinTheSlackContainTheTruth, ()) {
  // Short ways and little lag, so that machines that differ by less than the slack do contradict each other.
  const TransferOptions options{*duration(0ns, 1ms), *duration(1ms, 20ms), 100};
  const HonestServer right = any_server(options);
  std::vector<Exchange> exchanges;
  RawTime at = kStart;
  for (int i = 0; i < 12; ++i) {
    const nanoseconds wrong_by = *duration(-options.slack, options.slack);
    const RawTime sent = plan_next(exchanges, options, at).send;
    exchanges.push_back(
        right.ask(sent, *duration(0ns, 1ms), *duration(0ns, 1ms), *duration(0ns, options.lag) - wrong_by));
    at = exchanges.back().received;
    TransferOptions strict = options;
    strict.slack = 0ns;
    if (combine(exchanges, strict, at)) continue;
    const auto bounds = combine(exchanges, options, at);
    RC_CLASSIFY(bounds.has_value(), "the slack was used");
    if (!bounds) break;
    RC_ASSERT(bounds->contains(right.offset_at(at)));
  }
}

RC_GTEST_PROP(Transfer, TwoClocksFurtherApartThanTheSlackAndTheirBoundsAreAContradiction, ()) {
  const auto options = *any_options();
  const HonestServer one = any_server(options);
  const Exchange first = one.ask(kStart, *heavy_tailed(), *heavy_tailed(), *duration(0ns, options.lag));
  const RawTime sent = first.received + *heavy_tailed();
  Exchange second = one.ask(sent, *heavy_tailed(), *heavy_tailed(), *duration(0ns, options.lag));
  const RawTime at = second.received;

  const auto first_bounds = combine({&first, 1}, options, at);
  const auto second_bounds = combine({&second, 1}, options, at);
  RC_ASSERT((first_bounds.has_value() && second_bounds.has_value()));
  const nanoseconds apart = first_bounds->width() + second_bounds->width() + options.slack;
  const auto step = std::chrono::ceil<std::chrono::seconds>(apart + 1ns);
  second.date += *rc::gen::arbitrary<bool>() ? step : -step;
  const auto bounds = combine(std::vector{first, second}, options, at);
  RC_ASSERT((!bounds && bounds.error() == NoBounds::contradiction));
}

// --- what holds of any exchanges ----------------------------------------------------------------------------------

RC_GTEST_PROP(Transfer, TheOrderOfExchangesNeverMatters, ()) {
  const auto options = *any_options();
  const Talk talk = any_talk(any_server(options), options);
  std::vector<Exchange> shuffled = talk.exchanges;
  for (std::size_t i = shuffled.size(); i-- > 1;) std::swap(shuffled[i], shuffled[*uniform<std::size_t>(0, i)]);
  const auto bounds = combine(talk.exchanges, options, talk.at);
  RC_ASSERT((combine(shuffled, options, talk.at) == bounds));
  if (bounds) {
    RC_ASSERT(estimate(shuffled, options, *bounds).offset == estimate(talk.exchanges, options, *bounds).offset);
  }
  RC_ASSERT(smallest_delay(shuffled) == smallest_delay(talk.exchanges));
}

RC_GTEST_PROP(Transfer, AnotherExchangeNeverWidensTheBounds, ()) {
  const auto options = *any_options();
  const Talk talk = any_talk(any_server(options), options);
  const std::span all{talk.exchanges};
  const auto bounds = combine(all, options, talk.at);
  const auto fewer = combine(all.first(all.size() - 1), options, talk.at);
  RC_PRE(bounds && fewer);
  RC_PRE(!all.back().age);  // which may unmask others
  RC_ASSERT(fewer->lower <= bounds->lower);
  RC_ASSERT(bounds->upper <= fewer->upper);
}

RC_GTEST_PROP(Transfer, TheEstimateLiesInsideTheBounds, ()) {
  const auto options = *any_options();
  const Talk talk = any_talk(any_server(options), options);
  const auto bounds = combine(talk.exchanges, options, talk.at);
  RC_PRE(bounds.has_value());
  RC_ASSERT(bounds->contains(estimate(talk.exchanges, options, *bounds).offset));
}

RC_GTEST_PROP(Transfer, TheNextRequestIsPlannedWithinASecond, ()) {
  const auto options = *any_options();
  const Talk talk = any_talk(any_server(options), options);
  const Plan planned = plan_next(talk.exchanges, options, talk.at);
  RC_ASSERT(planned.send >= talk.at);
  RC_ASSERT(planned.send <= talk.at + 1s);
  RC_ASSERT(planned.latest > planned.send);
}

// --- choosing when to ask -----------------------------------------------------------------------------------------

RC_GTEST_PROP(TransferTheorem, EachAimedRequestHalvesWhatIsOpen, ()) {
  TransferOptions options;
  options.lag = *rc::gen::element<nanoseconds>(0ns, 10ms);
  options.drift_ppm = 0;
  const HonestServer server{kStart, *any_offset(), 0};
  const nanoseconds half = *duration(500us, 150ms);  // the same in both directions
  const nanoseconds unavoidable = 2 * half + options.lag;

  std::vector<Exchange> exchanges{server.ask(kStart + *duration(0ns, 1s), half, half, 0ns)};
  nanoseconds open = 1s;
  for (int k = 1; k <= 8; ++k) {
    const RawTime now = exchanges.back().received;
    exchanges.push_back(server.ask(plan_next(exchanges, options, now).send, half, half, 0ns));
    open /= 2;
    const auto bounds = combine(exchanges, options, exchanges.back().received);
    RC_ASSERT(bounds.has_value());
    RC_ASSERT(bounds->width() <= unavoidable + open + 100us);  // what the model allows itself for surprises
  }
}

RC_GTEST_PROP(TransferTheorem, WithEqualDelaysTheEstimateGoesOnHalvingWhereBoundsStop, ()) {
  TransferOptions options;
  options.drift_ppm = 0;
  const HonestServer server{kStart, *any_offset(), 0};
  const nanoseconds half = *duration(500us, 150ms);
  std::vector<Exchange> exchanges{server.ask(kStart, half, half, 0ns)};
  for (int k = 0; k < 10; ++k) {
    const RawTime now = exchanges.back().received;
    exchanges.push_back(server.ask(plan_next(exchanges, options, now).send, half, half, 0ns));
  }
  const RawTime at = exchanges.back().received;
  const auto bounds = combine(exchanges, options, at);
  RC_ASSERT(bounds.has_value());
  const nanoseconds error = std::chrono::abs(estimate(exchanges, options, *bounds).offset - server.offset_at(at));
  RC_ASSERT(error <= nanoseconds{1s} / 2048 + 10us);
}

// --- examples -----------------------------------------------------------------------------------------------------

TEST(Transfer, OneExchangeLeavesOneSecondAndLagAndDelay) {
  const TransferOptions options{10ms, 0ns, 0};
  const Exchange exchange{kStart, kStart + 40ms, kNow};
  const auto bounds = combine({&exchange, 1}, options, kStart + 40ms);
  ASSERT_TRUE(bounds);
  const RawOffset zero{kNow.time_since_epoch() - kStart.time_since_epoch()};
  EXPECT_EQ(bounds->lower, zero - 40ms);
  EXPECT_EQ(bounds->upper, zero + 1010ms);
}

TEST(Transfer, BoundsWidenWithAgeByTheDriftAllowance) {
  const TransferOptions options{0ns, 0ns, 100};
  const Exchange exchange{kStart, kStart, kNow};
  const auto fresh = combine({&exchange, 1}, options, kStart);
  const auto old = combine({&exchange, 1}, options, kStart + 10s);
  ASSERT_TRUE(fresh && old);
  const nanoseconds grown = old->width() - fresh->width();
  EXPECT_GE(grown, 2ms);  // 100 ppm of 10 s, on each side
  EXPECT_LE(grown, 2ms + 1us);
}

TEST(Transfer, TheWorkedExampleOfTheDocumentation) {
  // docs/estimate.md: D = 0.370, delay 0.040, lag 0.010, no drift until the end.
  const TransferOptions options{10ms, 5ms, 0};
  const RawTime minute{3600s};
  const HonestServer server{minute, RawOffset{370ms}, 0};
  std::vector<Exchange> exchanges;
  for (const nanoseconds sent : {10500ms, 11000ms, 11750ms, 12625ms}) {
    exchanges.push_back(server.ask(minute + sent, 20ms, 20ms, 0ns));
  }
  exchanges.push_back(server.ask(minute + 13562500us, 20ms, 20ms, 0ns));
  const auto bounds = combine(exchanges, options, exchanges.back().received);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->lower, RawOffset{335ms});
  EXPECT_EQ(bounds->upper, RawOffset{447500us});
  EXPECT_LE(std::chrono::abs(estimate(exchanges, options, *bounds).offset - RawOffset{386250us}), 10us);
}

TEST(Transfer, AGapWithinTheSlackIsWidenedByTheWholeSlack) {
  const TransferOptions options{0ns, 5ms, 0};
  const RawOffset zero{kNow.time_since_epoch() - kStart.time_since_epoch()};
  // The first says "below zero + 1 s", the second "above zero + 1 s + 3 ms".
  const std::vector<Exchange> exchanges{{kStart, kStart, kNow}, {kStart + 997ms, kStart + 997ms, kNow + 2s}};
  const auto bounds = combine(exchanges, options, kStart + 997ms);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->lower, zero + 1s - 5ms);
  EXPECT_EQ(bounds->upper, zero + 1003ms + 5ms);
}

TEST(Transfer, AGapBeyondTheSlackIsAContradiction) {
  const TransferOptions options{0ns, 5ms, 0};
  const std::vector<Exchange> exchanges{{kStart, kStart, kNow}, {kStart + 994ms, kStart + 994ms, kNow + 2s}};
  const auto bounds = combine(exchanges, options, kStart + 994ms);
  ASSERT_FALSE(bounds);
  EXPECT_EQ(bounds.error(), NoBounds::contradiction);
}

TEST(Transfer, WithoutAnExchangeThereAreNoBounds) {
  const auto bounds = combine({}, {}, kStart);
  ASSERT_FALSE(bounds);
  EXPECT_EQ(bounds.error(), NoBounds::no_exchange);
  EXPECT_EQ(plan_next({}, {}, kStart).send, kStart);
  EXPECT_EQ(smallest_delay({}), 0ns);
}

TEST(Transfer, StaleAnswersAloneAreNoEvidence) {
  const Exchange cached{kStart, kStart + 1ms, kNow, base::kAgeUnknown};
  const auto bounds = combine({&cached, 1}, {}, kStart + 1ms);
  ASSERT_FALSE(bounds);
  EXPECT_EQ(bounds.error(), NoBounds::only_stale);
}

TEST(Transfer, AStaleAnswerStillSaysAtLeastThisLate) {
  const TransferOptions options{0ns, 0ns, 0};
  const RawOffset zero{kNow.time_since_epoch() - kStart.time_since_epoch()};
  const Exchange fresh{kStart, kStart + 500ms, kNow};
  const Exchange cached{kStart + 500ms, kStart + 600ms, kNow + 1s, base::kAgeUnknown};
  const auto bounds = combine(std::vector{cached, fresh}, options, kStart + 600ms);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->lower, zero + 400ms);
  EXPECT_EQ(bounds->upper, zero + 1s);
}

// --- caches that say Age ------------------------------------------------------------------------------------------

const TransferOptions kExact{0ns, 0ns, 0};
const RawOffset kZero{kNow.time_since_epoch() - kStart.time_since_epoch()};

TEST(CachedAnswers, AnyAgeMeansThatTheAnswerWasNotMadeForUs) {
  const Exchange cached{kStart, kStart + 100ms, kNow, 0s};
  const auto bounds = combine({&cached, 1}, kExact, kStart + 100ms);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->lower, kZero - 100ms);
  EXPECT_EQ(bounds->upper, kZero + 2s) << "a second of the Date, and one by which the Age may be too small";
  EXPECT_FALSE(claim({&cached, 1}, kExact, kStart + 100ms)->sharp);
}

TEST(CachedAnswers, AnAgeUnmasksEarlierAnswersWithTheSameDate) {
  // Age: 0 is not said by every cache; then the first answers look fresh, and would deny that the second is over.
  const std::vector<Exchange> exchanges{{kStart, kStart + 10ms, kNow},
                                        {kStart + 900ms, kStart + 910ms, kNow},
                                        {kStart + 1900ms, kStart + 1910ms, kNow, 1s}};
  EXPECT_EQ(combine(std::span{exchanges}.first(2), kExact, kStart + 910ms)->upper, kZero + 100ms);
  const auto bounds = combine(exchanges, kExact, kStart + 1910ms);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->upper, kZero + 1100ms);
  EXPECT_FALSE(heard_live(exchanges, kExact));
}

TEST(CachedAnswers, FinerTimesThatAllDifferAreMadeForUs) {
  const auto fine = [](nanoseconds after) {
    return base::FineTime{base::FineHeader::x_timer, base::RealTime{kNow} + after, 1us};
  };
  const std::vector<Exchange> exchanges{{kStart, kStart + 20ms, kNow, 0s, fine(10ms)},
                                        {kStart + 500ms, kStart + 520ms, kNow, 0s, fine(510ms)}};
  const auto alone = combine(std::span{exchanges}.first(1), kExact, kStart + 20ms);
  EXPECT_GE(alone->width(), 1s) << "one may be as old as its Date";
  const auto bounds = combine(exchanges, kExact, kStart + 520ms);
  ASSERT_TRUE(bounds);
  EXPECT_LE(bounds->width(), 22ms);
  EXPECT_TRUE(bounds->contains(kZero));
  EXPECT_TRUE(claim(exchanges, kExact, kStart + 520ms)->sharp);
}

TEST(CachedAnswers, AFinerTimeThatIsRepeatedIsACaches) {
  const base::FineTime fine{base::FineHeader::x_httpstime, base::RealTime{kNow} + 10ms, 1us};
  const std::vector<Exchange> exchanges{{kStart, kStart + 20ms, kNow, 0s, fine},
                                        {kStart + 500ms, kStart + 520ms, kNow, 0s, fine}};
  EXPECT_GE(combine(exchanges, kExact, kStart + 520ms)->upper, kZero + 1s);
}

TEST(CachedAnswers, OldOnesProveTooLittleToCount) {
  const Exchange cached{kStart, kStart + 100ms, kNow, 3600s};
  const auto bounds = combine({&cached, 1}, {}, kStart + 100ms);
  ASSERT_FALSE(bounds);
  EXPECT_EQ(bounds.error(), NoBounds::only_stale);
}

// --- late, and two Dates --------------------------------------------------------------------------------------------

TEST(Claim, AServerThatTicksLateByTurnsIsLateAndNotInconsistent) {
  // Right at first, then half a second late.
  const std::vector<Exchange> exchanges{{kStart + 900ms, kStart + 910ms, kNow},
                                        {kStart + 1010ms, kStart + 1020ms, kNow + 1s},
                                        {kStart + 2400ms, kStart + 2410ms, kNow + 1s}};
  ASSERT_FALSE(combine(exchanges, kExact, kStart + 2410ms));
  const auto says = claim(exchanges, kExact, kStart + 2410ms);
  ASSERT_TRUE(says);
  EXPECT_FALSE(says->sharp);
  EXPECT_TRUE(says->narrow.contains(kZero));
  EXPECT_TRUE(says->certain.contains(kZero));
}

TEST(Claim, AClockThatStandsStillContradictsItself) {
  const std::vector<Exchange> exchanges{{kStart + 900ms, kStart + 910ms, kNow},
                                        {kStart + 1950ms, kStart + 1960ms, kNow}};
  const auto says = claim(exchanges, kExact, kStart + 1960ms);
  ASSERT_FALSE(says);
  EXPECT_EQ(says.error(), NoBounds::contradiction);
}

TEST(Claim, WhoIsKnownToBeLateHasTheBoundsThatItDeserves) {
  const Exchange exchange{kStart, kStart + 10ms, kNow};
  const TransferOptions late{500ms, 0ns, 0};
  const auto says = claim({&exchange, 1}, late, kStart + 10ms);
  ASSERT_TRUE(says);
  EXPECT_EQ(says->narrow.upper, kZero + 1500ms);
  EXPECT_FALSE(says->sharp);
}

TEST(Transfer, TwoDatesInOneAnswerSayThatTheSecondChanged) {
  const Exchange exchange{kStart, kStart + 10ms, kNow, std::nullopt, std::nullopt, 1s};
  const auto bounds = combine({&exchange, 1}, kExact, kStart + 10ms);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->lower, kZero + 990ms);
  EXPECT_EQ(bounds->upper, kZero + 1s);
  EXPECT_TRUE(bounds->contains(estimate({&exchange, 1}, kExact, *bounds).offset));
}

TEST(Transfer, AFinerTimeAtTheEndOfAllNumbersIsNone) {
  const base::FineTime fine{base::FineHeader::x_timer, base::RealTime::max(), 1s};
  const Exchange exchange{kStart, kStart + 10ms, kEarliestDate, std::nullopt, fine};
  EXPECT_FALSE(fine_time_agrees(exchange, {}));
  EXPECT_TRUE(combine({&exchange, 1}, {}, kStart + 10ms));
}

TEST(Transfer, AYearOldExchangeDoesNotOverflow) {
  const HonestServer server{kStart, some_offset(), 100 * kPpb};
  const Exchange exchange = server.ask(kStart, 10ms, 10ms, 0ns);
  const RawTime at = kStart + std::chrono::days{366};
  const auto bounds = combine({&exchange, 1}, {}, at);
  ASSERT_TRUE(bounds);
  EXPECT_TRUE(bounds->contains(server.offset_at(at)));
}

TEST(Transfer, DatesAtBothEndsOfTheRangeDoNotOverflow) {
  for (const sys_seconds date : {kEarliestDate, kLatestDate}) {
    const std::vector<Exchange> exchanges{{kStart, kStart + 1s, date}, {kStart + 2s, kStart + 3s, date + 2s}};
    const auto bounds = combine(exchanges, {}, kStart + 3s);
    ASSERT_TRUE(bounds);
    EXPECT_TRUE(bounds->contains(estimate(exchanges, {}, *bounds).offset));
    EXPECT_LE(plan_next(exchanges, {}, kStart + 3s).send, kStart + 4s);
  }
}

TEST(Transfer, SmallestDelayIsTheShortestRoundTrip) {
  const std::vector<Exchange> exchanges{{kStart, kStart + 9ms, kNow}, {kStart + 1s, kStart + 1004ms, kNow}};
  EXPECT_EQ(smallest_delay(exchanges), 4ms);
}

}  // namespace
}  // namespace sdwdate::timecore
