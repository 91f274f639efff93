#include "doctor/gather.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "doctor/competitors.h"
#include "doctor/proxy.h"
#include "support/generators.h"

namespace sdwdate::doctor {
namespace {

using namespace std::chrono_literals;
using machine::Process;
using machine::Unit;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(DaemonReport, IsReadFromWhatSdwdatedWrites) {
  const auto report = parse_daemon_report(
      R"({"schema":1,"pid":321,"started":1795400000,"state":"waiting","message":"next round at 13:10",)"
      R"("next_round":1795410000.5,"last_success":1795405000,"failures_in_a_row":2,"rounds":9,"last_round":null,)"
      R"("chrony":{"asked":null,"selected":null,"took_last_sample":null,"message":""}})");
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->pid, 321);
  EXPECT_EQ(report->message, "next round at 13:10");
  EXPECT_EQ(report->next_round, std::chrono::sys_seconds{1795410000s});
  EXPECT_EQ(report->last_success, std::chrono::sys_seconds{1795405000s});
  EXPECT_EQ(report->failures_in_a_row, 2);
}

TEST(DaemonReport, BeforeTheFirstSuccessMuchIsNull) {
  const auto report = parse_daemon_report(R"({"schema":1,"pid":1,"message":"","next_round":null,"last_success":null})");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->last_success, std::nullopt);
  EXPECT_EQ(report->next_round, std::nullopt);
  EXPECT_EQ(report->failures_in_a_row, 0);
}

TEST(DaemonReport, WhatTorSaidIsInTheLastRound) {
  const auto tor_of = [](const std::string& round) {
    const auto report = parse_daemon_report(R"({"schema":1,"pid":1,"last_round":)" + round + "}");
    return report ? report->tor : std::nullopt;
  };
  for (const char* none : {"null", "{}", "[]", R"({"tor":null})", R"({"tor":100})"}) EXPECT_FALSE(tor_of(none)) << none;
  const auto works = tor_of(R"({"tor":{"unavailable":null,"progress":100}})");
  ASSERT_TRUE(works);
  EXPECT_EQ(works->unavailable, "");
  EXPECT_EQ(works->progress, 100);
  const auto closed = tor_of(R"({"tor":{"unavailable":"not\u001bfor us","progress":null}})");
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->unavailable, "not?for us");
  EXPECT_EQ(closed->progress, 0);
  for (const char* mad : {"-1", "1e300", "18446744073709551615", "\"x\""}) {
    const auto tor = tor_of(std::string{R"({"tor":{"progress":)"} + mad + "}}");
    ASSERT_TRUE(tor) << mad;
    EXPECT_EQ(tor->progress, 0) << mad;
  }
}

TEST(DaemonReport, OthersAreRefused) {
  for (const char* text : {"", "{", "[]", "1", "null", "{}", R"({"schema":2,"pid":1})", R"({"schema":1})",
                           R"({"schema":1,"pid":"1"})", R"({"schema":1,"pid":null})"}) {
    EXPECT_FALSE(parse_daemon_report(text)) << text;
  }
}

TEST(DaemonReport, MadNumbersDoNoHarm) {
  const auto report = parse_daemon_report(
      R"({"schema":1,"pid":1e300,"message":"\u001b[2J","last_success":-5,"next_round":1e14,"failures_in_a_row":-1})");
  ASSERT_FALSE(report);
  const auto milder =
      parse_daemon_report(R"({"schema":1,"pid":99999999999,"message":"\u001b[2J","last_success":-5,"next_round":1e14,)"
                          R"("failures_in_a_row":-1})");
  ASSERT_TRUE(milder);
  EXPECT_EQ(milder->last_success, std::nullopt);
  EXPECT_EQ(milder->next_round, std::nullopt);
  EXPECT_EQ(milder->failures_in_a_row, 0);
  EXPECT_EQ(milder->message, "?[2J");
}

RC_GTEST_PROP(DaemonReport, NoTextCrashes, ()) {
  parse_daemon_report(*rc::gen::oneOf(support::any_bytes(), support::any_text_of("{}[]\":,-0123456789eschmapid ")));
}

TEST(Chronyds, TheConfigurationIsTheLastThatIsNamed) {
  const auto named = [](std::vector<std::string> arguments) { return configuration_of({1, 1, "chronyd", arguments}); };
  EXPECT_EQ(named({"/usr/sbin/chronyd", "-F", "1"}), "");
  EXPECT_EQ(named({"/usr/sbin/chronyd", "-F", "1", "-f", "/etc/chrony/sdwdate.conf"}), "/etc/chrony/sdwdate.conf");
  EXPECT_EQ(named({"chronyd", "-f/etc/a.conf", "-f", "/etc/b.conf"}), "/etc/b.conf");
  EXPECT_EQ(named({"chronyd", "-f", "/etc/b.conf", "-f/etc/a.conf"}), "/etc/a.conf");
  EXPECT_EQ(named({"chronyd", "-f"}), "");
  EXPECT_EQ(named({}), "");
}

TEST(Chronyds, HelpersOfOneAreNotOthers) {
  const auto found = chronyds_of({{1, 0, "systemd", {}},
                                  {10, 1, "chronyd", {}},
                                  {11, 10, "chronyd", {}},
                                  {12, 1, "chronyc", {}},
                                  {20, 1, "chronyd", {}}});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].pid, 10);
  EXPECT_EQ(found[1].pid, 20);
}

