#include "timecore/likelihood.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "support/generated_talk.h"
#include "support/generators.h"

namespace sdwdate::timecore {
namespace {

using namespace std::chrono_literals;
using base::RawTime;
using support::HonestServer;
using support::PathModel;
using support::Talk;
using support::Talker;

constexpr RawTime kStart{1000s};
constexpr sys_seconds kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
constexpr int kRuns = 1000;

/// Servers whose Date has no lag, so that the path alone limits the bounds.
TransferOptions without_lag() {
  TransferOptions options;
  options.lag = 0ns;
  options.drift_ppm = 0;
  return options;
}

HonestServer server_of(std::uint64_t run) {
  std::mt19937_64 random{run};
  const nanoseconds phase{static_cast<std::int64_t>(random() % std::nano::den)};
  return {kStart, RawOffset{kNow.time_since_epoch() - kStart.time_since_epoch() + phase}, 0};
}

Talk talk_with(const HonestServer& server, const PathModel& path, const TransferOptions& options, int requests,
               std::uint64_t run) {
  Talker talker{path, options, run};
  return talker.talk(kStart, requests, [&](int) -> const HonestServer& { return server; }, [] { return 0ns; });
}

template <typename T>
T quantile(std::vector<T> values, double share) {
  std::ranges::sort(values);
  return values.at(static_cast<std::size_t>(share * static_cast<double>(values.size() - 1)));
}

/// How many requests until the bounds are 1.5 of the smallest round trips wide.
int requests_until_narrow(const PathModel& path, std::uint64_t run) {
  const TransferOptions options = without_lag();
  constexpr int kMost = 25;
  const Talk talk = talk_with(server_of(run), path, options, kMost, run);
  for (std::size_t count = 1; count <= talk.exchanges.size(); ++count) {
    const std::span so_far{talk.exchanges.data(), count};
    const auto bounds = combine(so_far, options, so_far.back().received);
    if (bounds && 2 * bounds->width() <= 3 * smallest_delay(so_far)) return static_cast<int>(count);
  }
  return kMost + 1;
}

/// Absolute errors of the estimate in many runs.
std::vector<nanoseconds> errors(const PathModel& path, int requests) {
  const TransferOptions options = without_lag();
  std::vector<nanoseconds> result;
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    const HonestServer server = server_of(run);
    const Talk talk = talk_with(server, path, options, requests, run);
    const auto bounds = combine(talk.exchanges, options, talk.at);
    if (!bounds) continue;
    result.push_back(std::chrono::abs(estimate(talk.exchanges, options, *bounds).offset - server.offset_at(talk.at)));
  }
  return result;
}

// --- how fast what is open closes ----------------------------------------------------------------------------------

class Asking : public testing::TestWithParam<nanoseconds> {};

// docs/estimate.md: after the first exchange, 1 + log2(1 s / delay) more bring the bounds to 1.5 delays, rounded up,
// and nothing can do with fewer for every phase. Jitter may cost a quarter more.
TEST_P(Asking, BoundsAreOneAndAHalfRoundTripsWideAlmostAsSoonAsTheyCanBe) {
  const PathModel path{.round_trip = GetParam(), .jitter = 0.1, .late_chance = 0.02};
  std::vector<int> needed;
  for (std::uint64_t run = 0; run < kRuns; ++run) needed.push_back(requests_until_narrow(path, run));
  const double limit = 1 + std::log2(1 / std::chrono::duration<double>{GetParam()}.count());
  const int median = quantile(needed, 0.5);
  RecordProperty("median_requests", median);
  EXPECT_LE(median, 1 + static_cast<int>(std::ceil(1.25 * limit)));
  EXPECT_LE(quantile(needed, 0.95), 3 + static_cast<int>(std::ceil(1.25 * limit)));
}

INSTANTIATE_TEST_SUITE_P(RoundTrips, Asking, testing::Values(1ms, 20ms, 50ms, 200ms, 800ms));

// --- how good the guess is -----------------------------------------------------------------------------------------

TEST(Likelihood, OnASteadyPathEachRequestHalvesTheError) {
  for (const nanoseconds round_trip : {20ms, 200ms}) {
    const auto found = errors({.round_trip = round_trip}, 10);
    ASSERT_EQ(found.size(), kRuns);
    // Nine halvings of a second leave 2 ms; the middle of that is 0.5 ms off in the median.
    EXPECT_LE(quantile(found, 0.5), 700us);
    EXPECT_LE(quantile(found, 0.95), 1300us);
  }
}

TEST(Likelihood, OnAnUnsteadyPathTheErrorIsAFractionOfTheJitter) {
  // Ten percent of each way of 100 ms: a single exchange is off by 7 ms.
  const auto found = errors({.round_trip = 200ms, .jitter = 0.1}, 12);
  EXPECT_LE(quantile(found, 0.5), 4ms);
  EXPECT_LE(quantile(found, 0.95), 12ms);
}

TEST(Likelihood, QueuesInSomeExchangesDoNotSpoilTheOthers) {
  const auto found = errors({.round_trip = 50ms, .tail_chance = 0.2}, 10);
  EXPECT_LE(quantile(found, 0.5), 2ms);
  EXPECT_LE(quantile(found, 0.9), 12ms);
}

TEST(Likelihood, TheStandardErrorIsAboutRight) {
  const TransferOptions options = without_lag();
  for (const double jitter : {0.02, 0.1}) {
    double squares = 0;
    for (std::uint64_t run = 0; run < kRuns; ++run) {
      const HonestServer server = server_of(run);
      const Talk talk = talk_with(server, {.round_trip = 100ms, .jitter = jitter}, options, 10, run);
      const auto bounds = combine(talk.exchanges, options, talk.at);
      ASSERT_TRUE(bounds);
      const Estimate guess = estimate(talk.exchanges, options, *bounds);
      const std::chrono::duration<double> off = guess.offset - server.offset_at(talk.at);
      const std::chrono::duration<double> claimed = guess.error;
      squares += off / claimed * (off / claimed) / kRuns;
    }
    EXPECT_GT(std::sqrt(squares), 0.4);
    EXPECT_LT(std::sqrt(squares), 1.6);
  }
}

TEST(Likelihood, AFinerTimeIsGoodForATenthOfTheRoundTripAtOnce) {
  const HonestServer server = server_of(1);
  Exchange exchange = server.ask(kStart, 11ms, 9ms, 0ns);
  const RawTime stamped = kStart + 11ms;
  const auto shown = reference_time(stamped, server.offset_at(stamped));
  exchange.fine =
      base::FineTime{base::FineHeader::x_httpstime, std::chrono::floor<std::chrono::milliseconds>(shown), 1ms};
  const TransferOptions options;
  const auto bounds = combine({&exchange, 1}, options, exchange.received);
  ASSERT_TRUE(bounds);
  EXPECT_TRUE(bounds->contains(server.offset_at(stamped)));
  EXPECT_LE(bounds->width(), 20ms + 1ms + options.fine_lag + 50us);
  const Estimate guess = estimate({&exchange, 1}, options, *bounds);
  EXPECT_LE(std::chrono::abs(guess.offset - server.offset_at(stamped)), 2ms);
  EXPECT_LE(guess.error, 2ms);
}

// --- when ----------------------------------------------------------------------------------------------------------

TEST(Likelihood, AFirstRequestArrivesAtItsPhase) {
  EXPECT_EQ(plan_first(300ms, 40ms, RawTime{7s}).send, RawTime{7s + 280ms});
  EXPECT_EQ(plan_first(10ms, 40ms, RawTime{7s}).send, RawTime{7s + 990ms});
  EXPECT_EQ(plan_first(0ms, 0ms, RawTime{7s}).send, RawTime{7s});
}

/// As the probe asks: the last request is planned as such.
template <typename Ask>
std::vector<Exchange> ask_as_the_probe(int requests, const TransferOptions& options, RawTime start, const Ask& ask) {
  std::vector<Exchange> exchanges{ask(start)};
  while (static_cast<int>(exchanges.size()) < requests) {
    const RawTime now = exchanges.back().received;
    const bool last = static_cast<int>(exchanges.size()) + 1 == requests;
    const Plan plan = last ? plan_last(exchanges, options, now) : plan_next(exchanges, options, now);
    exchanges.push_back(ask(plan.send));
  }
  return exchanges;
}

RC_GTEST_PROP(Likelihood, AClockThatStandsStillContradictsItself, ()) {
  const TransferOptions options;
  const int requests = *support::uniform(2, 12);
  const nanoseconds delay = *support::duration(0ns, 300ms);
  const auto cached = [&](RawTime sent) { return Exchange{sent, sent + delay, kNow}; };
  const auto exchanges = ask_as_the_probe(requests, options, kStart + *support::duration(0ns, 1s), cached);
  const auto bounds = combine(exchanges, options, exchanges.back().received);
  RC_ASSERT(!bounds);
  RC_ASSERT(bounds.error() == NoBounds::contradiction);
}

RC_GTEST_PROP(Likelihood, AClockThatGoesHasTickedInTheEndAndHoldsTheTruth, ()) {
  const TransferOptions options;
  const int requests = *support::uniform(2, 12);
  const HonestServer server = server_of(*support::uniform<std::uint64_t>(0, 1'000'000));
  const nanoseconds lag = *support::duration(0ns, options.lag);
  const auto ask = [&](RawTime sent) {
    return server.ask(sent, *support::duration(0ns, 100ms), *support::duration(0ns, 100ms), lag);
  };
  const auto exchanges = ask_as_the_probe(requests, options, kStart + *support::duration(0ns, 1s), ask);
  RC_ASSERT(has_ticked(exchanges, options));
  const auto bounds = combine(exchanges, options, exchanges.back().received);
  RC_ASSERT(bounds && bounds->contains(server.offset_at(exchanges.back().received)));
}

TEST(Likelihood, EnoughIsReachedSoonOverPathsOfEveryLengthAndSaysWhatItPromises) {
  const TransferOptions options = without_lag();
  for (const nanoseconds round_trip : {20ms, 200ms, 600ms}) {
    std::vector<double> requests;
    std::vector<nanoseconds> off;
    for (std::uint64_t run = 0; run < kRuns; ++run) {
      const HonestServer server = server_of(run);
      const Talk talk = talk_with(server, {.round_trip = round_trip, .jitter = 0.1}, options, 12, run);
      std::size_t count = 1;
      while (count < talk.exchanges.size() &&
             !enough(std::span{talk.exchanges.data(), count}, options, talk.exchanges[count - 1].received)) {
        ++count;
      }
      const std::span asked{talk.exchanges.data(), count};
      const auto bounds = combine(asked, options, asked.back().received);
      ASSERT_TRUE(bounds);
      requests.push_back(static_cast<double>(count));
      off.push_back(
          std::chrono::abs(estimate(asked, options, *bounds).offset - server.offset_at(asked.back().received)));
    }
    EXPECT_LE(quantile(requests, 0.95), 8) << round_trip.count();
    EXPECT_LE(quantile(off, 0.5), nanoseconds{1s} / 15) << round_trip.count();
    EXPECT_LE(quantile(off, 0.95), nanoseconds{3s} / 15) << round_trip.count();
  }
}

TEST(Likelihood, AnExchangeThatWasSlowIsNotTakenForTheUsual) {
  // As after a handshake: the first takes 80 ms, the others 20.
  const HonestServer server = server_of(2);
  const TransferOptions options = without_lag();
  std::vector<Exchange> exchanges{server.ask(kStart, 10ms, 70ms, 0ns)};
  for (int i = 0; i < 8; ++i) {
    const RawTime now = exchanges.back().received;
    exchanges.push_back(server.ask(plan_next(exchanges, options, now).send, 10ms, 10ms, 0ns));
  }
  const auto bounds = combine(exchanges, options, exchanges.back().received);
  ASSERT_TRUE(bounds);
  const Estimate guess = estimate(exchanges, options, *bounds);
  EXPECT_LE(std::chrono::abs(guess.offset - server.offset_at(exchanges.back().received)), 3ms);
}

RC_GTEST_PROP(Likelihood, WhateverAnswersSayTheEstimateIsInsideAndFinite, ()) {
  const TransferOptions options;
  std::vector<Exchange> exchanges;
  const int count = *support::uniform(1, 6);
  for (int i = 0; i < count; ++i) {
    const RawTime sent = kStart + *support::heavy_tailed();
    const sys_seconds date = kNow + std::chrono::floor<std::chrono::seconds>(*support::heavy_tailed());
    const bool cached = *support::uniform(0, 4) == 0;
    exchanges.push_back(
        {sent, sent + *support::heavy_tailed(), date, cached ? std::optional{base::kAgeUnknown} : std::nullopt});
    if (*support::uniform(0, 3) != 0) continue;
    const nanoseconds away = *support::duration(-3s, 3s);
    exchanges.back().fine = base::FineTime{base::FineHeader::x_timer, date + away, *support::duration(1ns, 1s)};
  }
  drop_false_fine_times(exchanges, options);
  const RawTime at = std::ranges::max(exchanges, {}, &Exchange::received).received;
  const auto bounds = combine(exchanges, options, at);
  RC_PRE(bounds.has_value());
  const Estimate guess = estimate(exchanges, options, *bounds);
  RC_ASSERT(bounds->contains(guess.offset));
  RC_ASSERT(guess.error >= 0ns);
  RC_ASSERT(guess.error <= bounds->width() + 1ns);
}

}  // namespace
}  // namespace sdwdate::timecore
