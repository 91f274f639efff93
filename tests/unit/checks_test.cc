#include "doctor/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <string>

namespace sdwdate::doctor {
namespace {

using namespace std::chrono_literals;
using machine::OpenSocket;
using machine::SetupMode;
using refclock::ChronySource;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::chrono::sys_seconds kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 12h;
const std::string kOurs{machine::kChronyConfiguration};

SocketFile good_socket(const char* path) { return {path, true, true, "root", "sdwdate", 0660}; }

ChronySource our_source() {
  ChronySource source;
  source.name = "WEB";
  source.state = refclock::SourceState::selected;
  source.last_sample = 750s;
  return source;
}

/// A machine on which all is well.
Facts healthy() {
  Facts facts;
  facts.sources = SourceFacts{3, 12, 6};
  facts.account = {true, true};
  facts.daemon.processes = std::vector<pid_t>{500};
  facts.daemon.report = DaemonReport{500, "next round at 13:10", kNow - 20min, kNow + 70min, 0, TorReport{"", 100}, ""};
  facts.chrony.installed = true;
  facts.chrony.setup.mode = SetupMode::offline;
  facts.chrony.daemons = std::vector{ChronydFacts{400, kOurs, true, machine::WaysOut{}, std::vector<OpenSocket>{}}};
  refclock::ChronyReport report;
  report.tracking.reference_name = "WEB";
  report.tracking.leap = refclock::Leap::none;
  report.sources = {our_source()};
  facts.chrony.report = report;
  facts.chrony.samples = good_socket("/run/chrony.sdwdate.sock");
  facts.chrony.report_socket = {"/run/sdwdate-chrony/report", true, true, "root", "root", 0666};
  facts.chrony.reset_socket = good_socket("/run/sdwdate-chrony/reset");
  facts.competitors.found = std::vector<Competitor>{};
  facts.clock = {kNow, kNow - 24h, kNow + 24h * 7300, kNow, false};
  facts.proxies = {ProxyFacts{"127.0.0.1:9050", {}}};
  return facts;
}

Facts serving() {
  Facts facts = healthy();
  facts.chrony.setup = {SetupMode::serving, {{"192.0.2.0/24"}, "", ""}};
  facts.chrony.daemons->front().own_network = false;
  facts.chrony.daemons->front().ways_out = machine::WaysOut{{"eth0"}, {"eth0"}};
  facts.chrony.daemons->front().sockets = std::vector<OpenSocket>{{"UDP", "0.0.0.0", 123, false}};
  return facts;
}

ChronydFacts& chronyd(Facts& facts) { return facts.chrony.daemons->front(); }

void expect(const Finding& finding, Verdict verdict, const std::string& part) {
  EXPECT_EQ(finding.verdict, verdict) << finding.text;
  EXPECT_THAT(finding.text, HasSubstr(part));
  EXPECT_TRUE(verdict != Verdict::problem || !finding.remedy.empty()) << "what is to be done about: " << finding.text;
}

TEST(Examine, AHealthyMachineHasNoProblemAndNothingUnchecked) {
  for (const Facts& facts : {healthy(), serving()}) {
    for (const Finding& finding : examine(facts)) {
      EXPECT_EQ(finding.verdict, Verdict::ok) << finding.check << ": " << finding.text;
      EXPECT_EQ(finding.remedy, "") << finding.check;
    }
    EXPECT_FALSE(has_problem(examine(facts)));
  }
}

TEST(Examine, EveryCheckHasANameOfItsOwn) {
  const auto findings = examine(healthy());
  std::set<std::string_view> names;
  std::set<std::string_view> titles;
  for (const Finding& finding : findings) {
    names.insert(finding.check);
    titles.insert(finding.title);
  }
  EXPECT_EQ(names.size(), findings.size());
  EXPECT_EQ(titles.size(), findings.size());
  EXPECT_EQ(findings.size(), 17U);
}

TEST(Examine, WhatNobodyLookedForIsNotOk) {
  for (const Finding& finding : examine(Facts{})) {
    constexpr std::array<std::string_view, 4> kNeedNone{"helpers", "proxy", "tor", "clock"};
    const bool needs_facts = std::ranges::count(kNeedNone, finding.check) == 0;
    EXPECT_TRUE(!needs_facts || finding.verdict != Verdict::ok) << finding.check;
  }
}

TEST(Examine, OneProblemIsEnough) {
  Facts facts = healthy();
  facts.account.group = false;
  EXPECT_TRUE(has_problem(examine(facts)));
}

TEST(Verdicts, HaveNamesForPrograms) {
  EXPECT_EQ(name(Verdict::ok), "ok");
  EXPECT_EQ(name(Verdict::problem), "problem");
  EXPECT_EQ(name(Verdict::not_checked), "not_checked");
}

// --- our own parts -----------------------------------------------------------------------------------------------

TEST(CheckSources, ThreeOperatorsMustBeAskedInOneRound) {
  Facts facts = healthy();
  expect(check_sources(facts), Verdict::ok, "12 operators in 3 pools");
  facts.sources = SourceFacts{1, 2, 2};
  expect(check_sources(facts), Verdict::problem, "2 operators in 1 pool");
  facts.sources = SourceFacts{1, 9, 2};
  expect(check_sources(facts), Verdict::problem, "a round asks 2");
  facts.sources = std::unexpected("sdwdate.toml:3: unknown key 'tansport'");
  expect(check_sources(facts), Verdict::problem, "sdwdate.toml:3");
}

TEST(CheckHelpers, MissingOnesAreNamed) {
  Facts facts = healthy();
  facts.missing_helpers = {"/usr/libexec/sdwdate/sdwdate-probe"};
  expect(check_helpers(facts), Verdict::problem, "sdwdate-probe");
}

TEST(CheckAccount, UserAndGroupAreNeeded) {
  Facts facts = healthy();
  facts.account = {true, false};
  expect(check_account(facts), Verdict::problem, "no group sdwdate");
  facts.account = {false, false};
  expect(check_account(facts), Verdict::problem, "no user sdwdate");
}

TEST(CheckProxy, IsUsedOrNotAndThenAnswers) {
  Facts facts = healthy();
  expect(check_proxy(facts), Verdict::ok, "127.0.0.1:9050");
  facts.proxies.front().answers = std::unexpected("nobody answers at the proxy 127.0.0.1:9050: Connection refused");
  expect(check_proxy(facts), Verdict::problem, "Connection refused");
  facts.proxies.clear();
  expect(check_proxy(facts), Verdict::ok, "directly");
}

TEST(CheckTor, IsAskedOrDoneWithout) {
  Facts facts = healthy();
  expect(check_tor(facts), Verdict::ok, "Tor works");
  facts.daemon.report->tor = TorReport{"/run/tor/control: permission denied", 0};
  expect(check_tor(facts), Verdict::not_checked, "permission denied");
  EXPECT_THAT(check_tor(facts).remedy, testing::HasSubstr("debian-tor"));
  facts.daemon.report->tor = TorReport{"", 40};
  expect(check_tor(facts), Verdict::problem, "40 %");
  facts.daemon.report->tor.reset();
  expect(check_tor(facts), Verdict::not_checked, "not asked");
  facts.daemon.report = std::unexpected("no report");
  expect(check_tor(facts), Verdict::not_checked, "no report");
  facts.proxies.clear();
  expect(check_tor(facts), Verdict::ok, "directly");
}

TEST(CheckDaemon, RunsAndHasAgreed) { expect(check_daemon(healthy()), Verdict::ok, "20.0 min ago"); }

TEST(CheckDaemon, DoesNotRun) {
  Facts facts = healthy();
  facts.daemon.processes->clear();
  expect(check_daemon(facts), Verdict::problem, "does not run");
}

TEST(CheckDaemon, ProcessesAreHidden) {
  Facts facts = healthy();
  facts.daemon.processes = std::unexpected("/proc hides the processes of others");
  expect(check_daemon(facts), Verdict::not_checked, "hides");
}

TEST(CheckDaemon, HasLeftNoReport) {
  Facts facts = healthy();
  facts.daemon.report = std::unexpected("it has left no report in /run/sdwdate/report.json");
  expect(check_daemon(facts), Verdict::problem, "report.json");
}

TEST(CheckDaemon, TheReportIsOfAnotherProcess) {
  Facts facts = healthy();
  facts.daemon.processes = std::vector<pid_t>{501, 502};
  expect(check_daemon(facts), Verdict::problem, "by process 500, which has ended, and not by 501, 502");
}

TEST(CheckDaemon, RoundsFail) {
  Facts facts = healthy();
  facts.daemon.report->failures_in_a_row = 3;
  facts.daemon.report->message = "no agreement: 2 of 6 sources answered";
  expect(check_daemon(facts), Verdict::problem, "3 rounds failed; no agreement: 2 of 6");
  facts.daemon.report->failures_in_a_row = 1;
  expect(check_daemon(facts), Verdict::problem, "1 round failed");
}

TEST(CheckDaemon, TheFirstRoundIsNotOver) {
  Facts facts = healthy();
  facts.daemon.report->last_success.reset();
  facts.daemon.report->next_round.reset();
  facts.daemon.report->message = "asking 6 sources";
  expect(check_daemon(facts), Verdict::not_checked, "asking 6 sources");
}

TEST(CheckDaemon, ARoundIsOverdue) {
  Facts facts = healthy();
  facts.daemon.report->next_round = kNow - 14min;
  EXPECT_EQ(check_daemon(facts).verdict, Verdict::ok);
  facts.daemon.report->next_round = kNow - 16min;
  expect(check_daemon(facts), Verdict::problem, "2026-11-23 11:44:00 UTC");
}

TEST(CheckDaemon, ASuccessInTheFutureIsNotNegativelyOld) {
  Facts facts = healthy();
  facts.daemon.report->last_success = kNow + 24h;  // the clock was set back since
  expect(check_daemon(facts), Verdict::ok, "1.00 s ago");
}

// --- chronyd -----------------------------------------------------------------------------------------------------

TEST(CheckChronyd, RunsWithOurConfiguration) {
  expect(check_chronyd(healthy().chrony), Verdict::ok, "PID 400");
  expect(check_chronyd(serving().chrony), Verdict::ok, "serves 192.0.2.0/24");
  Facts facts = serving();
  facts.chrony.setup.serving.certificate = "/etc/chrony/nts.pem";
  expect(check_chronyd(facts.chrony), Verdict::ok, "with NTS");
}

TEST(CheckChronyd, IsNotInstalledOrDoesNotRun) {
  Facts facts = healthy();
  facts.chrony.daemons->clear();
  expect(check_chronyd(facts.chrony), Verdict::problem, "does not run");
  facts.chrony.installed = false;
  expect(check_chronyd(facts.chrony), Verdict::problem, "not installed");
}

TEST(CheckChronyd, RunsWithAnotherConfiguration) {
  Facts facts = healthy();
  chronyd(facts).configuration = "";
  const Finding finding = check_chronyd(facts.chrony);
  expect(finding, Verdict::problem, "its usual configuration, not with /etc/chrony/sdwdate.conf");
  EXPECT_THAT(finding.remedy, HasSubstr("restart")) << "it was enabled: chronyd only has to learn of it";
  facts.chrony.setup.mode = SetupMode::none;
  chronyd(facts).configuration = "/etc/chrony/other.conf";
  expect(check_chronyd(facts.chrony), Verdict::problem, "runs with /etc/chrony/other.conf");
  EXPECT_THAT(check_chronyd(facts.chrony).remedy, HasSubstr("chrony enable"));
}

TEST(CheckChronyd, RunsWithOursThoughNothingIsEnabled) {
  for (const SetupMode mode : {SetupMode::none, SetupMode::foreign}) {
    Facts facts = healthy();
    facts.chrony.setup.mode = mode;
    expect(check_chronyd(facts.chrony), Verdict::problem, "50-sdwdate.conf is not ours");
  }
}

TEST(CheckChronyd, TwoAreOneTooMany) {
  Facts facts = healthy();
  facts.chrony.daemons->push_back({401, "", true, {}, {}});
  expect(check_chronyd(facts.chrony), Verdict::problem, "2 chronyds run, with PIDs 400, 401");
}

TEST(CheckChronyd, ProcessesAreHidden) {
  Facts facts = healthy();
  facts.chrony.daemons = std::unexpected("/proc hides the processes of others");
  for (const auto& check : {check_chronyd, check_chrony_network, check_chrony_sockets}) {
    expect(check(facts.chrony), Verdict::not_checked, "hides");
  }
}

TEST(CheckChronyNetwork, NoInterfaceIsOffline) {
  Facts facts = healthy();
  expect(check_chrony_network(facts.chrony), Verdict::ok, "a namespace of its own");
  chronyd(facts).own_network = std::unexpected("needs root");
  expect(check_chrony_network(facts.chrony), Verdict::ok, "no interface but loopback");
}

TEST(CheckChronyNetwork, AnInterfaceIsAWayOut) {
  Facts facts = healthy();
  chronyd(facts).ways_out = machine::WaysOut{{"eth0", "wlan0"}, {}};
  expect(check_chrony_network(facts.chrony), Verdict::problem, "eth0, wlan0");
}

TEST(CheckChronyNetwork, TunnelsThatTheKernelMakesLeadNowhereUnlessTheyAreRouted) {
  Facts facts = healthy();
  chronyd(facts).ways_out = machine::WaysOut{{"sit0", "tunl0"}, {}};
  EXPECT_EQ(check_chrony_network(facts.chrony).verdict, Verdict::ok);
  chronyd(facts).ways_out = machine::WaysOut{{"sit0", "tunl0"}, {"sit0"}};
  expect(check_chrony_network(facts.chrony), Verdict::problem, "sit0");
}

TEST(CheckChronyNetwork, AMachineWithoutANetworkNowIsNotOffline) {
  Facts facts = healthy();
  chronyd(facts).own_network = false;
  expect(check_chrony_network(facts.chrony), Verdict::problem, "only now");
}

TEST(CheckChronyNetwork, IsNotKnown) {
  Facts facts = healthy();
  chronyd(facts).ways_out = std::unexpected("process 400 has ended");
  expect(check_chrony_network(facts.chrony), Verdict::not_checked, "has ended");
}

TEST(CheckChronySockets, OfflineHasNone) {
  Facts facts = healthy();
  expect(check_chrony_sockets(facts.chrony), Verdict::ok, "UNIX sockets only");
  for (const OpenSocket& socket : {OpenSocket{"UDP", "127.0.0.1", 323, false}, OpenSocket{"packet", "", 0, false},
                                   OpenSocket{"unknown", "", 0, false}}) {
    chronyd(facts).sockets = std::vector{socket};
    expect(check_chrony_sockets(facts.chrony), Verdict::problem, machine::to_string(socket));
  }
  chronyd(facts).sockets = std::unexpected("needs root");
  expect(check_chrony_sockets(facts.chrony), Verdict::not_checked, "needs root");
}

TEST(CheckChronySockets, ServingHasTheServersOnly) {
  Facts facts = serving();
  expect(check_chrony_sockets(facts.chrony), Verdict::ok, "UDP 0.0.0.0:123");
  for (const OpenSocket& other :
       {OpenSocket{"UDP", "192.0.2.1", 41000, true}, OpenSocket{"UDP", "192.0.2.1", 123, true},
        OpenSocket{"UDP", "127.0.0.1", 323, false}, OpenSocket{"TCP", "0.0.0.0", 4460, false},
        OpenSocket{"raw", "0.0.0.0", 123, false}}) {
    Facts worse = serving();
    chronyd(worse).sockets->push_back(other);
    expect(check_chrony_sockets(worse.chrony), Verdict::problem, machine::to_string(other));
  }
}

TEST(CheckChronySockets, NtsHasAPortOfItsOwn) {
  Facts facts = serving();
  facts.chrony.setup.serving.certificate = "/etc/chrony/nts.pem";
  chronyd(facts).sockets->push_back({"TCP", "0.0.0.0", 4460, false});
  chronyd(facts).sockets->push_back({"TCP", "192.0.2.1", 4460, true});  // a client asks for keys
  expect(check_chrony_sockets(facts.chrony), Verdict::ok, "TCP 0.0.0.0:4460");
}

TEST(CheckChronySockets, AServerThatDoesNotListenServesNobody) {
  Facts facts = serving();
  chronyd(facts).sockets->clear();
  expect(check_chrony_sockets(facts.chrony), Verdict::problem, "port 123");
}

TEST(CheckChronySources, OnlyOurs) {
  Facts facts = healthy();
  expect(check_chrony_sources(facts.chrony), Verdict::ok, "WEB");
  ChronySource pool;
  pool.mode = refclock::SourceMode::server;
  pool.name = "192.0.2.7";
  facts.chrony.report->sources.push_back(pool);
  expect(check_chrony_sources(facts.chrony), Verdict::problem, "192.0.2.7");
  pool.name = "WEB";  // a server cannot be us, whatever it is called
  facts.chrony.report->sources = {our_source(), pool};
  expect(check_chrony_sources(facts.chrony), Verdict::problem, "WEB");
  facts.chrony.report->sources.clear();
  expect(check_chrony_sources(facts.chrony), Verdict::problem, "no source WEB");
  expect(check_chrony_follows(facts.chrony), Verdict::not_checked, "no source WEB");
}

TEST(CheckChronySources, CannotBeAsked) {
  Facts facts = healthy();
  facts.chrony.report = std::unexpected("there is no socket /run/sdwdate-chrony/report");
  expect(check_chrony_sources(facts.chrony), Verdict::not_checked, "there is no socket");
  expect(check_chrony_follows(facts.chrony), Verdict::not_checked, "there is no socket");
}

TEST(CheckChronyFollows, AlsoWhenTheSourceIsSilentBetweenRounds) {
  Facts facts = healthy();
  expect(check_chrony_follows(facts.chrony), Verdict::ok, "12.5 min old");
  facts.chrony.report->sources.front().state = refclock::SourceState::not_selectable;
  facts.chrony.report->sources.front().last_sample = 9000s;
  expect(check_chrony_follows(facts.chrony), Verdict::ok, "2.50 h old");
}

TEST(CheckChronyFollows, SamplesThatStayAwayAreAProblem) {
  Facts facts = healthy();
  facts.chrony.report->sources.front().last_sample = 7h;
  expect(check_chrony_follows(facts.chrony), Verdict::problem, "7.00 h old");
}

TEST(CheckChronyFollows, WhyNot) {
  Facts facts = healthy();
  refclock::ChronyReport& report = *facts.chrony.report;
  ChronySource& source = report.sources.front();
  report.tracking.leap = refclock::Leap::not_synchronised;
  source.state = refclock::SourceState::not_selectable;
  expect(check_chrony_follows(facts.chrony), Verdict::problem, "does not follow");
  report.statistics = {{"WEB", 2, 0ns}};
  expect(check_chrony_follows(facts.chrony), Verdict::problem, "2 samples so far and wants three");
  source.last_sample.reset();
  expect(check_chrony_follows(facts.chrony), Verdict::problem, "not had a sample");
  source.state = refclock::SourceState::falseticker;
  expect(check_chrony_follows(facts.chrony), Verdict::problem, "falseticker");
  source.state = refclock::SourceState::jittery;
  expect(check_chrony_follows(facts.chrony), Verdict::problem, "scatter");
}

TEST(CheckChronyFollows, AnotherReferenceIsNotUs) {
  Facts facts = healthy();
  facts.chrony.report->tracking.reference_name = "192.0.2.7";
  expect(check_chrony_follows(facts.chrony), Verdict::problem, "does not follow");
}

// --- sockets in the file system ----------------------------------------------------------------------------------

TEST(CheckSockets, AreThere) {
  Facts facts = healthy();
  facts.chrony.samples.exists = facts.chrony.report_socket.exists = facts.chrony.reset_socket.exists = false;
  expect(check_sample_socket(facts.chrony), Verdict::problem, "there is no /run/chrony.sdwdate.sock");
  expect(check_report_socket(facts.chrony), Verdict::problem, "there is no /run/sdwdate-chrony/report");
  expect(check_reset_socket(facts.chrony), Verdict::problem, "there is no /run/sdwdate-chrony/reset");
  EXPECT_THAT(check_reset_socket(facts.chrony).remedy, HasSubstr("sdwdate-chrony-reset.socket"));
}

TEST(CheckSockets, AreSockets) {
  Facts facts = healthy();
  facts.chrony.samples.is_socket = facts.chrony.report_socket.is_socket = facts.chrony.reset_socket.is_socket = false;
  for (const auto& check : {check_sample_socket, check_report_socket, check_reset_socket}) {
    expect(check(facts.chrony), Verdict::problem, "is no socket");
  }
}

TEST(CheckSockets, ThoseThatChangeThingsAreForOurGroupAlone) {
  for (const auto& [check, file] : {std::pair{&check_sample_socket, &ChronyFacts::samples},
                                    std::pair{&check_reset_socket, &ChronyFacts::reset_socket}}) {
    Facts facts = healthy();
    (facts.chrony.*file).mode = 0755;  // as chronyd makes it
    expect(check(facts.chrony), Verdict::problem, "sdwdated may not write");
    (facts.chrony.*file).mode = 0666;
    expect(check(facts.chrony), Verdict::problem, "everybody may write");
    (facts.chrony.*file).mode = 0660;
    (facts.chrony.*file).group = "root";
    expect(check(facts.chrony), Verdict::problem, "root:root 0660");
  }
}

// --- the machine -------------------------------------------------------------------------------------------------

TEST(CheckCompetitors, ThoseThatRunAndThoseThatWill) {
  Facts facts = healthy();
  facts.competitors.found = {{"ntpd", "ntpsec.service", 77, true},
                             {"htpdate", "", 78, false},
                             {"systemd-timesyncd", "systemd-timesyncd.service", std::nullopt, true}};
  const Finding finding = check_competitors(facts);
  expect(finding, Verdict::problem,
         "ntpd runs (PID 77) and systemd starts ntpsec.service at boot; htpdate runs (PID 78); "
         "systemd-timesyncd: systemd starts systemd-timesyncd.service at boot");
  EXPECT_THAT(finding.remedy, AllOf(HasSubstr("disable --now ntpsec.service"), HasSubstr("end process 78")));
}

TEST(CheckCompetitors, WhatIsNotKnownIsSaid) {
  Facts facts = healthy();
  facts.competitors.units_unknown = "systemd does not run this machine";
  expect(check_competitors(facts), Verdict::ok, "is not known: systemd does not run");
  facts.competitors.found = std::unexpected("/proc hides the processes of others");
  expect(check_competitors(facts), Verdict::not_checked, "hides");
}

TEST(CheckClock, BeforeTheFloorOrAfterTheCeiling) {
  Facts facts = healthy();
  facts.clock.now = std::chrono::sys_days{std::chrono::year{2020} / 1 / 1};
  expect(check_clock(facts), Verdict::problem, "2020-01-01 00:00:00 UTC");
  facts.clock.now = facts.clock.ceiling + 1s;
  expect(check_clock(facts), Verdict::problem, "decades");
}

// "chronyd sets it when sdwdated has agreed" leads nowhere where the floor refuses what sdwdated agrees on.
TEST(CheckClock, AFloorAfterTheClockNamesItsFileAndTheWayOut) {
  Facts facts = healthy();
  facts.clock.floor.file = "/var/lib/sdwdate/last-agreed";
  facts.clock.floor.time = std::chrono::floor<std::chrono::seconds>(kNow) + 24h * 100;
  const timecore::PastTime past{facts.clock.floor.time, std::nullopt, ""};
  facts.clock.floor.saved = timecore::floor_by(timecore::Voucher::old_version, past);
  expect(check_clock(facts), Verdict::problem, "/var/lib/sdwdate/last-agreed says that");
  EXPECT_THAT(check_clock(facts).remedy, HasSubstr("sudo sdwdate floor --reset"));
  facts.clock.floor.time = facts.clock.floor.saved.floor->past.time = std::chrono::floor<std::chrono::seconds>(kNow);
  expect(check_clock(facts), Verdict::ok, "which may be");
}

TEST(CheckDaemon, RefusedByTheFloorThereIsAWayOut) {
  Facts facts = healthy();
  facts.daemon.report->failures_in_a_row = 2;
  facts.daemon.report->message = "The sources agree that it is this late.";
  EXPECT_THAT(check_daemon(facts).remedy, HasSubstr("journalctl"));
  facts.daemon.report->refused_by = "floor";
  expect(check_daemon(facts), Verdict::problem, "this late");
  EXPECT_THAT(check_daemon(facts).remedy, HasSubstr("sudo sdwdate floor --reset"));
}

TEST(CheckRtc, IsReadAndCompared) {
  Facts facts = healthy();
  expect(check_rtc(facts), Verdict::ok, "agrees");
  facts.clock.rtc = kNow - 90s;
  expect(check_rtc(facts), Verdict::ok, "90.0 s behind");
  facts.clock.rtc = kNow + 1h;
  expect(check_rtc(facts), Verdict::ok, "60.0 min ahead");
}

TEST(CheckRtc, AVirtualMachineShouldHaveOne) {
  Facts facts = healthy();
  facts.clock.rtc = std::unexpected("there is none");
  expect(check_rtc(facts), Verdict::not_checked, "there is none");
  EXPECT_EQ(check_rtc(facts).remedy, "");
  facts.clock.virtual_machine = true;
  EXPECT_THAT(check_rtc(facts).remedy, HasSubstr("paused"));
}

}  // namespace
}  // namespace sdwdate::doctor