config::Config config_of(const std::string& text) {
  auto config = config::parse(text, "test");
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(config::Config{});
}

TEST(Sources, AreCountedByOperator) {
  const std::string two_pools = R"(
[selection]
sources_per_pool = 2
[[pool]]
name = "one"
  [[pool.source]]
  url = "https://a.example/"
  operator = "A"
  [[pool.source]]
  url = "https://b.example/"
  operator = "B"
  [[pool.source]]
  url = "https://c.example/"
  operator = "C"
[[pool]]
name = "two"
  [[pool.source]]
  url = "https://a2.example/"
  operator = "A"
)";
  const SourceFacts facts = count_sources(config_of(two_pools));
  EXPECT_EQ(facts.pools, 2U);
  EXPECT_EQ(facts.operators, 3U);
  EXPECT_EQ(facts.asked, 3U);
  EXPECT_EQ(count_sources(config::Config{}).asked, 0U);
}

// --- competitors -------------------------------------------------------------------------------------------------

TEST(Competitors, AreKnownByTheirProcess) {
  const auto found = competitors_among({{1, 0, "systemd", {"/sbin/init"}},
                                        {7, 1, "systemd-timesyn", {"/lib/systemd/systemd-timesyncd"}},
                                        {8, 1, "ntpd", {"/usr/sbin/ntpd"}}},
                                       {});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "ntpd");
  EXPECT_EQ(found[0].pid, 8);
  EXPECT_EQ(found[0].unit, "");
  EXPECT_EQ(found[1].name, "systemd-timesyncd");
}

TEST(Competitors, ThePythonSdwdateIsNotThisCommand) {
  const Process ours{9, 1, "sdwdate", {"/usr/bin/sdwdate", "doctor"}};
  const Process script{10, 1, "run", {"/usr/bin/python3", "tests/run", "sdwdate.toml"}};
  EXPECT_THAT(competitors_among({ours, script}, {}), IsEmpty());
  const auto found = competitors_among({ours, {11, 1, "sdwdate", {"/usr/bin/python3", "-u", "/usr/bin/sdwdate"}}}, {});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name, "the Python sdwdate");
  EXPECT_EQ(found[0].pid, 11);
}

TEST(Competitors, AUnitThatIsEnabledOrActiveCounts) {
  const auto found = competitors_among(
      {}, {Unit{"ntpsec.service", "inactive", "enabled", 0}, Unit{"htpdate.service", "active", "disabled", 55},
           Unit{"openntpd.service", "inactive", "disabled", 0}, Unit{"tlsdated.service", "failed", "", 0}});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].unit, "ntpsec.service");
  EXPECT_TRUE(found[0].starts_at_boot);
  EXPECT_EQ(found[0].pid, std::nullopt);
  EXPECT_EQ(found[1].unit, "htpdate.service");
  EXPECT_FALSE(found[1].starts_at_boot);
  EXPECT_EQ(found[1].pid, 55);
}

TEST(Competitors, OurOwnUnitsAreNotAskedFor) {
  const auto units = competing_units();
  EXPECT_THAT(units, testing::IsSupersetOf({"ntp.service", "ntpsec.service", "openntpd.service", "htpdate.service",
                                            "systemd-timesyncd.service", "sdwdate.service"}));
  EXPECT_THAT(units,
              testing::Not(testing::AnyOf(testing::Contains("sdwdated.service"), testing::Contains("chrony.service"))));
}

TEST(Proxy, ThatIsNotThereOrHasNoAddressIsSaidSo) {
  EXPECT_THAT(greet_proxy({{{}, {"127.0.0.1", 1}}, "", ""}, 2s).error(), HasSubstr("nobody answers"));
  EXPECT_THAT(greet_proxy({{{}, {"localhost", 1}}, "", ""}, 2s).error(), HasSubstr("nobody answers"));
  EXPECT_THAT(greet_proxy({{{}, {"proxy.example", 9050}}, "", ""}, 2s).error(), HasSubstr("by address"));
}

}  // namespace
}  // namespace sdwdate::doctor
