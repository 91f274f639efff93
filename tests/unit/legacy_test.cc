#include "config/legacy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "support/generators.h"

namespace sdwdate::config {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

/// What became of an old configuration, read again by our own parser.
struct Outcome {
  Config config;
  std::vector<std::string> notes;
  std::string toml;
};

Outcome imported(const std::vector<LegacyFile>& files, const LegacyProxy& otherwise = kUsualLegacyProxy) {
  const auto legacy = read_legacy(files, otherwise);
  EXPECT_TRUE(legacy) << legacy.error().message;
  if (!legacy) return {};
  const std::string toml = to_toml(*legacy);
  const auto config = parse(toml, "imported.toml");
  EXPECT_TRUE(config) << config.error().message << '\n' << toml;
  return {config.value_or(Config{}), legacy->notes, toml};
}

Outcome imported(const std::string& text) { return imported({{"old.conf", text}}); }

std::string refusal(const std::string& text) {
  const auto legacy = read_legacy(std::vector<LegacyFile>{{"old.conf", text}});
  EXPECT_FALSE(legacy);
  return legacy ? "" : legacy.error().message;
}

/// Three pools, so that no note is about a missing one; `first` goes into the first of them.
std::string with_pools(const std::string& first) {
  return fmt::format(
      "SDWDATE_POOL_ZERO=(\n{}\n)\nSDWDATE_POOL_ONE=(\n\"https://one.example # c\"\n)\n"
      "SDWDATE_POOL_TWO=(\n\"https://two.example # c\"\n)\n",
      first);
}

/// The hosts of a pool's sources, mirrors joined by '+'.
std::vector<std::string> hosts(const Pool& pool) {
  std::vector<std::string> result;
  for (const Source& source : pool.sources) {
    std::string text = source.url.host;
    for (const wire::Url& mirror : source.mirrors) text += '+' + mirror.host;
    result.push_back(text);
  }
  return result;
}

std::vector<std::string> first_pool(const Outcome& outcome) {
  return outcome.config.pools.empty() ? std::vector<std::string>{} : hosts(outcome.config.pools.front());
}

// --- pools ---------------------------------------------------------------------------------------------------------

TEST(Legacy, PoolsSourcesAndGroups) {
  const Outcome outcome = imported(R"(
## a comment
#PROXY_IP=10.0.0.1
MAX_FAILURE_RATIO=0.34

SDWDATE_POOL_ZERO=(
    "https://a.onion # https://web.archive.org/a"
    ## "http://never.onion # x"
    #"http://nor.onion # x"
    [
        "http://b1.onion # https://web.archive.org/b"
        "http://b2.onion:8080/x # https://web.archive.org/b"
    ]
)
SDWDATE_POOL_ONE=(
    "https://one.example # https://web.archive.org/one"
)
SDWDATE_POOL_TWO=(
    "https://two.example # https://web.archive.org/two https://two.example The Second"
)
)");
  EXPECT_THAT(outcome.notes, IsEmpty());
  ASSERT_THAT(outcome.config.pools, SizeIs(3));
  EXPECT_EQ(outcome.config.pools[0].name, "zero");
  EXPECT_THAT(hosts(outcome.config.pools[0]), ElementsAre("a.onion", "b1.onion+b2.onion"));
  EXPECT_EQ(outcome.config.pools[0].sources[0].operator_name, "a.onion");
  EXPECT_EQ(outcome.config.pools[0].sources[1].mirrors[0].port, 8080);
  EXPECT_EQ(outcome.config.pools[1].name, "one");
  EXPECT_EQ(outcome.config.pools[2].name, "two");
  EXPECT_EQ(outcome.config.pools[2].sources[0].operator_name, "The Second");
  EXPECT_THAT(outcome.toml, HasSubstr("evidence = \"https://web.archive.org/two\""));
  EXPECT_THAT(outcome.toml, HasSubstr("# https://web.archive.org/two https://two.example The Second\n"));
  EXPECT_EQ(outcome.config.proxies, Config{}.proxies);
}

TEST(Legacy, PoolsOfSeveralFilesAreAppended) {
  const Outcome outcome = imported({{"30.conf", with_pools("\"https://a.example # c\"")},
                                    {"50.conf", "SDWDATE_POOL_ZERO=(\n\"https://b.example # c\"\n)\n"}});
  EXPECT_THAT(first_pool(outcome), ElementsAre("a.example", "b.example"));
  EXPECT_THAT(outcome.notes, IsEmpty());
  EXPECT_THAT(outcome.toml, AllOf(HasSubstr("#   30.conf\n"), HasSubstr("#   50.conf\n")));
}

TEST(Legacy, APoolGoesOnIntoTheNextFile) {
  const Outcome outcome =
      imported({{"30.conf", with_pools("\"https://a.example # c\"")}, {"50.conf", "\"https://b.example # c\"\n"}});
  EXPECT_THAT(hosts(outcome.config.pools[2]), ElementsAre("two.example", "b.example"));
}

TEST(Legacy, ASourceWithoutACommentIsDroppedAndSaidSo) {
  const Outcome outcome = imported(with_pools("\"https://a.example # c\"\n\"https://b.example\""));
  EXPECT_THAT(first_pool(outcome), ElementsAre("a.example"));
  EXPECT_THAT(outcome.notes, ElementsAre(AllOf(StartsWith("old.conf:3: "), HasSubstr("without a '#'"))));
}

TEST(Legacy, TheFirstWordIsTheUrlHoweverManyHashes) {
  const Outcome outcome = imported(with_pools("\"https://a.example/x # one #two\"\n\"https://b.example#c\"\n"));
  EXPECT_THAT(first_pool(outcome), ElementsAre("a.example", "b.example"));
  EXPECT_EQ(outcome.config.pools[0].sources[0].url.target, "/x");
  EXPECT_THAT(outcome.notes, ElementsAre(AllOf(StartsWith("old.conf:2: "), HasSubstr("two '#'"))));
}

TEST(Legacy, ASourceOutsideOfPoolsIsDroppedAndSaidSo) {
  const Outcome outcome = imported("\"https://a.example # c\"\n" + with_pools("\"https://b.example # c\""));
  EXPECT_THAT(first_pool(outcome), ElementsAre("b.example"));
  EXPECT_THAT(outcome.notes, ElementsAre(AllOf(StartsWith("old.conf:1: "), HasSubstr("outside of any pool"))));
}

TEST(Legacy, WhatCannotBeAskedIsLeftOutAndSaidSo) {
  const Outcome outcome = imported(
      with_pools("\"http://clear.example # c\"\n\"name.onion:80 # c\"\n\"ftp://a.example # c\"\n\"# c\"\n"
                 "[\n\"http://clear.example # c\"\n\"https://b.example # c\"\n]\n[\n\"http://c.example # c\"\n]"));
  EXPECT_THAT(first_pool(outcome), ElementsAre("b.example"));
  EXPECT_THAT(outcome.notes,
              ElementsAre(AllOf(StartsWith("old.conf:2: "), HasSubstr("https")), StartsWith("old.conf:3: "),
                          AllOf(StartsWith("old.conf:4: "), HasSubstr("ftp")), StartsWith("old.conf:5: "),
                          StartsWith("old.conf:7: "), StartsWith("old.conf:11: "),
                          AllOf(StartsWith("old.conf:10: "), HasSubstr("group"))));
}

TEST(Legacy, OddGroups) {
  const Outcome outcome =
      imported(with_pools("[\n[\n\"https://a.example # c\"\n]\n]\n[ # Riseup\n\"https://b.example # c\"\n]\n[\n"
                          "\"https://c.example # c\"\n)") +
               "SDWDATE_POOL_ZERO=(\n\"https://d.example # c\"\n)\n");
  EXPECT_THAT(first_pool(outcome), ElementsAre("a.example", "b.example", "c.example+d.example"));
  EXPECT_THAT(outcome.notes,
              ElementsAre(AllOf(StartsWith("old.conf:3: "), HasSubstr("within a group")),
                          AllOf(StartsWith("old.conf:6: "), HasSubstr("']'")),
                          AllOf(StartsWith("old.conf:7: "), HasSubstr("Riseup")), StartsWith("old.conf:9: "),
                          AllOf(StartsWith("old.conf:10: "), HasSubstr("never closed"))));
}

TEST(Legacy, ASourceInTheLineOfItsPoolsHeadIsPassedOver) {
  const Outcome outcome = imported("SDWDATE_POOL_ZERO=( \"https://a.example # c\" )\n\"https://b.example # c\"\n");
  EXPECT_THAT(first_pool(outcome), ElementsAre("b.example"));
  EXPECT_THAT(outcome.notes.front(), AllOf(StartsWith("old.conf:1: "), HasSubstr("SDWDATE_POOL_ZERO")));
}

TEST(Legacy, EveryLineEndIsOne) {
  const Outcome outcome = imported(
      "SDWDATE_POOL_ZERO=(\r\n\"https://a.example # c\"\r\"https://b.example # c\"\n\"https://c.example # c\"");
  EXPECT_THAT(first_pool(outcome), ElementsAre("a.example", "b.example", "c.example"));
}

TEST(Legacy, WhatNobodyUnderstandsIsSaid) {
  const Outcome outcome = imported(with_pools("https://a.example # c") + "PORXY_IP=1\n  PROXY_IP=10.0.0.1\n");
  EXPECT_THAT(outcome.notes, ElementsAre(StartsWith("old.conf:2: 'https://a.example # c' is no"),
                                         StartsWith("old.conf:10: 'PORXY_IP=1' is no"),
                                         StartsWith("old.conf:11: 'PROXY_IP=10.0.0.1' is no"),
                                         HasSubstr("pool 'zero' has no source")));
}

TEST(Legacy, WithoutSourcesOtherFilesPoolsStayInForce) {
  const Outcome outcome = imported("RANDOMIZE_TIME=true\n");
  EXPECT_THAT(outcome.config.pools, IsEmpty());
  EXPECT_THAT(outcome.notes, ElementsAre(HasSubstr("no source")));
}

// --- operators -----------------------------------------------------------------------------------------------------

TEST(Legacy, ANameThatTwoSourcesHaveIsNoName) {
  const Outcome outcome = imported(
      with_pools("\"https://a.example # https://x.example Example\"\n\"https://b.example # Example\"\n"
                 "\"https://c.example # a.example\"\n\"https://d.example # a story that is longer than any name of "
                 "an operator can be\"\n\"https://e.example # \""));
  std::vector<std::string> operators;
  for (const Source& source : outcome.config.pools[0].sources) operators.push_back(source.operator_name);
  EXPECT_THAT(operators, ElementsAre("a.example", "b.example", "c.example", "d.example", "e.example"));
}

TEST(Legacy, OneServerIsOneOperator) {
  const Outcome outcome = imported(
      with_pools("\"https://a.example # c\"\n\"https://a.example:8443/x # Another\"\n[\n\"https://b.example # c\"\n"
                 "\"https://two.example # c\"\n]"));
  const auto& pools = outcome.config.pools;
  EXPECT_EQ(pools[0].sources[0].operator_name, pools[0].sources[1].operator_name);
  EXPECT_EQ(pools[0].sources[2].operator_name, pools[2].sources[0].operator_name);
  EXPECT_THAT(outcome.notes, ElementsAre(AllOf(StartsWith("old.conf:3: a.example"), HasSubstr("one operator")),
                                         StartsWith("old.conf:13: two.example")));
}

// --- settings ------------------------------------------------------------------------------------------------------

TEST(Legacy, TheProxyOfTheLastFileWins) {
  const Outcome outcome = imported({{"30.conf", with_pools("\"https://a.example # c\"") + "PROXY_IP=10.0.0.1\n"},
                                    {"50.conf", "PROXY_IP=10.0.0.2\nPROXY_PORT=9108\n"}});
  EXPECT_EQ(outcome.config.proxies, (std::vector{wire::ProxyUrl{{{}, {"10.0.0.2", 9108}}, "", ""}}));
  EXPECT_THAT(outcome.notes, IsEmpty());
}

TEST(Legacy, HalfAProxyIsCompletedByTheDefault) {
  EXPECT_EQ(imported("PROXY_IP=10.0.0.1\n").config.proxies.front().server.tcp, (wire::HostPort{"10.0.0.1", 9050}));
  EXPECT_EQ(imported("PROXY_PORT=9150\n").config.proxies.front().server.tcp, (wire::HostPort{"127.0.0.1", 9150}));
  EXPECT_EQ(imported("PROXY_IP=::1\n").config.proxies.front().server.tcp, (wire::HostPort{"::1", 9050}));
  EXPECT_EQ(imported("PROXY_IP=[::1]\n").config.proxies.front().server.tcp, (wire::HostPort{"::1", 9050}));
  EXPECT_EQ(imported("PROXY_IP= \"10.0.0.1\" \nPROXY_PORT='9100'\n").config.proxies.front().server.tcp,
            (wire::HostPort{"10.0.0.1", 9100}));
}

TEST(Legacy, WhonixHasADefaultOfItsOwn) {
  const LegacyProxy gateway{"10.152.152.10", std::string{kWhonixLegacyPort}};
  const std::vector<LegacyFile> files{{"old.conf", with_pools("\"https://a.example # c\"")}};
  EXPECT_EQ(imported(files, gateway).config.proxies.front().server.tcp, (wire::HostPort{"10.152.152.10", 9108}));
  EXPECT_THAT(imported(files).toml, testing::Not(HasSubstr("[tor]")));
  const auto broken = read_legacy(files, LegacyProxy{"", "9108"});
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, StartsWith("PROXY_IP and PROXY_PORT"));
}

