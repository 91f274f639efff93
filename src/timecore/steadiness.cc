#include "timecore/steadiness.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "timecore/median.h"

namespace sdwdate::timecore {
namespace {

/// A history: so many rounds, over at least so long. The last of them tell where the line lies, all its slope.
constexpr std::size_t kFewest = 8;
constexpr std::size_t kMost = 32;
constexpr std::size_t kRecent = 8;
constexpr nanoseconds kShortest = std::chrono::days{1};

/// A delay is usual if one in four was no shorter, or shorter by no more than this. (A path that is shorter than usual
/// was not delayed.)
constexpr std::size_t kOneIn = 4;
constexpr nanoseconds kDelayVariesLeast = std::chrono::milliseconds{40};
constexpr nanoseconds kDelayVariesMost = std::chrono::milliseconds{100};

/// How far from the line the first unusual round may move what is fed, and how fast the others: 0.3 ppm is 26 ms a
/// day, and what oscillators wander in days at a steady temperature.
constexpr nanoseconds kOffLine = std::chrono::milliseconds{12};
constexpr double kWander = 0.3e-6;
/// How far the oscillator's frequency may seem to have moved while paths are unusual for more than a day, at first and
/// by what more for each day. Whoever delays more and more from round to round makes it seem to.
constexpr double kRetuned = 0.5e-6;
constexpr double kRetunedDaily = 0.06e-6;
/// How far any round may move what is fed from the round before: an honest round's error, which is so many medians of
/// what rounds differed by, and an oscillator's step of temperature.
constexpr nanoseconds kOffLast = std::chrono::milliseconds{40};
constexpr double kMedians = 3.5;
constexpr double kTemperature = 3e-6;

/// Bounds that miss the line by no more say that the oscillator wandered; by more, that something happened.
constexpr nanoseconds kWandered = std::chrono::milliseconds{100};

nanoseconds scaled(nanoseconds time, double factor) {
  return nanoseconds{std::llround(static_cast<double>(time.count()) * factor)};
}

RawBounds around(RawOffset offset, nanoseconds by) { return RawBounds{offset, offset}.widened(by); }

}  // namespace

nanoseconds with_path(nanoseconds error, nanoseconds delay) {
  const auto own = static_cast<double>(error.count());
  const auto half = static_cast<double>(delay.count()) / 2;
  return nanoseconds{std::llround(std::sqrt(own * own + half * half / 3))};
}

std::optional<RawOffset> Steadiness::expected(base::RawTime at) const {
  if (!is_history(usual_)) return std::nullopt;
  return level_ + scaled(at - usual_.back().at, slope_);
}

nanoseconds Steadiness::usual_delay() const {
  std::vector<nanoseconds> delays;
  delays.reserve(usual_.size());
  for (const Round& round : usual_) delays.push_back(round.delay);
  return reached_by_one_in(kOneIn, std::move(delays));
}

bool Steadiness::is_usual(nanoseconds delay) const {
  const nanoseconds usual = usual_delay();
  return delay - usual <= std::clamp(usual / 4, kDelayVariesLeast, kDelayVariesMost);
}

RawBounds Steadiness::near_last(base::RawTime at, nanoseconds least, double rate) const {
  const nanoseconds since = at - last_->at;
  return around(last_->estimate + scaled(since, frequency()), least + scaled(since, rate));
}

RawBounds Steadiness::allowed(RawOffset expected, const Heard& heard) const {
  if (is_usual(heard.delay)) return near_last(heard.at, honest_move(), kTemperature);
  if (off_line_) return near_last(heard.at, nanoseconds{0}, kWander);
  return around(expected, kOffLine + scaled(heard.at - last_->at, kWander));
}

nanoseconds Steadiness::surprise(const Heard& heard) const {
  const auto expected_now = expected(heard.at);
  if (!expected_now) return nanoseconds{0};
  const RawBounds range = allowed(*expected_now, heard);
  return std::max({heard.bounds.lower - range.upper, range.lower - heard.bounds.upper, nanoseconds{0}});
}

Weighed Steadiness::weigh(const Heard& heard) {
  const auto expected_now = expected(heard.at);
  if (!expected_now) {
    remember({heard.at, heard.estimate, heard.delay});
    as_usual_at_ = heard.at;
    return {.estimate = heard.estimate};
  }
  if (surprise(heard) > kWandered) {
    begin_anew();
    remember({heard.at, heard.estimate, heard.delay});
    return {.estimate = heard.estimate, .refuted = true};
  }
  // Of the estimates that are near enough, the nearest to the round's that its bounds allow.
  const RawBounds range = allowed(*expected_now, heard);
  const RawOffset fed = heard.bounds.clamp(range.clamp(heard.estimate));
  const Round round{heard.at, fed, heard.delay};
  off_line_ = !is_usual(heard.delay);
  const nanoseconds away = std::chrono::abs(heard.estimate - fed);
  if (off_line_) {
    push(unusual_, {heard.at, heard.estimate, heard.delay});
  } else {
    unusual_.clear();
    as_usual_at_ = heard.at;
  }
  if (off_line_ && away > std::max(kOffLine, scaled(noise_, 1.5))) {
    last_ = round;
    return {.estimate = fed, .unusual = true, .usual_delay = usual_delay()};
  }
  // A path that was unusual for long has shifted the line, and not what it says of the clock's frequency.
  if (const nanoseconds shift = fed - *expected_now; off_line_ && std::chrono::abs(shift) > kOffLine) shift_line(shift);
  remember(round);
  return {.estimate = fed};
}

void Steadiness::shift_line(nanoseconds by) {
  for (Round& round : usual_) round.estimate = round.estimate + by;
  level_ = level_ + by;
}

double Steadiness::frequency() const {
  // Only if they, too, lie along a line: delays that come and go say nothing of the oscillator.
  if (!is_history(unusual_) || move(unusual_, median_slope(unusual_), kOneIn) > honest_move()) return slope_;
  const std::chrono::duration<double, std::chrono::days::period> lasting = last_->at - as_usual_at_;
  const double most = kRetuned + kRetunedDaily * lasting.count();
  return std::clamp(median_slope(unusual_), slope_ - most, slope_ + most);
}

void Steadiness::remember(const Round& round) {
  last_ = round;
  push(usual_, round);
  fit();
}

void Steadiness::fit() {
  slope_ = median_slope(usual_);
  std::vector<RawOffset> levels;
  for (std::size_t i = usual_.size() - std::min(usual_.size(), kRecent); i < usual_.size(); ++i) {
    levels.push_back(usual_[i].estimate + scaled(usual_.back().at - usual_[i].at, slope_));
  }
  level_ = upper_median(std::move(levels));
  noise_ = move(usual_, slope_, 2);
}

nanoseconds Steadiness::honest_move() const { return std::max(kOffLast, scaled(noise_, kMedians)); }

nanoseconds Steadiness::move(const std::deque<Round>& rounds, double slope, std::size_t one_in) {
  std::vector<nanoseconds> moves{nanoseconds{0}};
  for (std::size_t i = 1; i < rounds.size(); ++i) {
    const Round& before = rounds[i - 1];
    const RawOffset foreseen = before.estimate + scaled(rounds[i].at - before.at, slope);
    moves.push_back(std::chrono::abs(rounds[i].estimate - foreseen));
  }
  return reached_by_one_in(one_in, std::move(moves));
}

void Steadiness::push(std::deque<Round>& rounds, const Round& round) {
  rounds.push_back(round);
  if (rounds.size() > kMost) rounds.pop_front();
}

bool Steadiness::is_history(const std::deque<Round>& rounds) {
  return rounds.size() >= kFewest && rounds.back().at - rounds.front().at >= kShortest;
}

double Steadiness::median_slope(const std::deque<Round>& rounds) {
  std::vector<double> slopes;
  for (std::size_t later = 1; later < rounds.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const auto apart = static_cast<double>((rounds[later].at - rounds[earlier].at).count());
      if (apart <= 0) continue;
      slopes.push_back(static_cast<double>((rounds[later].estimate - rounds[earlier].estimate).count()) / apart);
    }
  }
  return slopes.empty() ? 0 : upper_median(std::move(slopes));
}

}  // namespace sdwdate::timecore
