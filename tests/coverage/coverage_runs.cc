// The product's promise, tried very often: whatever the path and the clocks do, the truth lies inside the bounds of
// every honest source.
//
//   coverage_runs [RUNS [SEED]]
//
// Prints how many runs of each kind there were, and how near the truth came to the ends of the bounds. A run that fails
// prints its seed: "coverage_runs 1 SEED" plays it again. Exit status: 0 all inside, 1 not.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "support/generated_talk.h"
#include "timecore/likelihood.h"

namespace {

using namespace sdwdate;
using namespace std::chrono_literals;
using base::RawTime;
using std::chrono::nanoseconds;
using support::HonestServer;
using support::PathModel;
using support::Talker;
using timecore::Exchange;
using timecore::RawOffset;
using timecore::TransferOptions;

constexpr RawTime kStart{5000s};
constexpr std::chrono::sys_seconds kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
constexpr std::int64_t kWorstDriftPpb = 300'000;

/// One world, drawn from a seed.
struct World {
  PathModel path;
  int requests;
  nanoseconds wait;           ///< from the last answer to the moment the bounds are for
  nanoseconds largest_lag;    ///< of this server's Date
  nanoseconds server_spread;  ///< by which machines behind the name differ
  RawOffset offset;
  std::int64_t drift_ppb;
};

World draw(std::uint64_t seed, const TransferOptions& options) {
  std::mt19937_64 random{seed};
  const auto between = [&](double least, double most) { return std::uniform_real_distribution{least, most}(random); };
  const auto one_in = [&](int n) { return std::uniform_int_distribution{1, n}(random) == 1; };
  const auto seconds = [](double count) {
    return std::chrono::round<nanoseconds>(std::chrono::duration<double>{count});
  };
  World world;
  world.path.round_trip = seconds(std::pow(10, between(-4, 0.2)));  // 0.1 ms to 1.6 s
  world.path.share_there = one_in(3) ? between(0.05, 0.95) : 0.5;
  world.path.jitter = one_in(4) ? 0 : between(0, 0.5);
  world.path.tail_chance = one_in(2) ? 0 : between(0, 0.5);
  world.path.late_chance = one_in(2) ? 0 : between(0, 0.5);
  world.path.stall_chance = one_in(4) ? between(0, 0.3) : 0;
  world.requests = std::uniform_int_distribution{1, 12}(random);
  world.wait = one_in(3) ? seconds(between(0, 60)) : 0ns;
  world.largest_lag = one_in(2) ? options.lag : 0ns;
  world.server_spread = one_in(4) ? seconds(between(0, std::chrono::duration<double>{options.slack}.count())) : 0ns;
  world.offset = {kNow.time_since_epoch() - kStart.time_since_epoch() + seconds(between(0, 3600))};
  world.drift_ppb = static_cast<std::int64_t>(between(-1, 1) * kWorstDriftPpb);
  if (one_in(4)) world.drift_ppb = one_in(2) ? kWorstDriftPpb : -kWorstDriftPpb;
  return world;
}

struct Tally {
  std::uint64_t runs = 0;
  std::uint64_t contradictions = 0;
  std::uint64_t balanced = 0;  ///< with several machines behind the name
  double nearest = 1;          ///< to an end, as a share of the width
};

/// True if the truth is where it was promised to be.
bool run(std::uint64_t seed, Tally& tally) {
  const TransferOptions options;
  const World world = draw(seed, options);
  std::mt19937_64 random{seed + 1};
  const HonestServer truth{kStart, world.offset, world.drift_ppb};
  const HonestServer ahead{kStart, world.offset + world.server_spread / 2, world.drift_ppb};
  const HonestServer behind{kStart, world.offset - world.server_spread / 2, world.drift_ppb};

  Talker talker{world.path, options, seed + 2};
  const auto talk = talker.talk(
      kStart, world.requests, [&](int) -> const HonestServer& { return random() % 2 == 0 ? ahead : behind; },
      [&] {
        return nanoseconds{static_cast<std::int64_t>(talker.chance() * static_cast<double>(world.largest_lag.count()))};
      });
  const RawTime at = talk.at + world.wait;
  const auto bounds = timecore::combine(talk.exchanges, options, at);
  ++tally.runs;
  if (world.server_spread > 0ns) ++tally.balanced;
  if (!bounds) {
    // Machines that differ by less than the slack never contradict each other beyond it.
    ++tally.contradictions;
    return false;
  }
  // What machines behind one name differ by is not in the bounds unless it shows (docs/estimate.md).
  const auto promised = bounds->widened(world.server_spread / 2);
  const RawOffset right = truth.offset_at(at);
  const auto guess = timecore::estimate(talk.exchanges, options, *bounds);
  const double margin = std::chrono::duration<double>{std::min(right - promised.lower, promised.upper - right)} /
                        std::chrono::duration<double>{promised.width()};
  tally.nearest = std::min(tally.nearest, margin);
  return promised.contains(right) && bounds->contains(guess.offset);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t runs = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  Tally tally;
  for (std::uint64_t i = 0; i < runs; ++i) {
    if (run(seed + i, tally)) continue;
    fmt::print(stderr, "The truth is outside: play it again with: coverage_runs 1 {}\n", seed + i);
    return 1;
  }
  fmt::print("{} runs, {} of them with several machines behind one name: the truth was inside every time.\n",
             tally.runs, tally.balanced);
  fmt::print("At the nearest it came to {:.3g} of the width to an end.\n", tally.nearest);
  return 0;
}