TEST(Legacy, AProxyByNameIsDoubtful) {
  const Outcome outcome = imported("PROXY_IP=gateway.example\n");
  EXPECT_THAT(outcome.notes.front(), AllOf(StartsWith("old.conf:1: "), HasSubstr("address")));
  EXPECT_THAT(imported("PROXY_IP=localhost\n").notes, ElementsAre(HasSubstr("no source")));
}

TEST(Legacy, AKeyThatBeginsLikeOneIsTakenForIt) {
  const Outcome outcome = imported("PROXY_IP_OLD=10.0.0.1\n");
  EXPECT_EQ(outcome.config.proxies.front().server.tcp.host, "10.0.0.1");
  EXPECT_THAT(outcome.notes.front(), HasSubstr("'PROXY_IP_OLD' was taken for PROXY_IP"));
}

TEST(Legacy, AProxyThatIsNoneIsRefused) {
  EXPECT_THAT(refusal("\nPROXY_IP=10.0.0.1 # the gateway\n"),
              AllOf(StartsWith("old.conf:2: "), HasSubstr("HOST:PORT")));
  EXPECT_THAT(refusal("PROXY_PORT=many\n"), AllOf(StartsWith("old.conf:1: "), HasSubstr("many")));
  EXPECT_THAT(refusal("PROXY_PORT\n"), StartsWith("old.conf:1: "));
}

