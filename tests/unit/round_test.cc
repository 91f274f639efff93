#include "service/round.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "support/rounds.h"

namespace sdwdate::service {
namespace {

using support::options_for;
using support::round_of;
using support::spec;
using timecore::Quorum;
using timecore::Verdict;

const Quorum kQuorum{3, 1, std::chrono::seconds{2}};

std::vector<std::string> asked(const RoundReport& round) {
  std::vector<std::string> hosts;
  for (const SourceReport& source : round.sources) hosts.push_back(source.spec.url.host);
  return hosts;
}

std::string next_host(Lineup& lineup, std::size_t queue) {
  const auto next = lineup.next(queue);
  return next ? next->url.host : "";
}

SourceSpec of_operator(const std::string& host, const std::string& operator_name) {
  SourceSpec source = spec(host);
  source.operator_name = operator_name;
  return source;
}

// --- who is asked
// -----------------------------------------------------------------------------------------------------

TEST(Lineup, EachQueueIsUsedUpInItsOrder) {
  Lineup lineup;
  lineup.add({spec("a.test"), spec("b.test")}, 1);
  lineup.add({spec("c.test")}, 1);
  EXPECT_EQ(lineup.queues(), 2U);
  EXPECT_EQ(next_host(lineup, 0), "a.test");
  EXPECT_EQ(next_host(lineup, 1), "c.test");
  EXPECT_EQ(next_host(lineup, 0), "b.test");
  EXPECT_EQ(next_host(lineup, 0), "");
}

TEST(Lineup, AnOperatorIsAskedOnceInAllQueuesTogether) {
  Lineup lineup;
  lineup.add({of_operator("a.test", "A"), of_operator("a2.test", "A"), of_operator("b.test", "B")}, 2);
  lineup.add({of_operator("a3.test", "A"), of_operator("c.test", "C")}, 1);
  EXPECT_EQ(next_host(lineup, 0), "a.test");
  EXPECT_EQ(next_host(lineup, 1), "c.test");
  EXPECT_EQ(next_host(lineup, 0), "b.test");
}

TEST(Lineup, ReplacementsEndWithTheBudget) {
  Lineup lineup;
  lineup.add({spec("a.test"), spec("b.test"), spec("c.test")}, 1);
  EXPECT_FALSE(lineup.next_after(0, true)) << "no budget unless one is set";
  lineup.set_failure_budget(1);
  EXPECT_FALSE(lineup.next_after(0, false)) << "none is needed";
  EXPECT_TRUE(lineup.next_after(0, true));
  EXPECT_FALSE(lineup.next_after(0, true));
  EXPECT_EQ(next_host(lineup, 0), "b.test") << "what was not given out is still there";
}

TEST(Lineup, AnEmptyQueueCostsNoBudget) {
  Lineup lineup;
  lineup.add({}, 1);
  lineup.add({spec("a.test")}, 1);
  lineup.set_failure_budget(1);
  EXPECT_FALSE(lineup.next_after(0, true));
  EXPECT_TRUE(lineup.next_after(1, true));
}

TEST(Lineup, EveryoneIsAskedWhoeverFailsAndWhoeverRunsIt) {
  Lineup lineup = lineup_of({of_operator("a.test", "A"), of_operator("a2.test", "A"), of_operator("b.test", "B")}, 1);
  EXPECT_EQ(lineup.at_once(0), 1U);
  EXPECT_EQ(next_host(lineup, 0), "a.test");
  EXPECT_EQ(lineup.next_after(0, false)->url.host, "a2.test");
  EXPECT_EQ(lineup.next_after(0, true)->url.host, "b.test");
  EXPECT_FALSE(lineup.next_after(0, true));
}

config::Config two_pools() {
  config::Config config;
  for (const char* pool : {"x", "y"}) {
    config.pools.push_back({pool, {}});
    for (int i = 0; i < 5; ++i) {
      const std::string host = std::string{pool} + std::to_string(i) + ".test";
      config::Source source{*wire::parse_url("https://" + host + "/"), {}, host};
      source.mirrors.push_back(*wire::parse_url("https://mirror-" + host + "/"));
      config.pools.back().sources.push_back(source);
    }
  }
  return config;
}

TEST(Draw, EverySourceIsACandidateOfItsPoolOnce) {
  const config::Config config = two_pools();
  Lineup lineup = draw(config);
  ASSERT_EQ(lineup.queues(), 2U);
  for (std::size_t queue = 0; queue < 2; ++queue) {
    EXPECT_EQ(lineup.at_once(queue), 2U);
    std::set<std::string> operators;
    while (const auto next = lineup.next(queue)) {
      EXPECT_EQ(next->pool, config.pools[queue].name);
      EXPECT_TRUE(next->url.host == next->operator_name || next->url.host == "mirror-" + *next->operator_name);
      operators.insert(*next->operator_name);
    }
    EXPECT_EQ(operators.size(), 5U);
  }
}

TEST(Draw, OrderAndMirrorsAreRandom) {
  const config::Config config = two_pools();
  std::set<std::string> first;
  for (int i = 0; i < 300; ++i) {
    Lineup lineup = draw(config);
    first.insert(next_host(lineup, 0));
  }
  EXPECT_EQ(first.size(), 10U) << "five sources, each by two addresses; to miss one has a chance of 1 in 10^13";
}

// --- rounds
// -----------------------------------------------------------------------------------------------------------

TEST(Round, FailuresAreReplacedWithinTheBudget) {
  const std::vector<std::string> hosts{"a.honest.test", "b.exits.test", "c.exits.test", "d.exits.test",
                                       "e.honest.test"};
  Lineup lineup;
  lineup.add({spec(hosts[0])}, 1);
  lineup.add({spec(hosts[1]), spec(hosts[2]), spec(hosts[3]), spec(hosts[4])}, 1);
  lineup.set_failure_budget(2);
  const RoundReport round = support::round_with(lineup, options_for(hosts), kQuorum);
  auto in_order = asked(round);
  std::ranges::sort(in_order);
  EXPECT_EQ(in_order, (std::vector<std::string>{hosts[0], hosts[1], hosts[2], hosts[3]}));
  EXPECT_EQ(round.count(Outcome::failed), 3U);
  EXPECT_EQ(round.agreement.verdict, Verdict::too_few_operators);
}

TEST(Round, AReplacementThatAnswersEndsTheReplacing) {
  const std::vector<std::string> hosts{"a.exits.test", "b.honest.test", "c.honest.test"};
  Lineup lineup;
  lineup.add({spec(hosts[0]), spec(hosts[1]), spec(hosts[2])}, 1);
  lineup.set_failure_budget(9);
  EXPECT_EQ(asked(support::round_with(lineup, options_for(hosts), kQuorum)), (std::vector{hosts[0], hosts[1]}));
}

TEST(Round, ASourceThatFailsChangesNoOthersBounds) {
  const std::vector<std::string> hosts{"a.honest.test",        "b.exits.test",  "c.honest.test",
                                       "d.garbage-bytes.test", "e.honest.test", "f.late.test"};
  const MeasureOptions options = options_for(hosts);
  const RoundReport round = round_of(hosts, options);
  for (const SourceReport& source : round.sources) {
    if (source.reading.error) continue;
    // What this source's own exchanges say, and nothing else.
    const auto alone = timecore::claim(source.reading.exchanges, options.transfer, round.at.raw);
    ASSERT_TRUE(alone && source.claim);
    EXPECT_EQ(source.claim->narrow, alone->narrow);
    EXPECT_EQ(source.claim->certain, alone->certain);
  }
  std::vector<timecore::Vote> without_failures;
  for (const SourceReport& source : round.sources) {
    if (!source.claim) continue;
    without_failures.push_back({source.claim->narrow, source.claim->certain, source.estimate.offset,
                                source.claim->sharp, source.spec.voter(), "pool"});
  }
  EXPECT_EQ(round.agreement.bounds, timecore::agree(without_failures, kQuorum).bounds);
}

TEST(Round, AFalsetickerIsToldFromAFailure) {
  const std::vector<std::string> hosts{"a.honest.test", "b.honest.test", "c.honest.test", "d.late.test",
                                       "e.exits.test"};
  const RoundReport round = round_of(hosts, options_for(hosts));
  EXPECT_TRUE(round.agreement.agreed());
  EXPECT_EQ(round.sources[3].outcome, Outcome::falseticker);
  EXPECT_EQ(round.count(Outcome::truechimer), 3U);
  EXPECT_EQ(round.count(Outcome::falseticker), 1U);
  EXPECT_EQ(round.count(Outcome::failed), 1U);
}

TEST(Round, ProgressCountsUpToTheEnd) {
  const std::vector<std::string> hosts{"a.honest.test", "b.exits.test"};
  Progress last;
  bool never_back = true;
  Lineup lineup;
  for (const std::string& host : hosts) lineup.add({spec(host)}, 1);
  support::round_with(lineup, options_for(hosts), kQuorum, [&](const Progress& progress) {
    never_back = never_back && progress.at >= last.at && progress.sources.size() >= last.sources.size();
    for (std::size_t i = 0; i < last.sources.size(); ++i) {
      never_back = never_back && progress.sources[i].exchanges >= last.sources[i].exchanges &&
                   progress.sources[i].ended >= last.sources[i].ended;
    }
    last = progress;
  });
  EXPECT_TRUE(never_back);
  ASSERT_EQ(last.sources.size(), 2U);
  EXPECT_TRUE(last.sources[0].ended && last.sources[1].ended);
  EXPECT_EQ(last.sources[0].failed, last.sources[0].url != "https://a.honest.test/");
  EXPECT_NE(last.sources[0].failed, last.sources[1].failed);
  EXPECT_TRUE(last.sources[0].bounds || last.sources[1].bounds);
  EXPECT_EQ(last.sources[0].exchanges + last.sources[1].exchanges, 3U);
}

TEST(Round, WithNobodyToAskItEndsAtOnce) {
  const RoundReport round = support::round_with(Lineup{}, options_for({}), kQuorum);
  EXPECT_TRUE(round.sources.empty());
  EXPECT_EQ(round.agreement.verdict, Verdict::nobody_answered);
}

TEST(Round, UrlsWithoutOperatorsVoteByServer) {
  const auto one = *wire::parse_url("https://a.test/");
  const auto same = *wire::parse_url("https://a.test/other");
  const auto other = *wire::parse_url("https://a.test:8443/");
  EXPECT_EQ((SourceSpec{one, {}, {}}.voter()), (SourceSpec{same, {}, {}}.voter()));
  EXPECT_NE((SourceSpec{one, {}, {}}.voter()), (SourceSpec{other, {}, {}}.voter()));
}

}  // namespace
}  // namespace sdwdate::service
