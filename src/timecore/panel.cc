#include "timecore/panel.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace sdwdate::timecore {
namespace {

using base::RawTime;

/// So many operators must agree besides a third of all, as many as any quorum wants.
constexpr std::size_t kBeyondLiars = 3;

/// For those that are under way when the verdict is clear: without an answer yet; with one; of either at most.
constexpr nanoseconds kGrace = std::chrono::seconds{2};
constexpr nanoseconds kLongestGrace = std::chrono::seconds{3};
/// A source is overdue when it takes longer than twice as long as usual, and this.
constexpr nanoseconds kNotLate = std::chrono::seconds{3};

nanoseconds middle(const std::vector<nanoseconds>& sorted) { return sorted[sorted.size() / 2]; }

/// Each operator's estimate, sorted; one that is an interval pulls nowhere within itself.
std::vector<RawOffset> estimates_of(const Agreement& agreement, std::span<const Vote> votes, bool spread) {
  std::map<std::string_view, RawOffset> estimates;
  for (std::size_t i = 0; i < votes.size(); ++i) {
    if (!agreement.truechimer[i]) continue;
    estimates[votes[i].operator_name] =
        spread || !votes[i].sharp ? votes[i].bounds.clamp(agreement.estimate) : votes[i].estimate;
  }
  std::vector<RawOffset> sorted;
  sorted.reserve(estimates.size());
  for (const auto& [operator_name, estimate] : estimates) sorted.push_back(estimate);
  std::ranges::sort(sorted);
  return sorted;
}

}  // namespace

bool proven(const Agreement& agreement, std::span<const Vote> votes, std::size_t operators, bool spread) {
  if (!agreement.agreed()) return false;
  if (operators < kFew) return true;
  const std::size_t liars = operators / 3;
  const std::vector<RawOffset> estimates = estimates_of(agreement, votes, spread);
  if (estimates.size() < liars + std::min(kBeyondLiars, operators / 2 + 1 - liars)) return false;
  // The result is the middle of all: more than half of them are right, and so it lies between two that are.
  if (estimates.size() > 2 * liars) return true;
  // The middle of those that remain, where the liars are the highest, and where they are the lowest.
  const std::size_t remain = estimates.size() - liars;
  const RawOffset lowest = estimates[(remain - 1) / 2];
  const RawOffset highest = estimates[estimates.size() - 1 - (remain - 1) / 2];
  return agreement.estimate - lowest <= kBelieved && highest - agreement.estimate <= kBelieved;
}

std::size_t most_agreeing(std::span<const Vote> votes) {
  std::size_t most = 0;
  for (const Vote& at : votes) {
    std::set<std::string_view> operators;
    for (const Vote& vote : votes) {
      if (vote.certain.contains(at.certain.lower)) operators.insert(vote.operator_name);
    }
    most = std::max(most, operators.size());
  }
  return most;
}

// --- who there is -----------------------------------------------------------------------------------------------

void Panel::add(std::vector<std::string> operators, std::size_t at_once) {
  planned_ += std::min(at_once, operators.size());
  for (std::size_t i = 0; i < operators.size(); ++i) {
    // One without a name counts, too: under a name that no other can have.
    const bool nameless = operators[i].empty();
    operators_.insert(nameless ? '\0' + std::to_string(pools_.size()) + ':' + std::to_string(i) : operators[i]);
  }
  pools_.push_back({.candidates = std::move(operators), .at_once = at_once});
}

std::size_t Panel::wide_target() const {
  const std::size_t all = operators();
  return all < kFew ? all : std::max(2 * (all / 3), std::min(planned_, all));
}

bool Panel::has_candidate(Pool& pool) {
  while (pool.next < pool.candidates.size()) {
    const std::string& name = pool.candidates[pool.next];
    if (everyone_ || name.empty() || !operators_asked_.contains(name)) return true;
    ++pool.next;
  }
  return false;
}

// --- who is asked -----------------------------------------------------------------------------------------------

std::optional<std::size_t> Panel::pick(bool also_set_aside) {
  const auto usable = [&](std::size_t pool) {
    return has_candidate(pools_[pool]) && (also_set_aside || !set_aside(pools_[pool]));
  };
  while (!owed_.empty()) {
    const std::size_t pool = owed_.front();
    owed_.erase(owed_.begin());
    if (usable(pool)) return pool;
  }
  // The one that has been asked least; one that was set aside, after those that have answered more.
  const auto before = [&](const Pool& left, const Pool& right) {
    if (!also_set_aside) return left.asked < right.asked;
    return left.answered + right.failed > right.answered + left.failed;
  };
  std::optional<std::size_t> best;
  for (std::size_t pool = 0; pool < pools_.size(); ++pool) {
    if (usable(pool) && (!best || before(pools_[pool], pools_[*best]))) best = pool;
  }
  return best;
}