TEST(Legacy, TheFailureBudgetIsWhatTheOldOneAllowed) {
  std::string sources;
  for (int i = 0; i < 20; ++i) sources += fmt::format("\"https://s{}.example # c\"\n", i);
  sources += "[\n\"https://g1.example # c\"\n\"https://g2.example # c\"\n]\n";
  const std::string pools = with_pools(sources);  // 23 members: a group counts once
  EXPECT_EQ(imported(pools + "MAX_FAILURE_RATIO=0.34\n").config.failure_budget, 2);
  EXPECT_EQ(imported(pools + "MAX_FAILURE_RATIO = 1\n").config.failure_budget, 7);
  EXPECT_EQ(imported(pools + "MAX_FAILURE_RATIO=0\n").config.failure_budget, 0);
  EXPECT_EQ(imported(pools + "MAX_FAILURE_RATIO=1e-1\n").config.failure_budget, 0);
  EXPECT_EQ(imported(pools).config.failure_budget, Config{}.failure_budget);
  const Outcome huge = imported(pools + "MAX_FAILURE_RATIO=1e300\n");
  EXPECT_EQ(huge.config.failure_budget, 1000);
  EXPECT_THAT(huge.notes, ElementsAre(HasSubstr("1000")));
}

TEST(Legacy, ARatioThatIsNoneIsRefused) {
  for (const std::string value : {"", "a third", "0.34 # c", "-0.1", "nan", "inf", "1e999"}) {
    EXPECT_THAT(refusal("MAX_FAILURE_RATIO=" + value), AllOf(StartsWith("old.conf:1: "), HasSubstr("0.34")));
  }
}

