// Cases for the oracle: generated exchanges and votes, each with what combine(), claim() and agree() make of it.
//
//   oracle_cases [CASES [SEED]]
//
// One case a line, in words that oracle.ml reads; the last line is "end". The worlds are chosen to be unkind: caches
// that say Age: 0, late tickers, failed sources that count, finer times at the end of time, and numbers so small that
// ends of bounds meet each other and the limits.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/cache_age.h"
#include "timecore/agreement.h"
#include "timecore/transfer.h"

namespace {

using namespace sdwdate;
using namespace std::chrono_literals;
using base::RawTime;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using timecore::Exchange;
using timecore::NoBounds;
using timecore::Quorum;
using timecore::RawBounds;
using timecore::RawOffset;
using timecore::TransferOptions;
using timecore::Verdict;
using timecore::Vote;

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_{seed} {}
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>{least, most}(engine_);
  }
  nanoseconds between(nanoseconds least, nanoseconds most) { return nanoseconds{between(least.count(), most.count())}; }
  bool one_in(int n) { return between(1, n) == 1; }
  template <typename T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[between(0, static_cast<std::int64_t>(choices.size()) - 1)];
  }

 private:
  std::mt19937_64 engine_;
};

// --- exchanges -----------------------------------------------------------------------------------------------------

struct Talk {
  TransferOptions options;
  std::vector<Exchange> exchanges;
  RawTime at;
};

seconds whole(nanoseconds reference) { return std::chrono::floor<seconds>(reference); }

