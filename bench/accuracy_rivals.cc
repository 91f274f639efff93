// Ours and the method of Fuchsia's HTTPSDate over the same generated paths, without any network: thousands of
// measurements in seconds, which real ones cannot be.
//
//   accuracy_rivals THERE-MS BACK-MS JITTER-PERCENT TICK-MS RUNS REQUESTS...
//
// Each way takes its length, normally distributed with so many percent of it. The server's clock is right; with a tick
// above 0 its Date is that of the clock's last tick, as with time() on Linux: ticks are so far apart, and where among
// them the seconds begin is another in each run. Prints one line for each method and number of requests: "ours" with
// the usual lag, "known" with the clock's (a tick, or none), or "HTTPSDate"; the number; then in seconds the median,
// the 95th percentile and the largest of the absolute errors and the median width of the bounds, then in how many runs
// the truth was outside of them.
//
// Ours is src/timecore, asked as the probe asks. HTTPSDate is its published method: each answer is a bound of one
// second and the round trip, bounds are intersected, the middle is the estimate, and each request is sent so that the
// middle falls on a whole second; if bounds contradict, the newest stays alone. Its first round trip contains
// connecting.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "timecore/likelihood.h"
#include "timecore/transfer.h"

namespace {

using namespace std::chrono_literals;
using sdwdate::base::RawTime;
using sdwdate::timecore::kSecond;
using std::chrono::nanoseconds;
namespace timecore = sdwdate::timecore;

nanoseconds rounded(double seconds) { return std::chrono::round<nanoseconds>(std::chrono::duration<double>{seconds}); }
double in_seconds(nanoseconds time) { return std::chrono::duration<double>{time}.count(); }

struct Path {
  double there;
  double back;
  double jitter;  ///< standard deviation of each way, as a share of it
};

/// A right clock behind a path, seen from a raw clock that keeps pace with it.
class World {
 public:
  World(const Path& path, nanoseconds tick, std::uint64_t seed)
      : path_(path),
        tick_(tick),
        random_(seed),
        phase_(rounded(chance() * in_seconds(tick))),
        truth_(std::chrono::sys_days{std::chrono::year{2026} / 11 / 25}.time_since_epoch() + rounded(chance())) {}

  [[nodiscard]] timecore::RawOffset truth() const { return {truth_}; }
  double chance() { return std::uniform_real_distribution{}(random_); }

  timecore::Exchange ask(RawTime sent) {
    const RawTime written = sent + way(path_.there);
    timecore::Exchange exchange;
    exchange.sent = sent;
    exchange.date = std::chrono::floor<std::chrono::seconds>(shown(written));
    exchange.received = written + way(path_.back);
    return exchange;
  }

  /// TCP's handshake and that of TLS 1.3.
  nanoseconds connecting() {
    nanoseconds time{0};
    for (int trips = 0; trips < 2; ++trips) time += way(path_.there) + way(path_.back);
    return time;
  }

 private:
  nanoseconds way(double length) {
    return rounded(std::max(length * (1 + path_.jitter * std::normal_distribution{}(random_)), 0.0));
  }

  [[nodiscard]] std::chrono::sys_time<nanoseconds> shown(RawTime at) const {
    nanoseconds now = at.time_since_epoch() + truth_;
    if (tick_ > 0ns) now -= (now - phase_) % tick_;
    return std::chrono::sys_time<nanoseconds>{now};
  }

  Path path_;
  nanoseconds tick_;
  std::mt19937_64 random_;
  nanoseconds phase_;
  nanoseconds truth_;
};

/// What a method has come to after a number of requests.
struct Result {
  nanoseconds error;
  nanoseconds width;
  bool outside;
};

using Results = std::map<std::size_t, Result>;

constexpr RawTime kStart{1000s};

std::optional<Result> ours(World world, const Path& path, std::size_t requests, nanoseconds lag) {
  timecore::TransferOptions options;
  options.lag = lag;
  const nanoseconds round_trip = rounded(path.there + path.back);
  std::vector<timecore::Exchange> exchanges;
  RawTime now = kStart + world.connecting();
  while (exchanges.size() < requests) {
    const timecore::Plan plan = exchanges.empty() ? timecore::plan_first(rounded(world.chance()), round_trip, now)
                                : exchanges.size() + 1 == requests ? timecore::plan_last(exchanges, options, now)
                                                                   : timecore::plan_next(exchanges, options, now);
    exchanges.push_back(world.ask(plan.send));
    now = exchanges.back().received;
  }
  const auto bounds = timecore::combine(exchanges, options, now);
  if (!bounds) return std::nullopt;
  const auto offset = timecore::estimate(exchanges, options, *bounds).offset;
  return Result{std::chrono::abs(offset - world.truth()), bounds->width(), !bounds->contains(world.truth())};
}

class HttpsDate {
 public:
  explicit HttpsDate(World& world) : world_(world) {}

