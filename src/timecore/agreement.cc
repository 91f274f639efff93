#include "timecore/agreement.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "timecore/transfer.h"

namespace sdwdate::timecore {
namespace {

/// By which of a vote's bounds it is counted.
using Measure = RawBounds Vote::*;

std::size_t operators_covering(std::span<const Vote> votes, Measure measure, RawOffset offset) {
  std::set<std::string_view> operators;
  for (const Vote& vote : votes) {
    if ((vote.*measure).contains(offset)) operators.insert(vote.operator_name);
  }
  return operators.size();
}

std::size_t operators_in(std::span<const Vote> votes) {
  std::set<std::string_view> operators;
  for (const Vote& vote : votes) operators.insert(vote.operator_name);
  return operators.size();
}

/// Grows a range to hold this, too.
void stretch(std::optional<RawBounds>& range, RawOffset offset) {
  const RawBounds point{offset, offset};
  range = range ? range->hull(point) : point;
}

/// The hull of all offsets within the bounds of at least `enough` operators. Coverage only grows at a lower end and
/// only shrinks after an upper end, so the hull's ends are among them.
std::optional<RawBounds> hull_covered_by(std::size_t enough, std::span<const Vote> votes, Measure measure) {
  std::optional<RawBounds> hull;
  for (const Vote& vote : votes) {
    for (const RawOffset end : {(vote.*measure).lower, (vote.*measure).upper}) {
      if (operators_covering(votes, measure, end) >= enough) stretch(hull, end);
    }
  }
  return hull;
}

std::size_t most_covering(std::span<const Vote> votes) {
  std::size_t most = 0;
  for (const Vote& vote : votes) most = std::max(most, operators_covering(votes, &Vote::bounds, vote.bounds.lower));
  return most;
}

/// What an operator says of the offset: a point or, if the two differ, only between what it lies.
using Guess = RawBounds;

RawOffset median(std::vector<RawOffset> offsets) {
  std::ranges::sort(offsets);
  const std::size_t half = offsets.size() / 2;
  return offsets.size() % 2 == 1 ? offsets[half] : midpoint(offsets[half - 1], offsets[half]);
}

/// As many guesses lie wholly below as above: among points the median. With n guesses, that is the median of their 2n
/// ends, those of a point being equal.
RawOffset median_of_guesses(const std::vector<Guess>& guesses) {
  std::vector<RawOffset> ends;
  ends.reserve(2 * guesses.size());
  for (const Guess& guess : guesses) {
    ends.push_back(guess.lower);
    ends.push_back(guess.upper);
  }
  return median(std::move(ends));
}

/// Each operator counts once here too: by the median of its points or, if it has none, by its widest guess.
Guess guess_of(const std::vector<const Vote*>& votes) {
  std::vector<RawOffset> points;
  for (const Vote* vote : votes) {
    if (vote->sharp) points.push_back(vote->estimate);
  }
  if (!points.empty()) {
    const RawOffset point = median(std::move(points));
    return {point, point};
  }
  Guess guess = votes.front()->bounds;
  for (const Vote* vote : votes) guess = guess.hull(vote->bounds);
  return guess;
}

RawOffset middle_of(std::span<const Vote> votes, const std::vector<bool>& counted) {
  std::optional<RawBounds> range;
  for (std::size_t i = 0; i < votes.size(); ++i) {
    if (counted[i]) stretch(range, votes[i].estimate);
  }
  return range ? midpoint(range->lower, range->upper) : RawOffset{};
}

std::vector<bool> touching(std::span<const Vote> votes, Measure measure, const RawBounds& bounds) {
  std::vector<bool> result;
  result.reserve(votes.size());
  for (const Vote& vote : votes) result.push_back((vote.*measure).touches(bounds));
  return result;
}

/// What may be claimed if the sources give reason to believe that a majority of them is prompt; else nothing. `hull` is
/// what their narrow bounds have in common, `certain` what holds if they are not.
std::optional<RawBounds> narrow_claim(std::span<const Vote> votes, const RawBounds& hull, const RawBounds& certain) {
  std::set<std::string_view> sharp;
  std::set<std::string_view> close;
  std::optional<RawBounds> range;
  for (const Vote& vote : votes) {
    if (!vote.sharp || !vote.certain.touches(certain)) continue;  // wrong by more than lateness explains
    // Somebody who may well be right says that it is later: lateness is one-sided.
    if (vote.bounds.lower > hull.upper) return std::nullopt;
    sharp.insert(vote.operator_name);
    if (!vote.bounds.touches(hull)) continue;
    close.insert(vote.operator_name);
    stretch(range, vote.estimate);
  }
  const bool all = close.size() == sharp.size();
  const double allowed = all ? kChanceAllowed : kChanceAllowed / 2;
  if (!range || chance_of_closeness(sharp.size(), close.size(), range->width()) > allowed) return std::nullopt;
  if (all) return hull;
  // Some are late. One of these may be among those that agree, and late by as much as they differ.
  return RawBounds{hull.lower, std::min(hull.upper + range->width(), certain.upper)};
}

Verdict judge(const Agreement& agreement, const Quorum& quorum) {
  const nanoseconds late = agreement.narrow ? nanoseconds{0} : kLatest;
  if (agreement.bounds->width() > quorum.maximum_width + late) return Verdict::too_wide;
  if (agreement.operators_agreeing < quorum.operators) return Verdict::too_few_operators;
  if (agreement.pools_agreeing < quorum.pools) return Verdict::too_few_pools;
  return Verdict::agreed;
}

/// The best guess, which need not be certain.
RawOffset best_guess(std::span<const Vote> votes, const Agreement& agreement, const Quorum& quorum) {
  // Of answers that leave a second each, the one that lags most and the one that leads most are the sharp ones.
  const std::size_t most = quorum.spread ? most_covering(votes) : 0;
  if (3 * most > 2 * agreement.operators_asked) {
    const RawBounds common = *hull_covered_by(most, votes, &Vote::bounds);
    const RawOffset middle = common.clamp(middle_of(votes, touching(votes, &Vote::bounds, common)));
    return agreement.bounds->clamp(middle);
  }
  std::map<std::string_view, std::vector<const Vote*>> by_operator;
  for (std::size_t i = 0; i < votes.size(); ++i) {
    if (agreement.truechimer[i]) by_operator[votes[i].operator_name].push_back(&votes[i]);
  }
  std::vector<Guess> guesses;
  guesses.reserve(by_operator.size());
  for (const auto& [operator_name, of_operator] : by_operator) guesses.push_back(guess_of(of_operator));
  return agreement.bounds->clamp(median_of_guesses(guesses));
}

}  // namespace

double chance_of_closeness(std::size_t operators, std::size_t agreeing, nanoseconds closeness) {
  if (agreeing == 0 || agreeing > operators) return 1;
  // Lateness within half a second is the densest kind known: so many times as likely to be near another as within one.
  constexpr double kDensity = 2;
  auto chance = static_cast<double>(agreeing);
  for (std::size_t i = 1; i <= agreeing; ++i) {
    chance *= static_cast<double>(operators - agreeing + i) / static_cast<double>(i);  // in the end, the binomial
  }
  const double near = kDensity * std::chrono::duration<double>{closeness}.count();
  for (std::size_t i = 1; i < agreeing; ++i) chance *= near;
  return std::min(chance, 1.0);
}

nanoseconds spread_phase(nanoseconds start, std::size_t index, std::size_t count) {
  if (count == 0) return start % kSecond;
  const auto part = kSecond * static_cast<std::int64_t>(index % count) / static_cast<std::int64_t>(count);
  return (start + part) % kSecond;
}

Agreement agree(std::span<const Vote> votes, const Quorum& quorum) {
  Agreement result;
  result.truechimer.assign(votes.size(), false);
  result.operators_asked = std::max(quorum.asked, operators_in(votes));
  if (votes.empty()) return result;

  const std::size_t majority = result.operators_asked / 2 + 1;
  result.certain = hull_covered_by(majority, votes, &Vote::certain);
  if (!result.certain) {
    result.verdict = Verdict::no_majority;
    return result;
  }
  // What answers of a second each have in common is no sign that they are prompt.
  const auto hull = quorum.spread ? std::nullopt : hull_covered_by(majority, votes, &Vote::bounds);
  const auto narrow = hull ? narrow_claim(votes, *hull, *result.certain) : std::nullopt;
  result.narrow = narrow.has_value();
  result.bounds = narrow ? narrow : result.certain;
  const auto supports = touching(votes, result.narrow ? &Vote::bounds : &Vote::certain, *result.bounds);
  // Where a majority says the same, whoever says another thing is told apart, claimed or not.
  result.truechimer = hull && !result.narrow ? touching(votes, &Vote::bounds, *hull) : supports;

  std::set<std::string_view> operators;
  std::set<std::string_view> pools;
  for (std::size_t i = 0; i < votes.size(); ++i) {
    if (!supports[i]) continue;
    operators.insert(votes[i].operator_name);
    pools.insert(votes[i].pool);
  }
  result.operators_agreeing = operators.size();
  result.pools_agreeing = pools.size();
  result.estimate = best_guess(votes, result, quorum);
  result.verdict = judge(result, quorum);
  return result;
}

}  // namespace sdwdate::timecore
