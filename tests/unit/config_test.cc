#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "support/generators.h"
#include "support/temporary_directory.h"

namespace sdwdate::config {
namespace {

using namespace std::chrono_literals;
using support::TemporaryDirectory;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Config parsed(std::string_view text) {
  SCOPED_TRACE(text);
  const auto config = parse(text, "test.toml");
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(Config{});
}

std::string refusal(std::string_view text) {
  SCOPED_TRACE(text);
  const auto config = parse(text, "test.toml");
  EXPECT_FALSE(config);
  return config ? "" : config.error().message;
}

std::string refusal(const std::vector<std::filesystem::path>& files) {
  const auto config = load(files);
  EXPECT_FALSE(config);
  return config ? "" : config.error().message;
}

// --- values
// -----------------------------------------------------------------------------------------------------------

TEST(Config, AnEmptyTextGivesTheDefaults) {
  const Config config = parsed("");
  EXPECT_EQ(config.proxies, (std::vector{wire::ProxyUrl{{{}, {"127.0.0.1", 9050}}, "", ""}}));
  EXPECT_EQ(config.tor_control, (wire::Endpoint{"/run/tor/control", {}}));
  EXPECT_EQ(config.chrony_socket, "/run/chrony.sdwdate.sock");
  EXPECT_EQ(config.chrony_burst, 1);
  EXPECT_EQ(config.schedule, (timecore::ScheduleSettings{60min, 180min}));
  EXPECT_EQ(config.exchanges_per_source, 8);
  EXPECT_FALSE(config.timeout);
  EXPECT_EQ(config.source_timeout(), 120s);
  EXPECT_EQ(config.ca_file, "");
  EXPECT_EQ(config.transfer, timecore::TransferOptions{});
  EXPECT_EQ(config.sources_per_pool, 2);
  EXPECT_EQ(config.maximum_width, 2s);
  EXPECT_EQ(config.failure_budget, 2);
  EXPECT_EQ(config.state_directory, "/var/lib/sdwdate");
  EXPECT_EQ(config.ceiling_years, 20);
  EXPECT_TRUE(config.pools.empty());
}

TEST(Config, EveryKeyIsRead) {
  const Config config = parsed(R"(
transport = "tor"
[tor]
socks = "[::1]:9150"
control = "127.0.0.1:9051"
[chrony]
socket = "/run/chrony.other.sock"
burst = 7
[schedule]
minimum = "10min"
maximum = "3h"
[request]
per_source = 5
timeout = "45s"
ca_file = "/etc/ca.pem"
lag = "20ms"
[selection]
sources_per_pool = 3
maximum_width = "1500ms"
failure_budget = 0
[state]
directory = "/srv/state"
[sanity]
ceiling_years = 5
[[pool]]
name = "one"
  [[pool.source]]
  url = "https://a.example/"
  operator = "A"
  evidence = "https://a.example/about"
  mirrors = ["https://b.example/", "https://c.example:8443/x"]
  [[pool.source]]
  url = "https://d.example:8443/"
[[pool]]
name = "two"
  [[pool.source]]
  url = "https://e.example/"
)");
  EXPECT_EQ(config.proxies, (std::vector{wire::ProxyUrl{{{}, {"::1", 9150}}, "", ""}}));
  EXPECT_EQ(config.tor_control, (wire::Endpoint{{}, {"127.0.0.1", 9051}}));
  EXPECT_EQ(config.chrony_socket, "/run/chrony.other.sock");
  EXPECT_EQ(config.chrony_burst, 7);
  EXPECT_EQ(config.schedule, (timecore::ScheduleSettings{10min, 3h}));
  EXPECT_EQ(config.exchanges_per_source, 5);
  EXPECT_EQ(config.source_timeout(), 45s);
  EXPECT_EQ(config.ca_file, "/etc/ca.pem");
  EXPECT_EQ(config.transfer.lag, 20ms);
  EXPECT_EQ(config.sources_per_pool, 3);
  EXPECT_EQ(config.maximum_width, 1500ms);
  EXPECT_EQ(config.failure_budget, 0);
  EXPECT_EQ(config.state_directory, "/srv/state");
  EXPECT_EQ(config.ceiling_years, 5);

  ASSERT_EQ(config.pools.size(), 2U);
  EXPECT_EQ(config.pools[0].name, "one");
  ASSERT_EQ(config.pools[0].sources.size(), 2U);
  const Source& source = config.pools[0].sources[0];
  EXPECT_EQ(source.url.host, "a.example");
  EXPECT_EQ(source.operator_name, "A");
  ASSERT_EQ(source.mirrors.size(), 2U);
  EXPECT_EQ(source.mirrors[1].authority(), "c.example:8443");
  EXPECT_EQ(config.pools[0].sources[1].operator_name, "d.example:8443") << "without a name, the server itself";
  EXPECT_EQ(config.pools[1].sources[0].url.host, "e.example");
}

TEST(Config, DirectMeansNoProxyAndLessPatience) {
  const Config config = parsed("transport = \"direct\"\n[tor]\nsocks = \"127.0.0.1:9150\"\n");
  EXPECT_TRUE(config.proxies.empty());
  EXPECT_EQ(config.source_timeout(), 30s);
}

TEST(Config, DurationsHaveAUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("10min"), 10min);
  EXPECT_EQ(parse_duration("3h"), 3h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("8760h"), 8760h);
  for (const char* text : {"", "5", "s", "5m", "5 s", " 5s", "5s ", "-5s", "-0s", "+5s", "1.5s", "1e3s", "5S", "8761h",
                           "0x5s", "99999999999999999999s", "9223372036854775807h"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

RC_GTEST_PROP(Config, ArbitraryTextIsADurationOrNone, ()) {
  const auto time = parse_duration(*rc::gen::oneOf(support::any_bytes(), support::any_text_of("0123456789mshin-+")));
  RC_ASSERT((!time || (*time >= 0ns && *time <= 8760h)));
}

RC_GTEST_PROP(Config, ArbitraryTextIsAConfigurationOrAnErrorWithALine, ()) {
  const auto config =
      parse(*rc::gen::oneOf(support::any_bytes(), support::any_text_of("[]=\"\n pol#.1nametrsu")), "f.toml");
  RC_ASSERT((config || config.error().message.starts_with("f.toml:")));
}

// --- mistakes
// ---------------------------------------------------------------------------------------------------------

TEST(Config, AnUnknownKeyIsNamedWithItsLineAndTheLikelyOne) {
  EXPECT_THAT(refusal("\n\n[schedule]\nminimun = \"1h\"\n"), AllOf(StartsWith("test.toml:4:"), HasSubstr("'minimun'"),
                                                                   HasSubstr("[schedule]"), HasSubstr("'minimum'")));
  EXPECT_THAT(refusal("transprot = \"tor\""),
              AllOf(StartsWith("test.toml:1:"), HasSubstr("did you mean 'transport'?")));
  EXPECT_THAT(refusal("[selektion]\n"), AllOf(StartsWith("test.toml:1:"), HasSubstr("did you mean 'selection'?")));
}

TEST(Config, AnUnknownKeyUnlikeAnyOtherGetsTheWholeList) {
  EXPECT_THAT(
      refusal("[chrony]\nxyzzyplugh = 1\n"),
      AllOf(StartsWith("test.toml:2:"), HasSubstr("known here: socket, burst"), Not(HasSubstr("did you mean"))));
}

TEST(Config, UnknownKeysAreFoundInEverySection) {
  for (const char* section : {"tor", "chrony", "schedule", "request", "selection", "state", "sanity"}) {
    EXPECT_THAT(refusal(std::string{"["} + section + "]\nfoo = 1\n"), StartsWith("test.toml:2: unknown key 'foo'"));
  }
  EXPECT_THAT(refusal("[[pool]]\nname = \"p\"\nnmae = \"q\"\n[[pool.source]]\nurl = \"https://a.example/\"\n"),
              StartsWith("test.toml:3: unknown key 'nmae'"));
  EXPECT_THAT(refusal("[[pool]]\nname = \"p\"\n[[pool.source]]\nurl = \"https://a.example/\"\nurk = 1\n"),
              AllOf(StartsWith("test.toml:5:"), HasSubstr("did you mean 'url'?")));
}

TEST(Config, WrongTypesAreRefusedWithTheLine) {
  EXPECT_THAT(refusal("transport = 1"), AllOf(StartsWith("test.toml:1:"), HasSubstr("'transport'")));
  EXPECT_THAT(refusal("[chrony]\nsocket = 5"), AllOf(StartsWith("test.toml:2:"), HasSubstr("text in quotes")));
  EXPECT_THAT(refusal("[request]\nper_source = \"8\""), AllOf(StartsWith("test.toml:2:"), HasSubstr("whole number")));
  EXPECT_THAT(refusal("[request]\nper_source = 8.0"), HasSubstr("whole number"));
  EXPECT_THAT(refusal("[schedule]\nminimum = 60"), HasSubstr("duration such as"));
  EXPECT_THAT(refusal("chrony = 5"), HasSubstr("[chrony]"));
  EXPECT_THAT(refusal("pool = 5"), HasSubstr("[[pool]]"));
  EXPECT_THAT(refusal("pool = [1, 2]"), HasSubstr("[[pool]]"));
  EXPECT_THAT(refusal("[pool]\nname = \"p\""), HasSubstr("[[pool]]"));
  EXPECT_THAT(refusal("[[pool]]\nname = \"p\"\nsource = \"https://a.example/\""), HasSubstr("[[pool.source]]"));
}

TEST(Config, NumbersOutsideTheirRangeAreRefused) {
  for (const char* text : {"[request]\nper_source = 0", "[request]\nper_source = 33", "[chrony]\nburst = 0",
                           "[selection]\nsources_per_pool = 0", "[selection]\nfailure_budget = -1",
                           "[sanity]\nceiling_years = 0", "[sanity]\nceiling_years = 9223372036854775807"}) {
    EXPECT_THAT(refusal(text), AllOf(StartsWith("test.toml:2:"), HasSubstr("whole number from")));
  }
}

TEST(Config, DurationsTooShortAreRefused) {
  EXPECT_THAT(refusal("[schedule]\nminimum = \"500ms\""), HasSubstr("longer"));
  EXPECT_THAT(refusal("[request]\ntimeout = \"0s\""), HasSubstr("longer"));
  EXPECT_THAT(refusal("[schedule]\nminimum = \"2h\"\nmaximum = \"1h\""),
              AllOf(StartsWith("test.toml:1:"), HasSubstr("'minimum' is longer than 'maximum'")));
}

TEST(Config, ATransportThatDoesNotExistIsRefused) {
  EXPECT_THAT(refusal("transport = \"i2p\""), AllOf(HasSubstr("\"tor\""), HasSubstr("\"direct\"")));
}

TEST(Config, ThePoolsThatComeWithTheProgramServeWhoNamesNone) {
  const std::filesystem::path shipped = SDWDATE_SOURCE_DIRECTORY "/packaging/pools";
  const auto over_tor = with_default_pools(parsed(""), shipped);
  ASSERT_TRUE(over_tor) << over_tor.error().message;
  ASSERT_EQ(over_tor->pools.size(), 3U);
  for (const Pool& pool : over_tor->pools) {
    EXPECT_GE(pool.sources.size(), 4U) << pool.name;
    for (const Source& source : pool.sources) EXPECT_TRUE(source.url.host_is_onion) << source.url.text;
  }
  const auto directly = with_default_pools(parsed("transport = \"direct\""), shipped);
  ASSERT_TRUE(directly) << directly.error().message;
  ASSERT_EQ(directly->pools.size(), 3U);
  EXPECT_FALSE(directly->pools.front().sources.front().url.host_is_onion);
}

TEST(Config, PoolsOfOnesOwnAreTheOnlyOnes) {
  const Config own = parsed("[[pool]]\nname = \"own\"\n[[pool.source]]\nurl = \"https://a.example/\"\n");
  const auto config = with_default_pools(own, SDWDATE_SOURCE_DIRECTORY "/packaging/pools");
  ASSERT_TRUE(config);
  ASSERT_EQ(config->pools.size(), 1U);
  EXPECT_EQ(config->pools.front().name, "own");
  EXPECT_TRUE(with_default_pools(parsed(""), "/nonexistent")->pools.empty());
}

TEST(Config, SocksMayBeSeveralAndUnixSockets) {
  const Config config = parsed("[tor]\nsocks = [\"127.0.0.1:9150\", \"unix:/run/tor/socks\"]");
  ASSERT_EQ(config.proxies.size(), 2U);
  EXPECT_EQ(config.proxies[1].server.path, "/run/tor/socks");
  EXPECT_FALSE(parse("[tor]\nsocks = []", "x"));
  EXPECT_FALSE(parse("[tor]\nsocks = [1]", "x"));
  EXPECT_FALSE(parse("[tor]\nsocks = \"unix:relative\"", "x"));
}

TEST(Config, TorsControlPortIsWhereTheFileSaysOrNowhere) {
  EXPECT_EQ(parsed("[tor]\ncontrol = \"\"").tor_control, std::nullopt);
  EXPECT_EQ(parsed("transport = \"direct\"").tor_control, std::nullopt);
  const Config config = parsed("[tor]\ncookie = \"/x\"\ncontrol_password = \"secret\"");
  EXPECT_EQ(config.tor_cookie, "/x");
  EXPECT_EQ(config.tor_control_password, "secret");
  EXPECT_FALSE(parse("[tor]\ncontrol = \"9051\"", "x"));
}

TEST(Config, OnlyAnOnionServiceMayHaveSignedForItself) {
  const std::string onion = "https://" + std::string(56, 'a') + ".onion/";
  const auto source = [](const std::string& url) {
    return "[[pool]]\nname = \"p\"\n[[pool.source]]\nself_signed = true\nurl = \"" + url + "\"\n";
  };
  EXPECT_TRUE(parsed(source(onion)).pools.front().sources.front().self_signed);
  EXPECT_FALSE(parse(source("https://a.example/"), "x"));
  EXPECT_FALSE(parse(source("http://" + std::string(56, 'a') + ".onion/"), "x"));
}

TEST(Config, AProxyThatIsNoneIsRefused) {
  EXPECT_THAT(refusal("[tor]\nsocks = \"127.0.0.1\""), AllOf(StartsWith("test.toml:2:"), HasSubstr("HOST:PORT")));
}

TEST(Config, SyntaxErrorsHaveALine) {
  EXPECT_THAT(refusal("transport = \"tor\"\n[chrony\n"), StartsWith("test.toml:2:"));
  EXPECT_THAT(refusal("a = 1\na = 2\n"), StartsWith("test.toml:2:"));
}

TEST(Config, PoolsNeedNamesAndSourcesAndSourcesNeedUrls) {
  EXPECT_THAT(refusal("[[pool]]\n[[pool.source]]\nurl = \"https://a.example/\""), HasSubstr("'name'"));
  EXPECT_THAT(refusal("[[pool]]\nname = \"p\""), HasSubstr("[[pool.source]]"));
  EXPECT_THAT(refusal("[[pool]]\nname = \"p\"\n[[pool.source]]\noperator = \"A\""),
              AllOf(StartsWith("test.toml:3:"), HasSubstr("'url'")));
  EXPECT_THAT(refusal("[[pool]]\nname = \"p\"\n[[pool.source]]\nurl = 5"), StartsWith("test.toml:4:"));
  EXPECT_THAT(refusal("[[pool]]\nname = \"p\"\n[[pool.source]]\nurl = \"http://a.example/\""),
              AllOf(StartsWith("test.toml:4:"), HasSubstr("http://a.example/")));
  EXPECT_THAT(refusal("[[pool]]\nname = \"p\"\n[[pool.source]]\nurl = \"https://a.example/\"\nmirrors = [\"x\"]"),
              StartsWith("test.toml:5:"));
  EXPECT_THAT(refusal("[[pool]]\nname = \"p\"\n[[pool.source]]\nurl = \"https://a.example/\"\nmirrors = \"x\""),
              HasSubstr("list of URLs"));
}

TEST(Config, AnEmptyListOfSourcesIsRefused) {
  EXPECT_THAT(refusal("[[pool]]\nname = \"p\"\nsource = []"), HasSubstr("[[pool.source]]"));
}

TEST(Config, TwoPoolsOfOneNameAreRefused) {
  const std::string pool = "[[pool]]\nname = \"p\"\n[[pool.source]]\nurl = \"https://a.example/\"\n";
  EXPECT_THAT(refusal(pool + pool), AllOf(StartsWith("test.toml:5:"), HasSubstr("'p'")));
}

// --- files
// ------------------------------------------------------------------------------------------------------------

TEST(ConfigFiles, LaterTablesMergeKeyByKey) {
  const TemporaryDirectory directory;
  const auto vendor =
      directory.write("vendor.toml", "[chrony]\nsocket = \"/a\"\nburst = 2\n[sanity]\nceiling_years = 7\n");
  const auto local = directory.write("local.toml", "transport = \"direct\"\n[chrony]\nsocket = \"/b\"\n");
  const auto config = load({vendor, local});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->chrony_socket, "/b");
  EXPECT_EQ(config->chrony_burst, 2);
  EXPECT_EQ(config->ceiling_years, 7);
  EXPECT_TRUE(config->proxies.empty());
  EXPECT_EQ(load({local, vendor})->chrony_socket, "/a");
}

TEST(ConfigFiles, ALaterListOfPoolsReplacesTheEarlier) {
  const TemporaryDirectory directory;
  const auto vendor = directory.write("vendor.toml",
                                      "[[pool]]\nname = \"a\"\n[[pool.source]]\nurl = \"https://a.example/\"\n"
                                      "[[pool]]\nname = \"b\"\n[[pool.source]]\nurl = \"https://b.example/\"\n");
  const auto local =
      directory.write("local.toml", "[[pool]]\nname = \"c\"\n[[pool.source]]\nurl = \"https://c.example/\"\n");
  const auto config = load({vendor, local});
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->pools.size(), 1U);
  EXPECT_EQ(config->pools[0].name, "c");
}

TEST(ConfigFiles, AMistakeIsNamedWithItsOwnFile) {
  const TemporaryDirectory directory;
  const auto good = directory.write("good.toml", "[chrony]\nburst = 2\n");
  const auto value = directory.write("value.toml", "\n[chrony]\nburst = \"x\"\n");
  const auto key = directory.write("key.toml", "\n\n[chrony]\nbrust = 3\n");
  const auto pool = directory.write("pool.toml", "[[pool]]\nname = \"p\"\n[[pool.source]]\nurl = \"nonsense\"\n");
  EXPECT_THAT(refusal({good, value}), StartsWith(value.string() + ":3:"));
  EXPECT_THAT(refusal({value, key}), StartsWith(key.string() + ":4:"));
  EXPECT_THAT(refusal({good, pool}), StartsWith(pool.string() + ":4:"));
}

TEST(ConfigFiles, AnEarlierMistakeThatIsReplacedIsNone) {
  const TemporaryDirectory directory;
  const auto bad = directory.write("bad.toml", "[chrony]\nburst = \"x\"\n");
  const auto good = directory.write("good.toml", "[chrony]\nburst = 3\n");
  EXPECT_TRUE(load({bad, good}));
}

TEST(ConfigFiles, AFileThatCannotBeReadIsNamed) {
  const TemporaryDirectory directory;
  EXPECT_THAT(refusal({directory.path() / "missing.toml"}),
              AllOf(HasSubstr("missing.toml"), HasSubstr("No such file")));
  EXPECT_THAT(refusal({directory.path()}), HasSubstr("Is a directory"));
  if (::geteuid() == 0) return;  // root may read everything
  const auto closed = directory.write("closed.toml", "");
  std::filesystem::permissions(closed, std::filesystem::perms::none);
  EXPECT_THAT(refusal({closed}), AllOf(HasSubstr("closed.toml"), HasSubstr("Permission denied")));
}

TEST(ConfigFiles, NoFilesGiveTheDefaults) { EXPECT_EQ(load({})->chrony_burst, 1); }

TEST(Config, ServiceSettingsAreRead) {
  const auto config = parse(R"(
    [chrony]
    report = "/r"
    reset = "/f"
    [state]
    runtime = "/t"
    [privacy]
    random_offset = "1s"
    [compat]
    state_files = true
  )",
                            "f");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->chrony_report, "/r");
  EXPECT_EQ(config->chrony_reset, "/f");
  EXPECT_EQ(config->runtime_directory, "/t");
  EXPECT_EQ(config->random_offset, std::chrono::seconds{1});
  EXPECT_TRUE(config->compat_state_files);
}

TEST(Config, ServiceSettingsThatMakeNoSenseAreRefused) {
  const auto message = [](std::string_view text) { return parse(text, "f").error().message; };
  EXPECT_THAT(message("[compat]\nstate_files = \"yes\""),
              testing::HasSubstr("f:2: 'state_files' must be true or false"));
  EXPECT_THAT(message("[privacy]\nrandom_offset = \"2min\""), testing::HasSubstr("a shorter one"));
  EXPECT_THAT(message("[chrony]\nreport = \"\""), testing::HasSubstr("'report' must be a path: a text in quotes"));
}

}  // namespace
}  // namespace sdwdate::config