  Results run(const std::vector<std::size_t>& requests) {
    Results results;
    const RawTime start = kStart + rounded(world_.chance());
    poll(start, start + world_.connecting());
    for (std::size_t polls = 1;; ++polls) {
      if (std::ranges::find(requests, polls) != requests.end()) {
        const auto middle = timecore::midpoint(bound_.lower, bound_.upper);
        results[polls] = {std::chrono::abs(middle - world_.truth()), bound_.width(), !bound_.contains(world_.truth())};
      }
      if (polls == requests.back()) return results;
      const RawTime send = next();
      poll(send, send);
    }
  }

 private:
  static constexpr std::int64_t kDriftPpm = 200;
  static constexpr int kFirstIsLonger = 5;

  /// From `began` on, connecting included; the request is sent at `sent`.
  void poll(RawTime began, RawTime sent) {
    const timecore::Exchange exchange = world_.ask(sent);
    const timecore::RawOffset low{exchange.date.time_since_epoch() - exchange.received.time_since_epoch()};
    const timecore::RawOffset high{exchange.date.time_since_epoch() + kSecond - began.time_since_epoch()};
    const RawTime middle = began + (exchange.received - began) / 2;
    const nanoseconds drift = trips_.empty() ? 0ns : (middle - at_) * kDriftPpm / 1'000'000;
    const timecore::RawBounds earlier = bound_.widened(drift);
    if (trips_.empty()) {
      bound_ = {low, high};
    } else if (low > earlier.upper || high < earlier.lower) {
      bound_ = {low, high};
      trips_.clear();
    } else {
      bound_ = {std::max(low, earlier.lower), std::min(high, earlier.upper)};
    }
    at_ = middle;
    trips_.push_back(exchange.received - began);
    now_ = exchange.received;
  }

  /// When the server would read its clock at a whole second, were the middle true, less half of the expected round
  /// trip.
  [[nodiscard]] RawTime next() const {
    nanoseconds trip = trips_.front() / kFirstIsLonger;
    if (trips_.size() > 1) {
      trip = 0ns;
      for (std::size_t i = 1; i < trips_.size(); ++i) trip += trips_[i];
      trip /= static_cast<std::int64_t>(trips_.size() - 1);
    }
    const nanoseconds shown = at_.time_since_epoch() + timecore::midpoint(bound_.lower, bound_.upper).value;
    const RawTime ideal = at_ + (kSecond - shown % kSecond) - trip / 2;
    if (now_ < ideal) return ideal;
    return ideal + kSecond + (now_ - ideal) / kSecond * kSecond;
  }

  World& world_;
  timecore::RawBounds bound_{};
  RawTime at_;
  RawTime now_;
  std::vector<nanoseconds> trips_;
};

/// All runs of one method with one number of requests.
struct Tally {
  std::vector<nanoseconds> errors;
  std::vector<nanoseconds> widths;
  int outside = 0;

  void add(const Result& result) {
    errors.push_back(result.error);
    widths.push_back(result.width);
    outside += result.outside ? 1 : 0;
  }

  void print(const char* method, std::size_t requests) {
    std::ranges::sort(errors);
    std::ranges::sort(widths);
    const auto at = [](const std::vector<nanoseconds>& all, double share) {
      return in_seconds(all[static_cast<std::size_t>(std::ceil(share * static_cast<double>(all.size()))) - 1]);
    };
    std::printf("%s %zu %.9f %.9f %.9f %.9f %d\n", method, requests, at(errors, 0.5), at(errors, 0.95), at(errors, 1),
                at(widths, 0.5), outside);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    static_cast<void>(std::fputs("accuracy_rivals THERE-MS BACK-MS JITTER-PERCENT TICK-MS RUNS REQUESTS...\n", stderr));
    return 2;
  }
  const Path path{std::atof(argv[1]) / 1e3, std::atof(argv[2]) / 1e3, std::atof(argv[3]) / 100};
  const nanoseconds tick = rounded(std::atof(argv[4]) / 1e3);
  const int runs = std::atoi(argv[5]);
  std::vector<std::size_t> requests;
  for (int i = 6; i < argc; ++i) requests.push_back(std::strtoul(argv[i], nullptr, 10));
  std::ranges::sort(requests);
  if (runs < 1 || requests.front() < 1) return 2;

  std::map<std::pair<std::string, std::size_t>, Tally> tallies;
  for (int run = 0; run < runs; ++run) {
    const auto seed = static_cast<std::uint64_t>(run);
    for (const std::size_t number : requests) {
      // With each number anew, as the last request is planned as such. An honest server never contradicts itself here.
      for (const auto& [method, lag] : {std::pair{"ours", timecore::TransferOptions{}.lag}, std::pair{"known", tick}}) {
        const auto result = ours(World{path, tick, seed}, path, number, lag);
        if (!result) return 1;
        tallies[{method, number}].add(*result);
      }
    }
    World world{path, tick, seed};
    for (const auto& [number, result] : HttpsDate{world}.run(requests)) tallies[{"HTTPSDate", number}].add(result);
  }
  for (auto& [which, tally] : tallies) tally.print(which.first.c_str(), which.second);
  return 0;
}
