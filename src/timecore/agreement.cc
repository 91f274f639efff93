#include "timecore/agreement.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace sdwdate::timecore {
namespace {

/// For so long a Date is the current one.
constexpr nanoseconds kOneDate = std::chrono::seconds{1};

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

/// Coverage only grows at a lower end and only shrinks after an upper end, so the hull's ends are among them.
std::optional<RawBounds> majority_hull(std::span<const Vote> votes) {
  const std::size_t operators = operators_in(votes);
  const auto covered = [&](RawOffset offset) { return 2 * operators_covering(votes, offset) > operators; };
  std::optional<RawBounds> hull;
  for (const Vote& vote : votes) {
    for (const RawOffset end : {vote.bounds.lower, vote.bounds.upper}) {
      if (!covered(end)) continue;
      if (!hull) hull = RawBounds{end, end};
      hull->lower = std::min(hull->lower, end);
      hull->upper = std::max(hull->upper, end);
    }
  }
  return hull;
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

Verdict judge(const Agreement& agreement, const Quorum& quorum) {
  if (agreement.bounds->width() > quorum.maximum_width) return Verdict::too_wide;
  if (agreement.operators_agreeing < quorum.operators) return Verdict::too_few_operators;
  if (agreement.pools_agreeing < quorum.pools) return Verdict::too_few_pools;
  return Verdict::agreed;
}

}  // namespace

Agreement agree(std::span<const Vote> votes, const Quorum& quorum) {
  Agreement result;
  result.truechimer.assign(votes.size(), false);
  if (votes.empty()) return result;

  result.bounds = majority_hull(votes);
  if (!result.bounds) {
    result.verdict = Verdict::no_majority;
    return result;
  }

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
  result.estimate = result.bounds->clamp(median_of_operators(std::move(estimates)));
  result.verdict = judge(result, quorum);
  return result;
}

std::optional<nanoseconds> lateness(const Vote& vote, const Agreement& agreement) {
  if (!agreement.bounds) return std::nullopt;
  const nanoseconds gap = agreement.bounds->lower - vote.bounds.upper;
  if (gap <= nanoseconds{0} || gap >= kOneDate) return std::nullopt;
  // Wide bounds may put the estimates further apart than a Date can be late.
  return std::min(agreement.estimate - vote.estimate, kOneDate);
}

}  // namespace sdwdate::timecore