TEST(Legacy, RandomizeTime) {
  EXPECT_EQ(imported("RANDOMIZE_TIME=true\n").config.random_offset, 1s);
  EXPECT_EQ(imported("RANDOMIZE_TIME=true\nRANDOMIZE_TIME=false\n").config.random_offset, 0s);
  const Outcome odd = imported("RANDOMIZE_TIME=true\nRANDOMIZE_TIME=no\n");
  EXPECT_EQ(odd.config.random_offset, 1s);
  EXPECT_THAT(odd.notes.front(), StartsWith("old.conf:2: "));
}

// --- properties ----------------------------------------------------------------------------------------------------

/// Whatever is in the files, the result loads, or there is an error that names the place.
void expect_loads_or_is_refused(const std::string& text) {
  const auto legacy = read_legacy(std::vector<LegacyFile>{{"old.conf", text}});
  if (!legacy) {
    RC_ASSERT(legacy.error().message.starts_with("old.conf:"));
    return;
  }
  const auto config = parse(to_toml(*legacy), "imported.toml");
  if (!config) RC_FAIL(config.error().message + '\n' + to_toml(*legacy));
  for (std::size_t i = 0; i < 3; ++i) {
    const auto pool = std::ranges::find(config->pools, legacy->pools.at(i).name, &Pool::name);
    RC_ASSERT((pool != config->pools.end()) != legacy->pools.at(i).sources.empty());
    if (pool == config->pools.end()) continue;
    RC_ASSERT(pool->sources.size() == legacy->pools.at(i).sources.size());
    for (std::size_t k = 0; k < pool->sources.size(); ++k) {
      const LegacySource& old = legacy->pools.at(i).sources[k];
      RC_ASSERT(pool->sources[k].operator_name == old.operator_name);
      RC_ASSERT(pool->sources[k].url == old.members.front().url);
      RC_ASSERT(pool->sources[k].mirrors.size() == old.members.size() - 1);
    }
  }
}

