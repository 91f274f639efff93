#include "timecore/likelihood.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "timecore/median.h"

namespace sdwdate::timecore {
namespace {

using base::RawTime;
using Seconds = std::chrono::duration<double>;

/// No path and no scheduler is steadier than this.
constexpr nanoseconds kSteadiest = std::chrono::microseconds{50};
/// How likely an answer is that the model rules out: paths do what they like now and then.
constexpr double kSurprise = 1e-3;
/// How many pieces a stretch between two thresholds is cut into for integration.
constexpr int kPieces = 8;
/// Four requests after the first, in the ordinary case, and some.
constexpr nanoseconds kEnough = kSecond / 15;
/// A request planned for an instant is still worth sending so much later, however sharp the estimate is by then.
constexpr nanoseconds kPunctual = std::chrono::milliseconds{1};

/// The exchanges that say something about both sides, each with a finer time only if that does: caches do not.
std::vector<Exchange> live(std::span<const Exchange> exchanges, const TransferOptions& options) {
  const auto standing = standings(exchanges, options);
  std::vector<Exchange> result;
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    if (!standing[i].ours && !standing[i].fine_ours) continue;
    result.push_back(exchanges[i]);
    if (!standing[i].fine_ours) result.back().fine.reset();
  }
  return result;
}

nanoseconds median_delay(std::span<const Exchange> exchanges) {
  std::vector<nanoseconds> delays;
  std::ranges::transform(exchanges, std::back_inserter(delays), &Exchange::delay);
  return upper_median(std::move(delays));
}

/// What one answer says: the offset lies between two ends, each blurred by as much as the path leaves open. In seconds
/// from some origin.
struct Window {
  double low;
  double high;
  double blur;

  [[nodiscard]] double weight(double offset) const {
    const double inside = rise(offset - low) * rise(high - offset);
    return kSurprise + (1 - kSurprise) * inside / peak();
  }

  /// From 0 at -blur to 1 at +blur: the distribution function of a parabola.
  [[nodiscard]] double rise(double beyond) const {
    const double z = std::clamp(beyond / blur, -1.0, 1.0);
    return 0.5 + 0.75 * z - 0.25 * z * z * z;
  }

  /// The most that both ends leave, which is little if they are closer than the blur.
  [[nodiscard]] double peak() const {
    const double middle = rise((high - low) / 2);
    return middle * middle;
  }

  auto operator<=>(const Window&) const = default;
};

std::vector<Window> windows(const std::vector<Exchange>& exchanges, RawOffset origin) {
  const nanoseconds fastest = smallest_delay(exchanges);
  // By how much delays vary is seen from how they varied. The median: a first exchange that was slow says little about
  // the others.
  const Seconds usual = (median_delay(exchanges) - fastest) / 3.0 + kSteadiest;
  std::vector<Window> result;
  for (const Exchange& exchange : exchanges) {
    // What an exchange took beyond the fastest may have been spent in either direction, in any part. A parabola's half
    // width is sqrt(5) standard deviations, a uniform's sqrt(3).
    const Seconds queued = exchange.delay() - fastest;
    const double blur = std::sqrt(5 * (usual.count() * usual.count() + queued.count() * queued.count() / 12));
    const RawTime middle = exchange.sent + exchange.delay() / 2;
    const auto& fine = exchange.fine;
    const base::RealTime shown = fine ? fine->time : base::RealTime{exchange.date + exchange.spread};
    const Seconds low = shown.time_since_epoch() - middle.time_since_epoch() - origin.value;
    // Two Dates a second apart leave nothing between them: the second changed while they were written.
    const Seconds length = fine ? fine->resolution : std::max(kSecond - exchange.spread, nanoseconds{0});
    result.push_back({low.count(), low.count() + length.count(), blur});
  }
  // The order in which they came must not show in a sum's last digit.
  std::ranges::sort(result);
  return result;
}

/// A piece of the axis, and how likely the offset lies in it, up to a common factor.
struct Piece {
  double from;
  double to;
  double mass;
};

/// Cut where a window begins, ends or turns: in between, its weight is smooth.
std::vector<Piece> integrate(const std::vector<Window>& windows, double width) {
  std::vector<double> cuts{0, width};
  for (const Window& window : windows) {
    for (const double end : {window.low, window.high}) {
      for (const double cut : {end - window.blur, end, end + window.blur}) {
        if (cut > 0 && cut < width) cuts.push_back(cut);
      }
    }
  }
  std::ranges::sort(cuts);
  std::vector<Piece> pieces;
  for (std::size_t i = 1; i < cuts.size(); ++i) {
    const double step = (cuts[i] - cuts[i - 1]) / kPieces;
    for (int k = 0; k < kPieces; ++k) {
      const double from = cuts[i - 1] + k * step;
      double mass = step;
      for (const Window& window : windows) mass *= window.weight(from + step / 2);
      pieces.push_back({from, from + step, mass});
    }
  }
  return pieces;
}

double median(const std::vector<Piece>& pieces, double total) {
  double below = 0;
  for (const Piece& piece : pieces) {
    if (piece.mass > 0 && below + piece.mass >= total / 2) {
      return piece.from + (piece.to - piece.from) * (total / 2 - below) / piece.mass;
    }
    below += piece.mass;
  }
  return pieces.empty() ? 0 : pieces.back().to / 2;
}

nanoseconds rounded(double seconds) { return std::chrono::round<nanoseconds>(Seconds{seconds}); }

}  // namespace

