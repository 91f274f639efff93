#include "timecore/agreement.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace sdwdate::timecore {
namespace {

std::size_t operators_covering(std::span<const Vote> votes, RawOffset offset) {
  std::set<std::string_view> operators;
  for (const Vote& vote : votes) {
    if (vote.bounds.contains(offset)) operators.insert(vote.operator_name);
  }
  return operators.size();
}

std::size_t operators_in(std::span<const Vote> votes) {
  std::set<std::string_view> operators;
  for (const Vote& vote : votes) operators.insert(vote.operator_name);
  return operators.size();
}

/// The hull of all offsets within the bounds of at least `enough` operators. Coverage only grows at a lower end and
/// only shrinks after an upper end, so the hull's ends are among them.
std::optional<RawBounds> hull_covered_by(std::size_t enough, std::span<const Vote> votes) {
  std::optional<RawBounds> hull;
  for (const Vote& vote : votes) {
    for (const RawOffset end : {vote.bounds.lower, vote.bounds.upper}) {
      if (operators_covering(votes, end) < enough) continue;
      if (!hull) hull = RawBounds{end, end};
      hull->lower = std::min(hull->lower, end);
      hull->upper = std::max(hull->upper, end);
    }
  }
  return hull;
}

std::size_t most_covering(std::span<const Vote> votes) {
  std::size_t most = 0;
  for (const Vote& vote : votes) most = std::max(most, operators_covering(votes, vote.bounds.lower));
  return most;
}

RawOffset median(std::vector<RawOffset> offsets) {
  std::ranges::sort(offsets);
  const std::size_t half = offsets.size() / 2;
  return offsets.size() % 2 == 1 ? offsets[half] : midpoint(offsets[half - 1], offsets[half]);
}

/// Each operator counts once here too.
RawOffset median_of_operators(std::map<std::string_view, std::vector<RawOffset>> estimates) {
  std::vector<RawOffset> medians;
  medians.reserve(estimates.size());
  for (auto& [operator_name, offsets] : estimates) medians.push_back(median(std::move(offsets)));
  return median(std::move(medians));
}

RawOffset middle_of(const std::map<std::string_view, std::vector<RawOffset>>& estimates) {
  RawOffset least = estimates.begin()->second.front();
  RawOffset most = least;
  for (const auto& [operator_name, offsets] : estimates) {
    for (const RawOffset offset : offsets) {
      least = std::min(least, offset);
      most = std::max(most, offset);
    }
  }
  return midpoint(least, most);
}

Verdict judge(const Agreement& agreement, const Quorum& quorum) {
  if (agreement.bounds->width() > quorum.maximum_width) return Verdict::too_wide;
  if (agreement.operators_agreeing < quorum.operators) return Verdict::too_few_operators;
  if (agreement.pools_agreeing < quorum.pools) return Verdict::too_few_pools;
  return Verdict::agreed;
}

}  // namespace

nanoseconds spread_phase(nanoseconds start, std::size_t index, std::size_t count) {
  constexpr nanoseconds kSecond = std::chrono::seconds{1};
  if (count == 0) return start % kSecond;
  const auto part = kSecond * static_cast<std::int64_t>(index % count) / static_cast<std::int64_t>(count);
  return (start + part) % kSecond;
}

Agreement agree(std::span<const Vote> votes, const Quorum& quorum) {
  Agreement result;
  result.truechimer.assign(votes.size(), false);
  if (votes.empty()) return result;

  const std::size_t operators = std::max(operators_in(votes), quorum.asked);
  result.bounds = hull_covered_by(operators / 2 + 1, votes);
  if (!result.bounds) {
    result.verdict = Verdict::no_majority;
    return result;
  }
  result.certain = result.bounds->lower;
  const std::size_t most = most_covering(votes);
  const bool narrow = quorum.spread && 3 * most > 2 * operators;
  if (narrow) result.bounds = hull_covered_by(most, votes);

  std::map<std::string_view, std::vector<RawOffset>> estimates;
  std::set<std::string_view> pools;
  for (std::size_t i = 0; i < votes.size(); ++i) {
    const Vote& vote = votes[i];
    if (!vote.bounds.touches(*result.bounds)) continue;
    result.truechimer[i] = true;
    estimates[vote.operator_name].push_back(vote.estimate);
    pools.insert(vote.pool);
  }
  result.operators_agreeing = estimates.size();
  result.pools_agreeing = pools.size();
  // Of answers that leave a second each, the one that lags most and the one that leads most are the sharp ones.
  result.estimate = result.bounds->clamp(narrow ? middle_of(estimates) : median_of_operators(std::move(estimates)));
  result.verdict = judge(result, quorum);
  return result;
}

}  // namespace sdwdate::timecore
