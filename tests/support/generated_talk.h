// Talks with generated servers, as the probe holds them: aimed, over paths of every kind, by machines that are busy.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "support/honest_server.h"
#include "timecore/likelihood.h"

namespace sdwdate::support {

/// A path and what is between clock and wire. All chances are per exchange.
struct PathModel {
  std::chrono::nanoseconds round_trip{std::chrono::milliseconds{20}};
  double share_there = 0.5;  ///< of the round trip
  double jitter = 0;         ///< standard deviation of each way, as a share of its length
  double tail_chance = 0;    ///< of a queue: an exponential delay of a round trip on average, in either way
  double late_chance = 0;    ///< of a wake-up that is late, by 20 ms on average
  double stall_chance = 0;   ///< of seconds without anything
};

/// What one run of a probe met.
struct Talk {
  std::vector<timecore::Exchange> exchanges;
  base::RawTime at;  ///< when it ended
};

class Talker {
 public:
  Talker(PathModel path, timecore::TransferOptions options, std::uint64_t seed)
      : path_(path), options_(options), random_(seed) {}

  /// `server(index)` answers the exchange of that index; all are honest, but need not be one machine. `late()` says how
  /// old the Date's text is.
  template <typename ServerOf, typename Late>
  Talk talk(base::RawTime start, int requests, const ServerOf& server, const Late& late) {
    Talk talk{{}, start};
    for (int i = 0; i < requests; ++i) {
      const base::RawTime sent = turn(talk);
      talk.exchanges.push_back(server(i).ask(sent, way(path_.share_there), way(1 - path_.share_there), late()));
      talk.at = talk.exchanges.back().received;
    }
    return talk;
  }

  double chance() { return std::uniform_real_distribution{}(random_); }

 private:
  static constexpr int kMostPlans = 3;  // as the probe has it

  base::RawTime turn(const Talk& talk) {
    base::RawTime now = talk.at;
    for (int attempt = 0; attempt < kMostPlans; ++attempt) {
      const timecore::Plan plan =
          talk.exchanges.empty() ? first_plan(now) : timecore::plan_next(talk.exchanges, options_, now);
      now = plan.send + oversleep();
      if (now <= plan.latest) break;
    }
    return now;
  }

  timecore::Plan first_plan(base::RawTime now) {
    const std::chrono::duration<double> phase{chance()};
    return timecore::plan_first(std::chrono::floor<std::chrono::nanoseconds>(phase), path_.round_trip, now);
  }

  std::chrono::nanoseconds oversleep() {
    using std::chrono::microseconds;
    using std::chrono::milliseconds;
    if (chance() < path_.late_chance) return exponential(milliseconds{20});
    return exponential(microseconds{50});
  }

  std::chrono::nanoseconds way(double share) {
    const std::chrono::duration<double> usual = path_.round_trip * share;
    const double varied = usual.count() * (1 + path_.jitter * std::normal_distribution{}(random_));
    auto time = std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>{std::max(varied, 0.0)});
    if (chance() < path_.tail_chance) time += exponential(path_.round_trip);
    if (chance() < path_.stall_chance) time += exponential(std::chrono::seconds{2});
    return time;
  }

  std::chrono::nanoseconds exponential(std::chrono::nanoseconds mean) {
    const std::chrono::duration<double> drawn{std::exponential_distribution{}(random_) * 1e-9 *
                                              static_cast<double>(mean.count())};
    return std::chrono::round<std::chrono::nanoseconds>(drawn);
  }

  PathModel path_;
  timecore::TransferOptions options_;
  std::mt19937_64 random_;
};

}  // namespace sdwdate::support