Estimate estimate(std::span<const Exchange> exchanges, const TransferOptions& options, const RawBounds& bounds) {
  const std::vector<Exchange> heard = live(exchanges, options);
  if (heard.empty()) return {midpoint(bounds.lower, bounds.upper), bounds.width() / 2};
  const auto pieces = integrate(windows(heard, bounds.lower), Seconds{bounds.width()}.count());
  double total = 0;
  for (const Piece& piece : pieces) total += piece.mass;
  const double centre = median(pieces, total);
  double spread = 0;
  for (const Piece& piece : pieces) {
    const double away = (piece.from + piece.to) / 2 - centre;
    const double within = (piece.to - piece.from) * (piece.to - piece.from) / 12;
    spread += piece.mass * (away * away + within);
  }
  const double error = total > 0 ? std::sqrt(spread / total) : 0;
  return {bounds.clamp(bounds.lower + rounded(centre)), rounded(error)};
}

bool enough(std::span<const Exchange> exchanges, const TransferOptions& options, RawTime at) {
  const auto bounds = combine(exchanges, options, at);
  if (!bounds) return false;
  const nanoseconds delay = smallest_delay(exchanges);
  return bounds->width() <= delay + options.lag + std::max(kEnough, delay / 2) &&
         estimate(exchanges, options, *bounds).error <= kEnough;
}

Plan plan_first(nanoseconds phase, nanoseconds round_trip, RawTime now) {
  const nanoseconds arrival = now.time_since_epoch() + round_trip / 2;
  const nanoseconds wait = (phase - arrival % kSecond + kSecond) % kSecond;
  return {now + wait, now + wait + kSecond};
}

Plan plan_next(std::span<const Exchange> exchanges, const TransferOptions& options, RawTime now) {
  const auto bounds = combine(exchanges, options, now);
  if (!bounds) return {now, now + kSecond};
  const Estimate open = estimate(exchanges, options, *bounds);
  const std::vector<Exchange> heard = live(exchanges, options);
  const nanoseconds way_there = median_delay(heard.empty() ? exchanges : heard) / 2;
  const nanoseconds arrival = (now + way_there).time_since_epoch() + open.offset.value;
  const nanoseconds into_second = arrival % kSecond;  // positive: the reference is after 1970
  const RawTime send = into_second == nanoseconds{0} ? now : now + (kSecond - into_second);
  return {send, send + std::max(open.error / 2, kPunctual)};
}

Plan plan_last(std::span<const Exchange> exchanges, const TransferOptions& options, RawTime now) {
  const std::vector<Exchange> heard = live(exchanges, options);
  const auto bounds = combine(exchanges, options, now);
  if (heard.empty() || !bounds || has_ticked(exchanges, options)) return plan_next(exchanges, options, now);
  // Even by the lower bound the second is over then, and by more than what is no contradiction.
  const nanoseconds next_second = (heard.front().date + kSecond).time_since_epoch();
  const RawTime over{next_second - bounds->lower.value + options.lag + options.slack + kPunctual};
  const RawTime send = std::max(now, over);
  return {send, send + kSecond};
}

}  // namespace sdwdate::timecore