RC_GTEST_PROP(Legacy, AnyBytesAreRefusedOrLoad, ()) { expect_loads_or_is_refused(*support::any_bytes()); }

/// Lines that mean something, whole and broken, in any order.
RC_GTEST_PROP(Legacy, AnyLinesAreRefusedOrLoad, ()) {
  const auto line = rc::gen::elementOf(std::vector<std::string>{"SDWDATE_POOL_ZERO=(",
                                                                "SDWDATE_POOL_ONE=(",
                                                                "SDWDATE_POOL_TWO=(",
                                                                ")",
                                                                "[",
                                                                "]",
                                                                "  [",
                                                                "# x",
                                                                "## x",
                                                                "\"https://a.example # c\"",
                                                                "  \"http://b.onion # https://x.example B\"",
                                                                "\"https://c.example # \\\"q\\\" #\"",
                                                                "\"https://a.example/y?z=\\u0041 # B\"",
                                                                "\"https://d.example # \x80\xff\x7f\"",
                                                                "\"no#\"",
                                                                "\"",
                                                                "PROXY_IP=::1",
                                                                "PROXY_PORT=1",
                                                                "MAX_FAILURE_RATIO=2.5",
                                                                "RANDOMIZE_TIME=true",
                                                                "\"https://[::1]:7/ # v6\"",
                                                                "\r\"\r"});
  std::string text;
  for (const std::string& each : *rc::gen::container<std::vector<std::string>>(line)) text += each + "\n";
  expect_loads_or_is_refused(text);
}

/// A configuration as people write it, and what must come of it.
struct Generated {
  std::array<std::vector<std::vector<std::string>>, 3> pools;  ///< hosts: an entry, or the members of a group
  std::vector<LegacyFile> files;
};

Generated generated() {
  Generated made;
  int next = 0;
  const int files = *support::uniform(1, 3);
  for (int f = 0; f < files; ++f) {
    std::string text = "## a file\n";
    for (std::size_t p = 0; p < 3; ++p) {
      if (f > 0 && *support::uniform(0, 1) == 0) continue;
      constexpr std::array<const char*, 3> kNames{"ZERO", "ONE", "TWO"};
      text += fmt::format("SDWDATE_POOL_{}=(\n", kNames.at(p));
      const int sources = *support::uniform(1, 5);
      for (int s = 0; s < sources; ++s) {
        const int members = *support::uniform(1, 4);
        std::vector<std::string> names;
        if (members > 1) text += "    [\n";
        for (int m = 0; m < members; ++m) {
          names.push_back(fmt::format("n{}.onion", next++));
          const std::string comment = *support::any_text_of("aA 0:/.%?=&\\\"'-\t");
          text += fmt::format("    \"http://{} # https://e.example/{} {}\"\n", names.back(), next, comment);
        }
        if (members > 1) text += "    ]\n";
        made.pools.at(p).push_back(names);
      }
      text += ")\n\n";
    }
    made.files.push_back({fmt::format("{}.conf", f), text});
  }
  return made;
}

RC_GTEST_PROP(Legacy, PoolsAndGroupsArePreservedAndOperatorsAreDistinct, ()) {
  const Generated made = generated();
  const auto legacy = read_legacy(made.files);
  RC_ASSERT(legacy.has_value());
  RC_ASSERT(legacy->notes.empty());
  const auto config = parse(to_toml(*legacy), "imported.toml");
  if (!config) RC_FAIL(config.error().message + '\n' + to_toml(*legacy));
  RC_ASSERT(config->pools.size() == 3U);
  std::set<std::string> operators;
  std::size_t sources = 0;
  for (std::size_t p = 0; p < 3; ++p) {
    std::vector<std::string> expected;
    for (const auto& members : made.pools.at(p)) expected.push_back(fmt::format("{}", fmt::join(members, "+")));
    RC_ASSERT(hosts(config->pools.at(p)) == expected);
    for (const Source& source : config->pools.at(p).sources) operators.insert(source.operator_name);
    sources += expected.size();
  }
  RC_ASSERT(operators.size() == sources);
}

}  // namespace
}  // namespace sdwdate::config
