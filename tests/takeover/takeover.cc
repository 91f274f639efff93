// Who decides, tried by simulation: the product's own panel, agreement and credit against operators that conspire and
// against sources that are down.
//
//   takeover [--quick]
//
// Prints the tables of docs/threat-model.md, "Who decides", as Markdown. Exit status: 0 all as promised, 1 not.
//
// The attacker knows more than a real one could: for each round it sees in which order all operators will be drawn,
// tries each number of honest sources that it lets through, each number of its own that answer, and several lies, plays
// the round to its end with each, and takes what moves the clock furthest. A round that would move the clock back it
// has fail instead, so long as it cares to.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "timecore/credit.h"
#include "timecore/panel.h"
#include "timecore/schedule.h"

namespace {

using namespace sdwdate::timecore;
using namespace std::chrono_literals;
using sdwdate::base::RawTime;
using Random = std::mt19937_64;

constexpr int kFailureBudget = 2;  // as configured by default
constexpr std::size_t kPerPool = 2;

/// A configuration: how many operators each pool has, and how good honest ones are.
struct Setting {
  std::string_view name;
  std::vector<std::size_t> pools;
  nanoseconds reach;  ///< of an honest source's bounds, to either side
  nanoseconds error;  ///< of an honest source's estimate: standard deviation
};

const Setting kClearnet{"clearnet, 30", {10, 10, 10}, 60ms, 3ms};
/// docs/tor.md: bounds of a third of a second, six sources' median off by 14 ms in the median.
const Setting kOnion{"onion, 43", {14, 7, 22}, 330ms, 40ms};

struct Operator {
  std::string name;
  std::size_t pool = 0;
  bool hostile = false;
  bool down = false;
};

/// Operators by pool, in the order in which this round would ask them.
using Draw = std::vector<std::vector<Operator>>;

std::vector<Operator> operators_of(const Setting& setting) {
  std::vector<Operator> all;
  for (std::size_t pool = 0; pool < setting.pools.size(); ++pool) {
    for (std::size_t i = 0; i < setting.pools[pool]; ++i) all.push_back({fmt::format("{}.{}", pool, i), pool});
  }
  return all;
}

Draw draw(const std::vector<Operator>& all, std::size_t pools, Random& random) {
  Draw draw(pools);
  for (const Operator& one : all) draw[one.pool].push_back(one);
  for (auto& pool : draw) std::ranges::shuffle(pool, random);
  return draw;
}

Quorum quorum_of(std::size_t pools) { return {.operators = 3, .pools = pools / 2 + 1}; }

nanoseconds gaussian(Random& random, nanoseconds deviation) {
  if (deviation == nanoseconds{0}) return nanoseconds{0};
  std::normal_distribution<double> normal{0, static_cast<double>(deviation.count())};
  return nanoseconds{static_cast<std::int64_t>(normal(random))};
}

/// An honest source's vote; the truth is 0.
Vote honest(const Operator& who, const Setting& setting, nanoseconds error) {
  const RawOffset estimate{std::clamp(error, -setting.reach, setting.reach)};
  return {.bounds = {RawOffset{-setting.reach}, RawOffset{setting.reach}},
          .certain = {RawOffset{-setting.reach}, RawOffset{setting.reach + 1s}},
          .estimate = estimate,
          .operator_name = who.name,
          .pool = std::to_string(who.pool)};
}

/// A liar's, who wants the clock to be set to `lie`: its bounds contain the honest ones' if `wide`.
Vote hostile(const Operator& who, const Setting& setting, nanoseconds lie, bool wide) {
  RawBounds bounds{RawOffset{lie - 1ms}, RawOffset{lie + 1ms}};
  if (wide)
    bounds = {RawOffset{std::min(bounds.lower.value, -setting.reach)},
              RawOffset{std::max(bounds.upper.value, setting.reach)}};
  return {.bounds = bounds,
          .certain = {bounds.lower, bounds.upper + 1s},
          .estimate = RawOffset{lie},
          .operator_name = who.name,
          .pool = std::to_string(who.pool)};
}

/// What one who is asked answers; empty: it fails. Called once for each, in the order in which they are asked.
template <typename Answer>
struct Round {
  Panel panel;
  std::vector<Vote> votes;
  Agreement agreement;
  bool believed = false;  ///< agreed and, if it had to be, proven
  bool proof = false;
};

/// Plays a round by the product's rules.
template <typename Answer>
Round<Answer> play(const Draw& draw, bool proof_is_due, const Surprising& surprising, Answer answer) {
  Round<Answer> round;
  for (const auto& pool : draw) {
    std::vector<std::string> names;
    for (const Operator& one : pool) names.push_back(one.name);
    round.panel.add(std::move(names), kPerPool);
  }
  round.panel.set_failure_budget(kFailureBudget);
  if (proof_is_due) round.panel.widen();
  Quorum quorum = quorum_of(draw.size());
  struct Event {
    RawTime at;
    std::size_t member;
    std::optional<Vote> vote;
  };
  std::vector<Event> events;
  RawTime now{1000s};
  std::size_t asked = 0;
  Tally tally;
  while (true) {
    const Panel::Step step = round.panel.next(tally, now);
    for (const Panel::Seat& seat : step.ask) {
      std::optional<Vote> vote = answer(draw[seat.pool][seat.index]);
      events.push_back({now + (vote ? 5s : 300ms), asked, std::move(vote)});
      ++asked;
    }
    if (step.end || events.empty()) break;
    now = std::min(step.wake, std::ranges::min(events, {}, &Event::at).at);
    for (Event& event : events) {
      if (event.at > now) continue;
      round.panel.ended(event.member, event.vote.has_value(), now);
      if (event.vote) round.votes.push_back(*std::move(event.vote));
    }
    std::erase_if(events, [now](const Event& event) { return event.at <= now; });
    quorum.asked = round.panel.asked();
    // Before half of them have answered there is nothing to weigh.
    tally = 2 * round.votes.size() > quorum.asked ? stand(round.votes, quorum, round.panel, surprising)
                                                  : Tally{.most = round.votes.size()};
  }
  quorum.asked = round.panel.asked();
  round.agreement = agree(round.votes, quorum);
  round.proof = proven(round.agreement, round.votes, round.panel.operators(), false);
  round.believed = round.agreement.agreed() && (round.proof || !wants_proof(round.agreement, round.panel, surprising));
  return round;
}

// --- the rule until now, for comparison ---------------------------------------------------------------------------

struct OldRound {
  std::size_t asked = 0;
  std::vector<Vote> votes;
  bool agreed = false;
};

/// Two of each pool, six replacements in all, a majority of those that answer.
template <typename Answer>
OldRound play_old(const Draw& draw, Answer answer) {
  OldRound round;
  std::vector<std::size_t> next(draw.size(), 0);
  std::vector<std::size_t> turns;
  for (std::size_t pool = 0; pool < draw.size(); ++pool) turns.insert(turns.end(), kPerPool, pool);
  int budget = 6;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const std::size_t pool = turns[i];
    if (next[pool] == draw[pool].size()) continue;
    const auto vote = answer(draw[pool][next[pool]++]);
    ++round.asked;
    if (vote) round.votes.push_back(*vote);
    if (!vote && budget > 0) {
      --budget;
      turns.push_back(pool);
    }
  }
  round.agreed = agree(round.votes, quorum_of(draw.size())).agreed();
  return round;
}