bool Panel::take(Step& step, RawTime now, bool also_set_aside) {
  const auto number = pick(also_set_aside);
  if (!number) return false;
  Pool& pool = pools_[*number];
  step.ask.push_back({*number, pool.next});
  operators_asked_.insert(pool.candidates[pool.next]);
  ++pool.next;
  ++pool.asked;
  ++pool.under_way;
  ++under_way_;
  members_.push_back({.pool = *number, .since = now});
  return true;
}

void Panel::draw(Step& step, RawTime now) {
  for (std::size_t pool = 0; pool < pools_.size(); ++pool) {
    for (std::size_t i = 0; i < pools_[pool].at_once && has_candidate(pools_[pool]); ++i) {
      owed_.assign(1, pool);
      take(step, now, true);
    }
  }
  owed_.clear();
}

void Panel::roll(Step& step, RawTime now) {
  for (std::size_t pool = 0; pool < pools_.size(); ++pool) {
    while (pools_[pool].under_way < pools_[pool].at_once && has_candidate(pools_[pool])) {
      owed_.assign(1, pool);
      take(step, now, true);
    }
  }
  step.end = under_way_ == 0;
}

bool Panel::wants_more(const Tally& tally, RawTime now) const {
  if (tally.believed) return false;
  const std::size_t asked = members_.size();
  if (wide_ && asked < wide_target()) return true;
  return answered_ + under_way_ - overdue(now) < std::max(planned_, asked / 2 + 1);
}

void Panel::ask_more(Step& step, const Tally& tally, RawTime now) {
  while (wants_more(tally, now) && take(step, now, false)) {
  }
  if (tally.believed || under_way_ > overdue(now)) return;
  // All have spoken whom a usual round asks, and it is not enough; the others may know.
  widen();
  while (wants_more(tally, now) && take(step, now, false)) {
  }
  const std::size_t batch = std::max(planned_, step.ask.size());
  while (step.ask.size() < batch && take(step, now, false)) {
  }
  // Those who were set aside come last, and never beside others whose votes may be enough.
  if (under_way_ > overdue(now)) return;
  while (step.ask.size() < batch && take(step, now, true)) {
  }
}

Panel::Step Panel::next(const Tally& tally, RawTime now) {
  Step step;
  if (everyone_) {
    roll(step, now);
    return step;
  }
  if (members_.empty()) draw(step, now);
  if (tally.agreed && !tally.believed) widen();
  ask_more(step, tally, now);
  settle(step, tally, now);
  return step;
}

// --- when it ends -----------------------------------------------------------------------------------------------

void Panel::ended(std::size_t member, bool answered, RawTime now) {
  Member& who = members_.at(member);
  Pool& pool = pools_[who.pool];
  who.over = true;
  --under_way_;
  --pool.under_way;
  if (answered) {
    ++answered_;
    ++pool.answered;
    took_.insert(std::ranges::upper_bound(took_, now - who.since), now - who.since);
  } else {
    ++pool.failed;
    owed_.push_back(who.pool);
  }
}

nanoseconds Panel::overdue_after() const { return took_.empty() ? patience_ : 2 * middle(took_) + kNotLate; }

std::size_t Panel::overdue(RawTime now) const {
  const nanoseconds limit = overdue_after();
  return static_cast<std::size_t>(std::ranges::count_if(
      members_, [&](const Member& member) { return !member.over && now - member.since >= limit; }));
}

nanoseconds Panel::grace() const {
  const bool answering =
      std::ranges::any_of(members_, [](const Member& member) { return !member.over && member.heard; });
  if (answering || took_.empty()) return kLongestGrace;
  return std::clamp(took_.back() - middle(took_), kGrace, kLongestGrace);
}

void Panel::settle(Step& step, const Tally& tally, RawTime now) {
  if (under_way_ == 0) {
    step.end = true;
    return;
  }
  const bool nobody_left = std::ranges::none_of(pools_, [&](Pool& pool) { return has_candidate(pool); });
  const bool hopeless = nobody_left && 2 * (tally.most + under_way_) <= members_.size();
  if (tally.believed || hopeless) {
    if (!settled_) settled_ = now;
    step.wake = *settled_ + grace();
    step.end = now >= step.wake;
    return;
  }
  settled_.reset();
  const nanoseconds limit = overdue_after();
  for (const Member& member : members_) {
    if (!member.over && now < member.since + limit) step.wake = std::min(step.wake, member.since + limit);
  }
}

// --- how they stand ---------------------------------------------------------------------------------------------

bool wants_proof(const Agreement& agreement, const Panel& panel, const Surprising& surprising) {
  if (!agreement.agreed() || !surprising) return false;
  return panel.wide() || surprising(agreement.estimate);
}

Tally stand(std::span<const Vote> votes, const Quorum& quorum, const Panel& panel, const Surprising& surprising) {
  const Agreement agreement = agree(votes, quorum);
  Tally tally{.agreed = agreement.agreed(), .most = most_agreeing(votes)};
  if (!tally.agreed) return tally;
  tally.believed = !wants_proof(agreement, panel, surprising) ||
                   (panel.wide_enough() && proven(agreement, votes, panel.operators(), quorum.spread));
  return tally;
}

}  // namespace sdwdate::timecore
