#include "service/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "service/round.h"
#include "support/rounds.h"

namespace sdwdate::service {
namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using support::options_for;
using support::round_of;
using testing::HasSubstr;

/// What a probe does, and words of the message that it must lead to.
struct Misdeed {
  std::string host;
  std::string words;
};

const std::vector<Misdeed> kMisdeeds{
    {"dies.test", "killed by signal 6"},
    {"segfaults.test", "killed by signal 11"},
    {"exits.test", "exit status 3"},
    {"ends.test", "ended without a result"},
    {"hangs.test", "did not end in time"},
    {"stubborn.test", "did not end in time"},
    {"stops.test", "did not end in time"},
    {"closes.test", ""},
    {"garbage-size.test", "wrong size"},
    {"garbage-long.test", "wrong size"},
    {"garbage-empty.test", ""},
    {"prints.test", "wrong size"},
    {"garbage-bytes.test", "makes no sense"},
    {"floods.test", "makes no sense"},
    {"half-done.test", "killed by signal 6"},
    {"future.test", "makes no sense"},
    {"past.test", "makes no sense"},
    {"backwards.test", "makes no sense"},
    {"end-of-time.test", "makes no sense"},
    {"overlaps.test", "makes no sense"},
    {"centuries.test", "makes no sense"},
    {"overflows.test", "makes no sense"},
    {"underflows.test", "makes no sense"},
};

/// All of them, each waited for to its end; those that answer decide.
RoundReport survey_of(const std::vector<std::string>& hosts, const MeasureOptions& options) {
  std::vector<SourceSpec> specs;
  for (const std::string& host : hosts) specs.push_back(support::spec(host));
  return support::round_with(lineup_of(specs, specs.size()), options, {3, 1, 2s});
}

TEST(Measure, ABadProbeCostsItsOwnSourceOnly) {
  std::vector<std::string> hosts{"a.honest.test", "b.honest.test", "c.honest.test", "d.descriptors.test"};
  const std::size_t honest = hosts.size();
  for (const Misdeed& misdeed : kMisdeeds) hosts.push_back(misdeed.host);
  const auto descriptors = support::open_descriptors();

  const RoundReport round = survey_of(hosts, options_for(hosts));

  EXPECT_LT(round.duration, 1s + 2s + 5s) << "the timeout, the grace, and a busy machine";
  EXPECT_TRUE(support::no_child_left());
  EXPECT_EQ(support::open_descriptors(), descriptors);
  ASSERT_EQ(round.sources.size(), hosts.size());
  for (std::size_t i = 0; i < honest; ++i) {
    const SourceReport& source = round.sources[i];
    SCOPED_TRACE(source.spec.url.host);
    EXPECT_EQ(source.outcome, Outcome::truechimer) << (source.reading.error ? source.reading.error->message : "");
    EXPECT_EQ(source.reading.exchanges.size(), 3U);
    EXPECT_EQ(source.reading.traffic, (ipc::Traffic{100, 200}));
  }
  for (std::size_t i = honest; i < hosts.size(); ++i) {
    const SourceReport& source = round.sources[i];
    SCOPED_TRACE(source.spec.url.host);
    EXPECT_EQ(source.outcome, Outcome::failed);
    EXPECT_FALSE(source.claim);
    ASSERT_TRUE(source.reading.error);
    EXPECT_EQ(name(source.reading.error->code), name(ErrorCode::probe_crashed));
    EXPECT_THAT(source.reading.error->message, HasSubstr("our own helper process failed"));
    EXPECT_THAT(source.reading.error->message, HasSubstr(kMisdeeds[i - honest].words));
  }
  EXPECT_TRUE(round.agreement.agreed());
  ASSERT_TRUE(round.agreement.bounds);
  const timecore::RawOffset truth{round.at.real.time_since_epoch() - round.at.raw.time_since_epoch()};
  EXPECT_TRUE(round.agreement.bounds->widened(round.at.uncertainty).contains(truth));
}

TEST(Measure, WhatAProbeSaysAfterItsEndIsNotHeard) {
  const std::vector<std::string> hosts{"a.after-end.test", "b.after-end.test", "c.honest.test"};
  const RoundReport round = round_of(hosts, options_for(hosts));
  EXPECT_TRUE(round.agreement.agreed());
  for (const SourceReport& source : round.sources) EXPECT_EQ(source.reading.exchanges.size(), 3U);
  EXPECT_TRUE(support::no_child_left());
}

TEST(Measure, TwentyProbesAtOnceAreTwentyVotes) {
  std::vector<std::string> hosts;
  for (int i = 0; i < 20; ++i) hosts.push_back("n" + std::to_string(i) + ".honest.test");
  const RoundReport round = round_of(hosts, options_for(hosts));
  EXPECT_EQ(round.agreement.operators_agreeing, hosts.size());
  EXPECT_TRUE(support::no_child_left());
}

TEST(Measure, AProbesMessageIsPrintable) {
  const RoundReport round = round_of({"message.test"}, options_for({"message.test"}));
  ASSERT_TRUE(round.sources[0].reading.error);
  EXPECT_EQ(*round.sources[0].reading.error, (base::SourceError{ErrorCode::connect, "a?[31m?"}));
}

TEST(Measure, AMissingProbeIsOneErrorForEachSource) {
  MeasureOptions options = options_for({"a.test", "b.test"});
  options.launcher = std::make_shared<ipc::ParentLauncher>(ipc::Helpers{"/nonexistent/sdwdate-probe", {}, {}, {}});
  const RoundReport round = round_of({"a.test", "b.test"}, options);
  for (const SourceReport& source : round.sources) {
    ASSERT_TRUE(source.reading.error);
    EXPECT_EQ(source.reading.error->code, ErrorCode::probe_crashed);
    EXPECT_THAT(source.reading.error->message, HasSubstr("/nonexistent/sdwdate-probe"));
  }
  EXPECT_EQ(round.agreement.verdict, timecore::Verdict::nobody_answered);
}

TEST(Measure, AJobTooLongForItsRecordIsSaidSo) {
  MeasureOptions options = options_for({"a.honest.test"});
  options.ca_file = std::string(5000, 'x');
  const RoundReport round = round_of({"a.honest.test"}, options);
  ASSERT_TRUE(round.sources[0].reading.error);
  EXPECT_THAT(round.sources[0].reading.error->message, HasSubstr("too long"));
  EXPECT_TRUE(support::no_child_left());
}

/// The bad probe, and no resolver.
std::shared_ptr<ipc::Launcher> without_resolver() {
  return std::make_shared<ipc::ParentLauncher>(
      ipc::Helpers{support::bad_probe(), "/nonexistent/sdwdate-resolve", {}, {}});
}

// --- the resolver
// -----------------------------------------------------------------------------------------------------

struct ResolverMisdeed {
  std::string host;
  ErrorCode code;
  std::string words;
};

const std::vector<ResolverMisdeed> kResolverMisdeeds{
    {"dies.test", ErrorCode::probe_crashed, "killed by signal 6"},
    {"exits.test", ErrorCode::probe_crashed, "exit status 3"},
    {"ends.test", ErrorCode::probe_crashed, "ended without a result"},
    {"hangs.test", ErrorCode::dns, "hangs.test was not resolved within 1 s"},
    {"stubborn.test", ErrorCode::dns, "not resolved within 1 s"},
    {"stops.test", ErrorCode::dns, "not resolved within 1 s"},
    {"garbage-size.test", ErrorCode::probe_crashed, "wrong size"},
    {"garbage-bytes.test", ErrorCode::probe_crashed, "makes no sense"},
    {"prints.test", ErrorCode::probe_crashed, "wrong size"},
    {"floods.test", ErrorCode::probe_crashed, "makes no sense"},
    {"unknown.test", ErrorCode::dns, "Name or service not known"},
};

TEST(Measure, ABadResolverCostsItsOwnSourceOnly) {
  std::vector<std::string> hosts{"a.honest.test", "b.honest.test", "c.after-end.test"};
  const std::size_t honest = hosts.size();
  for (const ResolverMisdeed& misdeed : kResolverMisdeeds) hosts.push_back(misdeed.host);

  const RoundReport round = survey_of(hosts, options_for({}));

  EXPECT_LT(round.duration, 8s);
  EXPECT_TRUE(support::no_child_left());
  for (std::size_t i = 0; i < honest; ++i) {
    SCOPED_TRACE(hosts[i]);
    EXPECT_EQ(round.sources[i].outcome, Outcome::truechimer);
  }
  for (std::size_t i = honest; i < hosts.size(); ++i) {
    SCOPED_TRACE(hosts[i]);
    const ResolverMisdeed& misdeed = kResolverMisdeeds[i - honest];
    ASSERT_TRUE(round.sources[i].reading.error);
    EXPECT_EQ(name(round.sources[i].reading.error->code), name(misdeed.code));
    EXPECT_THAT(round.sources[i].reading.error->message, HasSubstr(misdeed.words));
  }
}

TEST(Measure, AddressesAndProxiedNamesNeedNoResolver) {
  MeasureOptions options = options_for({});
  options.launcher = without_resolver();
  const auto message_for = [&](const std::string& host) {
    const RoundReport round = round_of({host}, options);
    return round.sources[0].reading.error ? round.sources[0].reading.error->message : "";
  };
  EXPECT_THAT(message_for("192.0.2.1"), HasSubstr("exit status 98")) << "the bad probe knows no such misdeed";
  EXPECT_THAT(message_for("a.honest.test"), HasSubstr("/nonexistent/sdwdate-resolve"));
  options.proxies = {{{{}, {"127.0.0.1", 9050}}, "", ""}};
  EXPECT_EQ(message_for("a.honest.test"), "");
  options.proxies.front().server.tcp.host = "localhost";
  EXPECT_EQ(message_for("a.honest.test"), "");
  options.proxies.front().server.tcp.host = "proxy.example";
  EXPECT_THAT(message_for("a.honest.test"), HasSubstr("must be given by address"));
}

TEST(Measure, OnionServicesAreNeverResolved) {
  MeasureOptions options = options_for({});
  options.launcher = without_resolver();
  const RoundReport round = round_of({"x.onion"}, options);
  ASSERT_TRUE(round.sources[0].reading.error);
  EXPECT_EQ(round.sources[0].reading.error->code, ErrorCode::dns);
  EXPECT_THAT(round.sources[0].reading.error->message, HasSubstr("Tor"));
}

}  // namespace
}  // namespace sdwdate::service
