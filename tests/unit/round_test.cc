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

std::vector<std::string> first_asked(const Lineup& lineup) {
  timecore::Panel panel = lineup.panel();
  std::vector<std::string> hosts;
  for (const auto seat : panel.next({}, {}).ask) hosts.push_back(lineup.at(seat).url.host);
  return hosts;
}

// --- who is asked
// -----------------------------------------------------------------------------------------------------

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
  const Lineup lineup = draw(config);
  EXPECT_EQ(lineup.panel().operators(), 10U);
  EXPECT_EQ(first_asked(lineup).size(), 4U) << "two of each pool";
  for (std::size_t pool = 0; pool < 2; ++pool) {
    std::set<std::string> operators;
    for (std::size_t i = 0; i < 5; ++i) {
      const SourceSpec& next = lineup.at({pool, i});
      EXPECT_EQ(next.pool, config.pools[pool].name);
      EXPECT_TRUE(next.url.host == next.operator_name || next.url.host == "mirror-" + *next.operator_name);
      operators.insert(*next.operator_name);
    }
    EXPECT_EQ(operators.size(), 5U);
  }
}

TEST(Draw, OrderAndMirrorsAreRandom) {
  const config::Config config = two_pools();
  std::set<std::string> first;
  for (int i = 0; i < 300; ++i) first.insert(first_asked(draw(config)).front());
  EXPECT_EQ(first.size(), 10U) << "five sources, each by two addresses; to miss one has a chance of 1 in 10^13";
}

// --- rounds
// -----------------------------------------------------------------------------------------------------------

TEST(Round, FailuresAreReplacedAndCountAsAsked) {
  const std::vector<std::string> hosts{"a.honest.test", "b.exits.test", "c.exits.test", "d.honest.test",
                                       "e.honest.test"};
  Lineup lineup;
  lineup.add({spec(hosts[0])}, 1);
  lineup.add({spec(hosts[1]), spec(hosts[2]), spec(hosts[3]), spec(hosts[4])}, 1);
  lineup.set_failure_budget(2);
  const RoundReport round = support::round_with(lineup, options_for(hosts), kQuorum);
  auto in_order = asked(round);
  std::ranges::sort(in_order);
  EXPECT_EQ(in_order, hosts) << "with two failures, three of five are a majority, and less is none";
  EXPECT_EQ(round.agreement.operators_asked, 5U);
  EXPECT_EQ(round.agreement.verdict, Verdict::agreed);
}

TEST(Round, ThoseWhoAnswerAreNoMajorityOfThoseAsked) {
  const std::vector<std::string> hosts{"a.honest.test", "b.honest.test", "c.honest.test",
                                       "d.exits.test",  "e.exits.test",  "f.exits.test"};
  const RoundReport round = round_of(hosts, options_for(hosts));
  EXPECT_EQ(round.agreement.verdict, Verdict::no_majority);
}

TEST(Round, AReplacementThatAnswersEndsTheReplacing) {
  const std::vector<std::string> hosts{"a.honest.test", "b.exits.test", "c.honest.test", "d.honest.test"};
  Lineup lineup;
  lineup.add({spec(hosts[0]), spec(hosts[1]), spec(hosts[2]), spec(hosts[3])}, 2);
  const Quorum two{.operators = 2};
  EXPECT_EQ(asked(support::round_with(lineup, options_for(hosts), two)), (std::vector{hosts[0], hosts[1], hosts[2]}));
}

TEST(Round, WhoHangsIsNotWaitedForOnceTheOthersHaveAgreed) {
  const std::vector<std::string> hosts{"a.honest.test", "b.honest.test", "c.honest.test", "d.honest.test",
                                       "e.hangs.test"};
  MeasureOptions options = options_for(hosts);
  options.timeout = std::chrono::seconds{30};
  const RoundReport round = round_of(hosts, options);
  EXPECT_EQ(round.agreement.verdict, Verdict::agreed);
  EXPECT_LT(round.duration, std::chrono::seconds{5});
  ASSERT_TRUE(round.sources[4].reading.error);
  EXPECT_EQ(round.sources[4].reading.error->code, base::ErrorCode::timeout);
  EXPECT_THAT(round.sources[4].reading.error->message, testing::HasSubstr("the others had agreed"));
  EXPECT_TRUE(support::no_child_left());
}

TEST(Round, ASurpriseIsNotBelievedOfAFew) {
  std::vector<std::string> hosts;
  for (int i = 0; i < 12; ++i) hosts.push_back(std::string{static_cast<char>('a' + i)} + ".honest.test");
  const MeasureOptions options = options_for(hosts);
  for (const bool surprising : {false, true}) {
    Lineup lineup;
    std::vector<SourceSpec> specs;
    for (const std::string& host : hosts) specs.push_back(spec(host));
    lineup.add(specs, 4);
    const RoundReport round = service::run_to_end(
        run_round(lineup, options, kQuorum, {}, {false, [&](timecore::RawOffset) { return surprising; }}));
    EXPECT_TRUE(round.agreed());
    EXPECT_EQ(round.sources.size(), surprising ? 8U : 4U) << "a third of twelve is no majority of eight";
    EXPECT_EQ(round.proven, surprising);
  }
}

TEST(Round, ASurpriseThatCannotBeProvenIsNoAgreement) {
  std::vector<std::string> hosts;
  for (int i = 0; i < 12; ++i) {
    hosts.push_back(std::string{static_cast<char>('a' + i)} + (i < 5 ? ".honest.test" : ".exits.test"));
  }
  Lineup lineup;
  std::vector<SourceSpec> specs;
  for (const std::string& host : hosts) specs.push_back(spec(host));
  lineup.add(specs, 5);
  const RoundReport round = service::run_to_end(
      run_round(lineup, options_for(hosts), kQuorum, {}, {false, [](timecore::RawOffset) { return true; }}));
  EXPECT_FALSE(round.agreed());
}

TEST(Round, ASourceThatFailsChangesNoOthersBounds) {
  const std::vector<std::string> hosts{"a.honest.test", "b.exits.test", "c.honest.test", "d.garbage-bytes.test",
                                       "e.honest.test", "f.late.test",  "g.honest.test", "h.honest.test"};
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
  EXPECT_EQ(round.agreement.bounds, timecore::agree(without_failures, {3, 1, std::chrono::seconds{2}, 8}).bounds);
  EXPECT_TRUE(round.agreement.agreed());
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