// --- attack -------------------------------------------------------------------------------------------------------

struct Attack {
  double share = 0;        ///< of the operators
  bool may_fail = false;   ///< connections to honest ones
  bool clustered = false;  ///< as few pools as possible are theirs, instead of any
};

/// What the clock is moved by, and how the credit stands.
struct Move {
  nanoseconds clock;
  bool proof;
};

/// Plays a round in which the attacker lets so many honest answers through, and its own say `lie`.
template <typename Play>
auto with_attack(const Draw& draw, const Setting& setting, const std::vector<nanoseconds>& errors,
                 std::size_t honest_ones, nanoseconds lie, bool wide, Play play) {
  std::size_t let_through = 0;
  std::size_t number = 0;
  return play(draw, [&](const Operator& who) -> std::optional<Vote> {
    const nanoseconds error = errors[number++ % errors.size()];
    if (who.hostile) return hostile(who, setting, lie, wide);
    if (let_through == honest_ones) return std::nullopt;
    ++let_through;
    return honest(who, setting, error);
  });
}

class Life {
 public:
  Life(const Setting& setting, const Attack& attack, std::uint64_t seed)
      : setting_(setting), attack_(attack), random_(seed) {
    all_ = operators_of(setting);
    const auto liars = static_cast<std::size_t>(attack.share * static_cast<double>(all_.size()) + 1e-9);
    std::vector<std::size_t> order(all_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    if (!attack.clustered) std::ranges::shuffle(order, random_);
    for (std::size_t i = 0; i < liars; ++i) all_[order[i]].hostile = true;
  }

  /// So many weeks, each with a start, to which nothing is known of the clock: returns how far the clock was from the
  /// truth at most.
  nanoseconds live(int weeks) {
    nanoseconds worst{0};
    for (int week = 0; week < weeks; ++week) {
      credit_ = Credit{};
      Schedule schedule{{}};
      // Nobody knows how right the clock is; it may be anything.
      clock_ = std::chrono::hours{1};
      bool set = false;
      int denied = 0;
      for (nanoseconds now{0}; now < std::chrono::weeks{1};) {
        const bool done = round(set, denied);
        ++rounds_;
        set = set || done;
        denied = done ? 0 : denied + 1;
        if (set) worst = std::max(worst, clock_);
        now += 6s + (done ? schedule.after_success(random_()) : schedule.after_failure(Failure::unheard, random_()));
      }
    }
    return worst;
  }

  [[nodiscard]] std::size_t rounds() const { return rounds_; }

 private:
  /// One round, played as well as can be. Returns whether it was believed.
  bool round(bool set, int denied) {
    const Draw drawn = draw(all_, setting_.pools.size(), random_);
    std::vector<nanoseconds> errors(all_.size());
    for (nanoseconds& error : errors) error = gaussian(random_, setting_.error);
    const Surprising surprising = [&](RawOffset estimate) { return credit_.surprising(estimate.value - clock_); };
    std::optional<Move> best;
    const auto consider = [&](std::size_t honest_ones, nanoseconds lie, bool wide) {
      const auto played = with_attack(drawn, setting_, errors, honest_ones, lie, wide, [&](const Draw& d, auto answer) {
        return play(d, credit_.proof_is_due(), surprising, answer);
      });
      if (!played.believed) return;
      if (!best || played.agreement.estimate.value > best->clock)
        best = Move{played.agreement.estimate.value, played.proof};
    };
    const std::size_t everyone = all_.size();
    std::vector<std::size_t> choices{everyone};
    if (attack_.may_fail) {
      if (credit_.proof_is_due()) {
        choices = {everyone, 3, 4, 6, 8, 10};
      } else {
        choices = {everyone, 0, 1, 2, 3, 4};
      }
    }
    for (const std::size_t honest_ones : choices) {
      if (set) {
        // As far as credit reaches, the whole way, half of it.
        for (const nanoseconds by : {39ms, 12ms}) {
          consider(honest_ones, std::max(clock_, nanoseconds{0}) + by, true);
        }
      }
      if (!set || credit_.proof_is_due()) {
        for (const nanoseconds lie : {39ms, 60ms}) consider(honest_ones, lie, true);
        consider(honest_ones, 1h + 1min, false);
      } else {
        consider(honest_ones, 1h + 1min, false);
      }
    }
    // It keeps what it has, for a while, where it cannot get more.
    constexpr int kPatience = 8;
    const bool keeps = attack_.may_fail && set && best && best->clock < clock_ && denied < kPatience;
    if (!best || keeps) {
      credit_.failed();
      return false;
    }
    if (best->proof) {
      credit_.proven(0ms);
    } else {
      credit_.moved(best->clock - clock_);
    }
    clock_ = best->clock;
    return true;
  }

  const Setting& setting_;
  Attack attack_;
  Random random_;
  std::vector<Operator> all_;
  Credit credit_;
  nanoseconds clock_{0};
  std::size_t rounds_ = 0;
};

/// In how many rounds the attacker could have had any time agreed on, by the rule until now.
double old_rule(const Setting& setting, const Attack& attack, int rounds) {
  Random random{7};
  int won = 0;
  for (int i = 0; i < rounds; ++i) {
    std::vector<Operator> all = operators_of(setting);
    std::vector<std::size_t> order(all.size());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
    if (!attack.clustered) std::ranges::shuffle(order, random);
    const auto liars = static_cast<std::size_t>(attack.share * static_cast<double>(all.size()) + 1e-9);
    for (std::size_t k = 0; k < liars; ++k) all[order[k]].hostile = true;
    const Draw drawn = draw(all, setting.pools.size(), random);
    const std::vector<nanoseconds> errors(all.size(), nanoseconds{0});
    bool any = false;
    for (const std::size_t honest_ones :
         attack.may_fail ? std::vector<std::size_t>{0, 1, 2} : std::vector{all.size()}) {
      const auto played = with_attack(drawn, setting, errors, honest_ones, 1h, false,
                                      [](const Draw& d, auto answer) { return play_old(d, answer); });
      if (!played.agreed) continue;
      any = any || agree(played.votes, quorum_of(setting.pools.size())).estimate.value > 30min;
    }
    won += any ? 1 : 0;
  }
  return static_cast<double>(won) / rounds;
}

double milliseconds(nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

bool print_attacks(int weeks, int old_rounds) {
  fmt::print(
      "| operators | hostile | connections to honest ones | until now: rounds won | rounds | clock off by at most | "
      "and by honest sources' own errors |\n");
  fmt::print("|---|---|---|--:|--:|--:|--:|\n");
  bool good = true;
  for (const Setting* const setting : {&kClearnet, &kOnion}) {
    for (const Attack& attack : {Attack{0.1, false, false}, Attack{0.1, true, false}, Attack{1 / 3.0, false, false},
                                 Attack{1 / 3.0, true, false}, Attack{1 / 3.0, true, true}}) {
      Setting exact = *setting;
      exact.error = nanoseconds{0};
      Life life{exact, attack, 1};
      const nanoseconds worst = life.live(weeks);
      const nanoseconds with_errors = Life{*setting, attack, 1}.live(weeks);
      const double old = old_rule(*setting, attack, old_rounds);
      fmt::print("| {} | {} | {} | {:.2g} % | {} | {:.0f} ms | {:.0f} ms |\n", setting->name,
                 attack.share < 0.2 ? "a tenth"
                 : attack.clustered ? "a third, in as few pools as can be"
                                    : "a third",
                 attack.may_fail ? "fail at will" : "work", 100 * old, life.rounds(), milliseconds(worst),
                 milliseconds(with_errors));
      good = good && worst <= kBelieved + kCredit;
    }
  }
  return good;
}

// --- honest failures ----------------------------------------------------------------------------------------------

struct Trouble {
  double down = 0;       ///< of the sources
  bool exact = true;     ///< that many; else each by itself with this probability
  bool refuses = false;  ///< the first pool, as a whole
};

struct Score {
  double agreed = 0;
  double asked = 0;
};

Score operator/(Score score, int rounds) { return {score.agreed / rounds, score.asked / rounds}; }

void put_down(std::vector<Operator>& all, const Trouble& trouble, Random& random) {
  std::vector<Operator*> others;
  for (Operator& one : all) {
    one.down = trouble.refuses && one.pool == 0;
    if (!one.down) others.push_back(&one);
  }
  std::ranges::shuffle(others, random);
  std::bernoulli_distribution fails{trouble.down};
  const auto many = static_cast<std::size_t>(trouble.down * static_cast<double>(others.size()) + 0.5);
  for (std::size_t i = 0; i < others.size(); ++i) others[i]->down = trouble.exact ? i < many : fails(random);
}

bool print_honest(int rounds) {
  fmt::print(
      "| operators | down | until now: agree | asked | usual round: agree | asked | must be proven: agree | asked |\n");
  fmt::print("|---|---|--:|--:|--:|--:|--:|--:|\n");
  bool good = true;
  for (const Setting* const setting : {&kClearnet, &kOnion}) {
    for (const Trouble& trouble : {Trouble{}, Trouble{0.15}, Trouble{0.3}, Trouble{0.15, false}, Trouble{0.3, false},
                                   Trouble{0, true, true}, Trouble{0.15, true, true}, Trouble{0.3, true, true}}) {
      Random random{11};
      Score old;
      Score usual;
      Score wide;
      for (int i = 0; i < rounds; ++i) {
        std::vector<Operator> all = operators_of(*setting);
        put_down(all, trouble, random);
        const Draw drawn = draw(all, setting->pools.size(), random);
        const auto answer = [&](const Operator& who) -> std::optional<Vote> {
          if (who.down) return std::nullopt;
          return honest(who, *setting, gaussian(random, setting->error));
        };
        const OldRound before = play_old(drawn, answer);
        old.agreed += before.agreed ? 1 : 0;
        old.asked += static_cast<double>(before.asked);
        const auto add = [&](Score& score, bool due) {
          const auto played = play(drawn, due, [due](RawOffset) { return due; }, answer);
          score.agreed += played.believed ? 1 : 0;
          score.asked += static_cast<double>(played.panel.asked());
        };
        add(usual, false);
        add(wide, true);
      }
      old = old / rounds;
      usual = usual / rounds;
      wide = wide / rounds;
      fmt::print("| {} | {}{:.0f} %{} | {:.2f} % | {:.1f} | {:.2f} % | {:.1f} | {:.2f} % | {:.1f} |\n", setting->name,
                 trouble.refuses ? "the first pool, and " : "", 100 * trouble.down,
                 trouble.exact ? "" : " each by itself", 100 * old.agreed, old.asked, 100 * usual.agreed, usual.asked,
                 100 * wide.agreed, wide.asked);
      if (trouble.exact && !trouble.refuses)
        good = good && usual.agreed >= old.agreed && wide.agreed >= old.agreed - 0.001;
      if (trouble.refuses) good = good && usual.agreed >= old.agreed;
      if (trouble.down == 0 && !trouble.refuses) good = good && usual.asked <= old.asked;
    }
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::string_view{argv[1]} == "--quick";
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  const bool attacks = print_attacks(quick ? 1 : 8, quick ? 300 : 20'000);
  fmt::print("\n");
  const bool honest = print_honest(quick ? 200 : 2'000);
  std::fflush(stdout);
  return attacks && honest ? 0 : 1;
}