/// A server with a cache before it, or one that is late, or whose machines differ: all that happens on the web.
Talk talk_of_the_web(Random& random) {
  Talk talk;
  const nanoseconds offset = seconds{random.between(1'600'000'000, 4'000'000'000)} + random.between(0ns, 1s);
  const nanoseconds late = random.one_of<nanoseconds>({0ns, 0ns, 10ms, random.between(0ns, 1s)});
  const nanoseconds differ = random.one_of<nanoseconds>({0ns, 0ns, 5ms, random.between(0ns, 2s)});
  const nanoseconds round_trip = random.between(1us, 900ms);
  const bool finer = random.one_in(3);
  const seconds cache_keeps{random.one_of<std::int64_t>({0, 0, 1, 5, 100'000})};
  seconds cached{0};
  nanoseconds now = random.between(0ns, 100s);
  const auto count = random.between(1, 9);
  for (std::int64_t i = 0; i < count; ++i) {
    Exchange exchange;
    exchange.sent = RawTime{now};
    now += random.between(round_trip / 2, round_trip);
    const nanoseconds shown =
        offset + random.between(exchange.sent.time_since_epoch(), now) + random.between(0ns, differ);
    exchange.received = RawTime{now};
    exchange.date = std::chrono::sys_seconds{whole(shown - late)};
    if (cache_keeps > 0s) {
      if (cached == 0s || whole(shown) - cached > cache_keeps) {
        cached = whole(shown - late);
        if (random.one_in(3)) exchange.age = 0s;
      } else {
        exchange.date = std::chrono::sys_seconds{cached};
        exchange.age =
            random.one_in(5) ? base::kAgeUnknown : std::max(0s, whole(shown - cached - random.between(0ns, 1s)));
        if (random.one_in(6)) exchange.age.reset();
      }
    }
    if (finer) {
      const nanoseconds unit = random.one_of<nanoseconds>({1us, 1ms, 10ms, 1ns});
      const bool held = cache_keeps > 0s && random.one_in(2);
      const nanoseconds time = held ? nanoseconds{cached} : shown;
      exchange.fine = base::FineTime{.time = base::RealTime{time / unit * unit}, .resolution = unit};
    }
    if (random.one_in(12)) exchange.spread = seconds{random.between(0, 2)};
    talk.exchanges.push_back(exchange);
    now += random.between(0ns, 2s);
  }
  talk.at = RawTime{now + random.one_of<nanoseconds>({0ns, random.between(0ns, 60s)})};
  if (random.one_in(4)) talk.options.lag = random.one_of<nanoseconds>({0ns, 100ms, 101ms, 500ms});
  return talk;
}

/// Everything from a handful of small numbers: ends meet each other, the slack and the limits.
Talk talk_of_small_numbers(Random& random) {
  Talk talk;
  talk.options = {.lag = nanoseconds{random.between(0, 2)},
                  .slack = nanoseconds{random.between(0, 3)},
                  .drift_ppm = random.one_of<std::int64_t>({0, 1, 300}),
                  .fine_lag = nanoseconds{random.between(0, 2)}};
  const auto count = random.between(0, 6);
  for (std::int64_t i = 0; i < count; ++i) {
    Exchange exchange;
    const seconds when{random.between(0, 3)};
    exchange.sent = RawTime{when + nanoseconds{random.between(0, 3)}};
    exchange.received = exchange.sent + nanoseconds{random.between(0, 3)};
    exchange.date = std::chrono::sys_seconds{when + seconds{random.between(100, 101)}};
    exchange.spread = seconds{random.one_in(4) ? random.between(0, 2) : 0};
    if (random.one_in(2)) {
      exchange.age = random.one_of<seconds>({0s, 1s, 2s, 3s, 86'400s, 86'401s, base::kAgeUnknown});
    }
    if (random.one_in(3)) {
      const auto ahead = random.one_of<std::int64_t>({-1, 0, 0, 1, 1, 2, 3, 4});
      const auto time = exchange.date.time_since_epoch() + seconds{ahead} + nanoseconds{random.between(-4, 4)};
      exchange.fine = base::FineTime{.time = base::RealTime{time}, .resolution = nanoseconds{random.between(1, 2)}};
    }
    talk.exchanges.push_back(exchange);
    talk.at = std::max(talk.at, exchange.received);
  }
  talk.at += random.one_of<nanoseconds>({0ns, 1ns, 2s});
  return talk;
}

/// The first and the last Dates, raw clocks of decades, and what a probe that is not ours any more may send.
Talk talk_at_the_end_of_time(Random& random) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto latest = timecore::kLatestDate.time_since_epoch().count();
  Talk talk;
  const auto count = random.between(1, 4);
  for (std::int64_t i = 0; i < count; ++i) {
    Exchange exchange;
    exchange.sent = RawTime{random.between(0ns, nanoseconds{1'000'000'000'000'000'000})};
    exchange.received = exchange.sent + random.between(0ns, 200s);
    exchange.date = std::chrono::sys_seconds{
        seconds{random.one_of<std::int64_t>({0, 1, latest, latest - 1, random.between(0, latest)})}};
    if (random.one_in(3)) exchange.age = seconds{random.one_of<std::int64_t>({0, 86'400, 86'401, kMost})};
    if (random.one_in(2)) {
      const std::int64_t time = random.one_of<std::int64_t>(
          {0, 1, latest * 1'000'000'000, latest * 1'000'000'000 + 1, kMost, kMost - 1, random.between(0, kMost)});
      exchange.fine = base::FineTime{.time = base::RealTime{nanoseconds{time}}, .resolution = 1s};
    }
    talk.exchanges.push_back(exchange);
    talk.at = std::max(talk.at, exchange.received);
  }
  talk.at += random.between(0ns, 100s);
  return talk;
}

// --- votes ---------------------------------------------------------------------------------------------------------

struct Ballot {
  Quorum quorum;
  std::vector<Vote> votes;
};

RawOffset at(nanoseconds offset) { return RawOffset{offset}; }

Vote vote_of(RawBounds narrow, RawBounds certain, nanoseconds estimate) {
  return {
      .bounds = narrow, .certain = certain, .estimate = at(estimate), .sharp = true, .operator_name = {}, .pool = {}};
}

std::string numbered(std::string_view what, std::int64_t number) { return std::string{what} + std::to_string(number); }

/// Sources on the web: some late, some liars, some that know little, some that failed.
Ballot ballot_of_the_web(Random& random) {
  Ballot ballot;
  const nanoseconds truth = seconds{random.between(-4'000'000'000, 4'000'000'000)} + random.between(0ns, 1s);
  const nanoseconds round_trip = random.one_of<nanoseconds>({20ms, 100ms, 400ms, 1s});
  const nanoseconds precision = random.one_of<nanoseconds>({1us, 1ms, 10ms});
  const nanoseconds lie = truth + random.between(-3s, 3s);
  const auto late_in_ten = random.between(0, 10);
  const auto liars_in_ten = random.one_of<std::int64_t>({0, 0, 3, 6});
  const auto count = random.between(0, 10);
  for (std::int64_t i = 0; i < count; ++i) {
    const bool liar = random.between(1, 10) <= liars_in_ten;
    const nanoseconds late = random.between(1, 10) <= late_in_ten ? random.between(0ns, 1s) : 0ns;
    const nanoseconds seen = (liar ? lie : truth - late) + random.between(-precision, precision);
    const RawBounds narrow{at(seen - random.between(0ns, round_trip)), at(seen + random.between(0ns, round_trip))};
    Vote vote = vote_of(narrow, {narrow.lower - random.one_of<nanoseconds>({0ns, 0ns, 2ms}), narrow.upper + 1s}, seen);
    if (random.one_in(5)) {  // only from caches, or known to be late
      vote.sharp = false;
      vote.bounds.upper = vote.bounds.upper + random.between(0ns, 4s);
      vote.certain.upper = vote.bounds.upper + 1s;
    }
    vote.operator_name = numbered("operator", random.one_in(6) ? random.between(0, 3) : i);
    vote.pool = numbered("pool", random.between(0, 2));
    ballot.votes.push_back(vote);
  }
  ballot.quorum.operators = static_cast<std::size_t>(random.between(1, 5));
  ballot.quorum.pools = static_cast<std::size_t>(random.between(1, 3));
  ballot.quorum.asked = static_cast<std::size_t>(random.one_in(2) ? 0 : count + random.between(-1, 4));
  if (ballot.quorum.asked > 100) ballot.quorum.asked = 0;  // one less than none
  ballot.quorum.spread = random.one_in(6);
  return ballot;
}

/// A few small numbers: every coincidence of ends, operators and limits.
Ballot ballot_of_small_numbers(Random& random) {
  Ballot ballot;
  const auto count = random.between(0, 7);
  const auto scale = random.one_of<std::int64_t>({1, 1, 1'000, 250'000'000});
  const auto small = [&](std::int64_t least, std::int64_t most) {
    return nanoseconds{scale * random.between(least, most)};
  };
  for (std::int64_t i = 0; i < count; ++i) {
    const nanoseconds lower = small(-4, 6);
    const nanoseconds upper = lower + small(0, 5);
    Vote vote = vote_of({at(lower), at(upper)}, {at(lower - small(0, 1)), at(upper + small(0, 4))},
                        random.between(lower, upper));
    vote.sharp = !random.one_in(4);
    vote.operator_name = numbered("operator", random.between(0, 5));
    vote.pool = numbered("pool", random.between(0, 3));
    ballot.votes.push_back(vote);
  }
  ballot.quorum.operators = static_cast<std::size_t>(random.between(0, 4));
  ballot.quorum.pools = static_cast<std::size_t>(random.between(0, 3));
  ballot.quorum.maximum_width = random.one_of<nanoseconds>({2s, 1s, 500ms, 250ms});
  ballot.quorum.asked = static_cast<std::size_t>(random.one_in(2) ? 0 : random.between(0, 9));
  ballot.quorum.spread = random.one_in(4);
  return ballot;
}

/// Many sharp sources that agree about as closely as chance allows, or exactly so.
Ballot ballot_at_the_limit(Random& random) {
  Ballot ballot;
  const auto count = random.between(1, random.one_in(5) ? 42 : 12);
  const auto agreeing = random.between(1, count);
  const nanoseconds closeness =
      random.one_in(3)
          ? nanoseconds{random.one_of<std::int64_t>({10'000, 10'001, 9'999})}
          : random.between(0ns,
                           nanoseconds{random.one_of<std::int64_t>({20'000, 5'000'000, 100'000'000, 900'000'000})});
  for (std::int64_t i = 0; i < count; ++i) {
    nanoseconds seen = random.between(0ns, closeness);
    if (i == 0) seen = 0ns;
    if (i == 1) seen = closeness;
    if (i >= agreeing) seen -= random.between(0ns, 1s);
    Vote vote = vote_of({at(seen - 1s), at(seen + closeness)}, {at(seen - 1s), at(seen + closeness + 1s)}, seen);
    if (i >= agreeing) vote.bounds.lower = at(seen - 50ms);
    if (i >= agreeing) vote.bounds.upper = at(seen + 50ms);
    vote.certain.lower = std::min(vote.certain.lower, vote.bounds.lower);
    vote.operator_name = numbered("operator", i);
    vote.pool = numbered("pool", i % 3);
    ballot.votes.push_back(vote);
  }
  ballot.quorum.asked = static_cast<std::size_t>(random.one_in(2) ? 0 : random.between(1, count + 5));
  return ballot;
}

/// Offsets as far apart as Dates and raw clocks can put them.
Ballot ballot_at_the_end_of_time(Random& random) {
  Ballot ballot;
  const nanoseconds first{-1'000'000'000'000'000'000};
  const nanoseconds last{7'258'118'400'000'000'000};
  const auto count = random.between(1, 5);
  for (std::int64_t i = 0; i < count; ++i) {
    const nanoseconds one = random.one_of<nanoseconds>({first, last, 0ns, random.between(first, last)});
    const nanoseconds other = random.one_of<nanoseconds>({one, first, last, random.between(first, last)});
    const RawBounds narrow{at(std::min(one, other)), at(std::max(one, other))};
    const RawBounds certain{std::max(narrow.lower - 1s, at(first)), std::min(narrow.upper + 1s, at(last))};
    Vote vote = vote_of(narrow, certain, random.between(narrow.lower.value, narrow.upper.value));
    vote.sharp = !random.one_in(3);
    vote.operator_name = numbered("operator", random.between(0, 4));
    vote.pool = numbered("pool", random.between(0, 2));
    ballot.votes.push_back(vote);
  }
  ballot.quorum.operators = static_cast<std::size_t>(random.between(1, 3));
  ballot.quorum.maximum_width = random.one_of<nanoseconds>({2s, last});
  ballot.quorum.asked = static_cast<std::size_t>(random.between(0, 6));
  ballot.quorum.spread = random.one_in(4);
  return ballot;
}

// --- in words ------------------------------------------------------------------------------------------------------

class Line {
 public:
  Line& word(std::string_view text) {
    text_ += text;
    text_ += ' ';
    return *this;
  }
  Line& number(std::int64_t value) { return word(std::to_string(value)); }
  Line& count(std::size_t value) { return number(static_cast<std::int64_t>(value)); }
  Line& flag(bool value) { return number(value ? 1 : 0); }
  Line& time(nanoseconds value) { return number(value.count()); }
  Line& time(RawTime value) { return time(value.time_since_epoch()); }
  Line& bounds(const RawBounds& value) { return time(value.lower.value).time(value.upper.value); }
  void print() {
    text_.back() = '\n';
    std::cout << text_;
  }

 private:
  std::string text_;
};

std::string_view name(NoBounds why) {
  switch (why) {
    case NoBounds::no_exchange: return "no_exchange";
    case NoBounds::only_stale: return "only_stale";
    case NoBounds::contradiction: return "contradiction";
  }
  return "?";
}

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::agreed: return "agreed";
    case Verdict::nobody_answered: return "nobody_answered";
    case Verdict::no_majority: return "no_majority";
    case Verdict::too_wide: return "too_wide";
    case Verdict::too_few_operators: return "too_few_operators";
    case Verdict::too_few_pools: return "too_few_pools";
  }
  return "?";
}

void say(Line& line, const Exchange& exchange) {
  line.time(exchange.sent).time(exchange.received);
  line.number(exchange.date.time_since_epoch().count()).number(exchange.spread.count()).flag(exchange.age.has_value());
  if (exchange.age) line.number(exchange.age->count());
  line.flag(exchange.fine.has_value());
  if (exchange.fine) line.time(exchange.fine->time.time_since_epoch()).time(exchange.fine->resolution);
}

void try_exchanges(const Talk& talk) {
  Line line;
  line.word("exchanges").time(talk.options.lag).time(talk.options.slack).number(talk.options.drift_ppm);
  line.time(talk.options.fine_lag).time(talk.at).count(talk.exchanges.size());
  for (const Exchange& exchange : talk.exchanges) say(line, exchange);
  const auto combined = timecore::combine(talk.exchanges, talk.options, talk.at);
  line.word(combined ? "bounds" : name(combined.error()));
  if (combined) line.bounds(*combined);
  const auto claimed = timecore::claim(talk.exchanges, talk.options, talk.at);
  line.word(claimed ? "bounds" : name(claimed.error()));
  if (claimed) line.bounds(claimed->narrow).bounds(claimed->certain).flag(claimed->sharp);
  line.print();
}

void try_votes(const Ballot& ballot) {
  // Names are numbers to the oracle.
  const auto number_of = [](const std::string& name) { return name.substr(name.find_first_of("0123456789")); };
  Line line;
  line.word("votes").count(ballot.quorum.operators).count(ballot.quorum.pools).time(ballot.quorum.maximum_width);
  line.count(ballot.quorum.asked).flag(ballot.quorum.spread).count(ballot.votes.size());
  for (const Vote& vote : ballot.votes) {
    line.bounds(vote.bounds).bounds(vote.certain).time(vote.estimate.value).flag(vote.sharp);
    line.word(number_of(vote.operator_name)).word(number_of(vote.pool));
  }
  const timecore::Agreement agreement = timecore::agree(ballot.votes, ballot.quorum);
  line.word(name(agreement.verdict)).flag(agreement.bounds.has_value());
  if (agreement.bounds) line.bounds(*agreement.bounds);
  line.flag(agreement.certain.has_value());
  if (agreement.certain) line.bounds(*agreement.certain);
  line.flag(agreement.narrow).time(agreement.estimate.value);
  line.count(agreement.operators_agreeing).count(agreement.pools_agreeing).count(agreement.operators_asked);
  for (const bool truechimer : agreement.truechimer) line.flag(truechimer);
  line.print();
}

void try_one(std::uint64_t seed) {
  Random random{seed};
  const auto kind = random.between(1, 20);
  if (kind <= 6) return try_exchanges(talk_of_the_web(random));
  if (kind <= 9) return try_exchanges(talk_of_small_numbers(random));
  if (kind <= 10) return try_exchanges(talk_at_the_end_of_time(random));
  if (kind <= 15) return try_votes(ballot_of_the_web(random));
  if (kind <= 18) return try_votes(ballot_of_small_numbers(random));
  if (kind <= 19) return try_votes(ballot_at_the_end_of_time(random));
  try_votes(ballot_at_the_limit(random));
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t cases = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  std::ios::sync_with_stdio(false);
  for (std::uint64_t i = 0; i < cases; ++i) try_one(seed + i);
  std::cout << "end\n";
  return std::cout.flush() ? 0 : 1;
}
