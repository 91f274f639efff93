#include "doctor/checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "base/text.h"
#include "service/words.h"

namespace sdwdate::doctor {
namespace {

using namespace std::chrono_literals;
using base::in_words;
using machine::OpenSocket;
using machine::SetupMode;
using refclock::ChronySource;
using service::utc;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::string_view kGroup = "sdwdate";
constexpr std::string_view kEnable = "sudo sdwdate chrony enable";
constexpr std::string_view kRestart = "sudo systemctl restart chrony";
constexpr std::uint16_t kNtpPort = 123;
constexpr std::uint16_t kNtsPort = 4460;
constexpr std::size_t kFewestOperators = 3;
/// Twice the longest time between two rounds, unless configured otherwise.
constexpr seconds kOldSample = 6h;
/// A round may take minutes over Tor; so may what the daemon does before it.
constexpr seconds kLateRound = 15min;
constexpr std::uint32_t kFewestSamples = 3;

/// A finding of one check, whatever it comes to.
class Check {
 public:
  Check(std::string_view name, std::string_view title) : name_(name), title_(title) {}

  [[nodiscard]] Finding ok(std::string text) const { return make(Verdict::ok, std::move(text), ""); }
  [[nodiscard]] Finding problem(std::string text, std::string_view remedy) const {
    return make(Verdict::problem, std::move(text), remedy);
  }
  [[nodiscard]] Finding not_checked(std::string text, std::string_view remedy = "") const {
    return make(Verdict::not_checked, std::move(text), remedy);
  }

 private:
  [[nodiscard]] Finding make(Verdict verdict, std::string text, std::string_view remedy) const {
    return {name_, title_, verdict, std::move(text), std::string{remedy}};
  }

  std::string_view name_;
  std::string_view title_;
};

/// What helps where the saved floor is wrong, and nothing else is.
std::string forget_wrong_floor() { return fmt::format("if it is the floor that is wrong: {}", service::kForgetFloor); }

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// The chronyd that the other checks are about; nullptr if there is none, or nobody knows.
const ChronydFacts* chronyd_of(const ChronyFacts& chrony) {
  if (!chrony.daemons || chrony.daemons->empty()) return nullptr;
  const auto ours = std::ranges::find(*chrony.daemons, machine::kChronyConfiguration, &ChronydFacts::configuration);
  return ours == chrony.daemons->end() ? &chrony.daemons->front() : &*ours;
}

std::string no_chronyd(const ChronyFacts& chrony) {
  return chrony.daemons ? "chronyd does not run" : chrony.daemons.error();
}

/// Our drop-in is there already: what chronyd lacks, it gets by starting anew.
std::string_view how_to_start(const ChronyFacts& chrony) {
  return chrony.setup.mode == SetupMode::offline || chrony.setup.mode == SetupMode::serving ? kRestart : kEnable;
}

/// Tunnels that the kernel may put into every namespace; without an address or a route nothing goes through them.
bool is_dormant_tunnel(const std::string& interface, const machine::WaysOut& ways) {
  constexpr std::array<std::string_view, 9> kTunnels{"tunl0",    "gre0", "gretap0", "erspan0", "ip_vti0",
                                                     "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"};
  return std::ranges::count(kTunnels, interface) > 0 && std::ranges::count(ways.routed, interface) == 0;
}

bool may_serve(const OpenSocket& socket, const machine::Serving& serving) {
  if (socket.protocol == "UDP") return socket.port == kNtpPort && !socket.connected;
  return socket.protocol == "TCP" && socket.port == kNtsPort && !serving.certificate.empty();
}

std::string list(const std::vector<OpenSocket>& sockets) {
  return fmt::format("{}", fmt::join(sockets | std::views::transform(machine::to_string), ", "));
}

/// Is there a socket at all?
std::optional<std::string> missing(const SocketFile& file) {
  if (!file.exists) return fmt::format("there is no {}", file.path);
  if (!file.is_socket) return fmt::format("{} is no socket", file.path);
  return std::nullopt;
}

std::string access_to(const SocketFile& file) {
  return fmt::format("{} is {}:{} {:04o}", file.path, file.owner, file.group, file.mode);
}

/// Who may write to a socket that is for our group alone?
std::optional<std::string> wrong_access(const SocketFile& file) {
  constexpr unsigned kGroupWrites = 0020;
  constexpr unsigned kOthersWrite = 0002;
  if ((file.mode & kOthersWrite) != 0) return fmt::format("{}: everybody may write to it", access_to(file));
  if (file.group != kGroup || (file.mode & kGroupWrites) == 0) {
    return fmt::format("{}: sdwdated may not write to it", access_to(file));
  }
  return std::nullopt;
}

std::string newest_sample(const ChronySource& source) {
  if (!source.last_sample) return "it holds no sample now";
  return fmt::format("its newest sample is {} old", in_words(std::max(*source.last_sample, 1s)));
}

/// Why chronyd does not follow our source.
std::string not_followed(const ChronySource& source, const refclock::ChronyReport& report) {
  switch (source.state) {
    case refclock::SourceState::falseticker:
      return "chronyd takes our source for a falseticker: other sources outvote it";
    case refclock::SourceState::jittery: return "our source's samples scatter too much for chronyd";
    default: break;
  }
  if (!source.last_sample) return "chronyd has not had a sample yet";
  const auto counted = std::ranges::find(report.statistics, source.name, &refclock::SourceStatistics::name);
  if (counted != report.statistics.end() && counted->samples < kFewestSamples) {
    return fmt::format("chronyd has {} so far and wants three", plural(counted->samples, "sample"));
  }
  return fmt::format("chronyd does not follow our source; {}", newest_sample(source));
}

std::string describe(const Competitor& competitor) {
  std::string text = competitor.name;
  if (competitor.pid) text += fmt::format(" runs (PID {})", *competitor.pid);
  if (competitor.starts_at_boot) {
    text += fmt::format("{}systemd starts {} at boot", competitor.pid ? " and " : ": ", competitor.unit);
  }
  return text;
}

std::string remedy_for(const Competitor& competitor) {
  if (!competitor.unit.empty()) return fmt::format("sudo systemctl disable --now {}", competitor.unit);
  return fmt::format("end process {} and whatever starts it", competitor.pid.value_or(0));
}

}  // namespace

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::problem: return "problem";
    case Verdict::not_checked: break;
  }
  return "not_checked";
}

Finding check_sources(const Facts& facts) {
  const Check check{"configuration", "configuration"};
  if (!facts.sources) return check.problem(facts.sources.error(), "see sdwdate.toml(5)");
  const SourceFacts& sources = *facts.sources;
  const std::string counted =
      fmt::format("{} in {}", plural(sources.operators, "operator"), plural(sources.pools, "pool"));
  if (sources.operators < kFewestOperators) {
    return check.problem(fmt::format("{}: no round can agree with fewer than three", counted),
                         "name more sources, see sdwdate.toml(5)");
  }
  if (sources.asked < kFewestOperators) {
    return check.problem(fmt::format("{}, of whom a round asks {}: three must agree", counted, sources.asked),
                         "name more pools, or raise sources_per_pool, see sdwdate.toml(5)");
  }
  return check.ok(counted);
}

Finding check_helpers(const Facts& facts) {
  const Check check{"helpers", "helper programs"};
  if (facts.missing_helpers.empty()) return check.ok("all are there");
  return check.problem(fmt::format("missing: {}", fmt::join(facts.missing_helpers, ", ")),
                       "install the package sdwdated anew");
}

Finding check_account(const Facts& facts) {
  const Check check{"account", "account"};
  if (facts.account.user && facts.account.group) return check.ok("user and group sdwdate exist");
  return check.problem(fmt::format("there is no {} sdwdate", facts.account.user ? "group" : "user"),
                       "sudo systemd-sysusers, or install the package sdwdated anew");
}

Finding check_daemon(const Facts& facts) {
  const Check check{"daemon", "sdwdated"};
  const DaemonFacts& daemon = facts.daemon;
  constexpr std::string_view kLog = "see journalctl -u sdwdated";
  if (!daemon.processes) return check.not_checked(daemon.processes.error(), "run this as root");
  if (daemon.processes->empty()) return check.problem("it does not run", "sudo systemctl enable --now sdwdated");
  if (!daemon.report) return check.problem(daemon.report.error(), kLog);

  const DaemonReport& report = *daemon.report;
  const auto now = std::chrono::floor<seconds>(facts.clock.now);
  if (std::ranges::count(*daemon.processes, report.pid) == 0) {
    return check.problem(fmt::format("its report is by process {}, which has ended, and not by {}", report.pid,
                                     fmt::join(*daemon.processes, ", ")),
                         "sudo systemctl restart sdwdated");
  }
  if (report.failures_in_a_row > 0) {
    return check.problem(
        fmt::format("{} failed; {}", plural(static_cast<std::size_t>(report.failures_in_a_row), "round"),
                    report.message),
        report.refused_by == "floor" ? forget_wrong_floor() : std::string{kLog});
  }
  if (report.next_round && now > *report.next_round + kLateRound) {
    return check.problem(fmt::format("its next round was due at {}", utc(*report.next_round)),
                         "sudo systemctl restart sdwdated");
  }
  if (!report.last_success) return check.not_checked(fmt::format("its first round is not over: {}", report.message));
  return check.ok(fmt::format("it runs; the last round that agreed was {} ago",
                              in_words(std::max(now - *report.last_success, 1s))));
}

Finding check_chronyd(const ChronyFacts& chrony) {
  const Check check{"chronyd", "chronyd"};
  if (!chrony.installed) return check.problem("chrony is not installed", "sudo apt-get install chrony");
  const ChronydFacts* chronyd = chronyd_of(chrony);
  if (chronyd == nullptr) {
    if (!chrony.daemons) return check.not_checked(chrony.daemons.error(), "run this as root");
    return check.problem("chronyd does not run", "sudo systemctl enable --now chrony");
  }
  if (chrony.daemons->size() > 1) {
    return check.problem(fmt::format("{} chronyds run, with PIDs {}", chrony.daemons->size(),
                                     fmt::join(*chrony.daemons | std::views::transform(&ChronydFacts::pid), ", ")),
                         "end the one that chrony.service did not start");
  }
  if (chronyd->configuration != machine::kChronyConfiguration) {
    return check.problem(
        fmt::format("chronyd (PID {}) runs with {}, not with {}", chronyd->pid,
                    chronyd->configuration.empty() ? "its usual configuration" : chronyd->configuration,
                    machine::kChronyConfiguration),
        how_to_start(chrony));
  }
  switch (chrony.setup.mode) {
    case SetupMode::offline:
      return check.ok(fmt::format("it runs (PID {}) with {}", chronyd->pid, machine::kChronyConfiguration));
    case SetupMode::serving:
      return check.ok(fmt::format("it runs (PID {}) with {} and serves {}{}", chronyd->pid,
                                  machine::kChronyConfiguration, fmt::join(chrony.setup.serving.networks, ", "),
                                  chrony.setup.serving.certificate.empty() ? "" : ", with NTS"));
    case SetupMode::none:
    case SetupMode::foreign: break;
  }
  return check.problem(fmt::format("chronyd (PID {}) runs with {}, but {} is not ours", chronyd->pid,
                                   machine::kChronyConfiguration, machine::kDropIn),
                       kEnable);
}

Finding check_chrony_network(const ChronyFacts& chrony) {
  const Check check{"chrony-network", "chronyd's network"};
  const ChronydFacts* chronyd = chronyd_of(chrony);
  if (chronyd == nullptr) return check.not_checked(no_chronyd(chrony));
  if (chrony.setup.mode == SetupMode::serving) return check.ok("that of this machine, because it serves others");
  if (!chronyd->ways_out) return check.not_checked(chronyd->ways_out.error(), "run this as root");

  std::vector<std::string> leading = chronyd->ways_out->interfaces;
  std::erase_if(leading, [&](const std::string& name) { return is_dormant_tunnel(name, *chronyd->ways_out); });
  if (!leading.empty()) {
    return check.problem(fmt::format("it can reach {}", fmt::join(leading, ", ")), how_to_start(chrony));
  }
  if (!chronyd->own_network) {
    return check.ok("its network namespace has no interface but loopback");
  }
  if (!*chronyd->own_network) {
    return check.problem("it shares this machine's network, which only now has no interface but loopback",
                         how_to_start(chrony));
  }
  return check.ok("a namespace of its own, with no interface but loopback");
}

Finding check_chrony_sockets(const ChronyFacts& chrony) {
  const Check check{"chrony-sockets", "chronyd's sockets"};
  const ChronydFacts* chronyd = chronyd_of(chrony);
  if (chronyd == nullptr) return check.not_checked(no_chronyd(chrony));
  if (!chronyd->sockets) return check.not_checked(chronyd->sockets.error(), "run this as root");
  const std::vector<OpenSocket>& sockets = *chronyd->sockets;

  if (chrony.setup.mode != SetupMode::serving) {
    if (sockets.empty()) return check.ok("UNIX sockets only");
    return check.problem(fmt::format("it has network sockets: {}", list(sockets)), how_to_start(chrony));
  }
  std::vector<OpenSocket> others;
  std::ranges::copy_if(sockets, std::back_inserter(others),
                       [&](const OpenSocket& socket) { return !may_serve(socket, chrony.setup.serving); });
  if (!others.empty()) {
    return check.problem(fmt::format("it has sockets that serving does not need: {}", list(others)), kRestart);
  }
  if (std::ranges::count(sockets, "UDP", &OpenSocket::protocol) == 0) {
    return check.problem(fmt::format("it does not listen on UDP port {}", kNtpPort), kRestart);
  }
  return check.ok(fmt::format("for serving alone: {}", list(sockets)));
}

Finding check_chrony_sources(const ChronyFacts& chrony) {
  const Check check{"chrony-sources", "chronyd's sources"};
  if (!chrony.report) return check.not_checked(chrony.report.error());
  std::vector<std::string> others;
  for (const ChronySource& source : chrony.report->sources) {
    const bool ours = source.mode == refclock::SourceMode::refclock && source.name == refclock::kOurRefid;
    if (!ours) others.push_back(source.name);
  }
  if (!others.empty()) {
    return check.problem(fmt::format("it also listens to {}", fmt::join(others, ", ")),
                         fmt::format("remove them from what it reads; then {}", how_to_start(chrony)));
  }
  if (refclock::find_refclock(*chrony.report, refclock::kOurRefid) == nullptr) {
    return check.problem(fmt::format("it has no source {}", refclock::kOurRefid), how_to_start(chrony));
  }
  return check.ok(fmt::format("{}, which is ours, and no other", refclock::kOurRefid));
}

Finding check_chrony_follows(const ChronyFacts& chrony) {
  const Check check{"chrony-follows", "chronyd follows us"};
  if (!chrony.report) return check.not_checked(chrony.report.error());
  const ChronySource* source = refclock::find_refclock(*chrony.report, refclock::kOurRefid);
  if (source == nullptr) return check.not_checked(fmt::format("chronyd has no source {}", refclock::kOurRefid));
  constexpr std::string_view kLog = "see journalctl -u sdwdated";
  const refclock::Tracking& tracking = chrony.report->tracking;
  // Between two rounds chronyd may call the source unreachable. It goes by what it has learnt of it all the same.
  const bool follows =
      tracking.reference_name == refclock::kOurRefid && tracking.leap != refclock::Leap::not_synchronised;
  if (!follows) return check.problem(not_followed(*source, *chrony.report), kLog);
  if (source->last_sample && *source->last_sample > kOldSample) {
    return check.problem(fmt::format("it does, but {}", newest_sample(*source)), kLog);
  }
  return check.ok(fmt::format("{}; {:.6f} s are left to correct", newest_sample(*source),
                              std::chrono::duration<double>(std::chrono::abs(tracking.system_offset.value)).count()));
}

Finding check_sample_socket(const ChronyFacts& chrony) {
  const Check check{"sample-socket", "chronyd's socket"};
  if (auto fault = missing(chrony.samples)) {
    return check.problem(*std::move(fault), how_to_start(chrony));
  }
  if (auto fault = wrong_access(chrony.samples)) return check.problem(*std::move(fault), kRestart);
  return check.ok(access_to(chrony.samples));
}

Finding check_report_socket(const ChronyFacts& chrony) {
  const Check check{"report-socket", "asking chronyd"};
  constexpr std::string_view kUnit = "sudo systemctl enable --now sdwdate-chrony-report.socket";
  if (auto fault = missing(chrony.report_socket)) return check.problem(*std::move(fault), kUnit);
  return check.ok(access_to(chrony.report_socket));
}

Finding check_reset_socket(const ChronyFacts& chrony) {
  const Check check{"reset-socket", "resetting chronyd"};
  constexpr std::string_view kUnit = "sudo systemctl enable --now sdwdate-chrony-reset.socket";
  if (auto fault = missing(chrony.reset_socket)) return check.problem(*std::move(fault), kUnit);
  if (auto fault = wrong_access(chrony.reset_socket)) {
    return check.problem(*std::move(fault), "sudo systemctl restart sdwdate-chrony-reset.socket");
  }
  return check.ok(access_to(chrony.reset_socket));
}

Finding check_competitors(const Facts& facts) {
  const Check check{"competitors", "other time daemons"};
  const CompetitorFacts& competitors = facts.competitors;
  if (!competitors.found) return check.not_checked(competitors.found.error(), "run this as root");
  if (!competitors.found->empty()) {
    return check.problem(fmt::format("{}", fmt::join(*competitors.found | std::views::transform(describe), "; ")),
                         fmt::format("{}", fmt::join(*competitors.found | std::views::transform(remedy_for), "; ")));
  }
  if (competitors.units_unknown) {
    return check.ok(fmt::format("none runs (what starts at boot is not known: {})", *competitors.units_unknown));
  }
  return check.ok("none runs, and none starts at boot");
}

Finding check_clock(const Facts& facts) {
  const Check check{"clock", "system clock"};
  const ClockFacts& clock = facts.clock;
  const auto now = std::chrono::floor<seconds>(clock.now);
  if (now < clock.built) {
    return check.problem(fmt::format("it shows {}, and {} is certainly past", utc(now), utc(clock.built)),
                         "chronyd sets it when sdwdated has agreed on the time");
  }
  if (clock.floor.is_saved() && now < clock.floor.time) {
    return check.problem(
        fmt::format("it shows {}, and {} says that {} is past ({})", utc(now), clock.floor.file.string(),
                    utc(clock.floor.time), service::describe(*clock.floor.saved.floor)),
        fmt::format("{}; if it is the clock, chronyd sets it when sdwdated has agreed on the time",
                    forget_wrong_floor()));
  }
  if (now > clock.ceiling) {
    return check.problem(fmt::format("it shows {}, decades after this version of sdwdate", utc(now)),
                         "chronyd sets it when sdwdated has agreed on the time");
  }
  return check.ok(fmt::format("it shows {}, which may be", utc(now)));
}

Finding check_rtc(const Facts& facts) {
  const Check check{"rtc", "real-time clock"};
  const ClockFacts& clock = facts.clock;
  if (!clock.rtc) {
    return check.not_checked(clock.rtc.error(), clock.virtual_machine
                                                    ? "give this virtual machine one: without it, that the machine was "
                                                      "paused is noticed by the next round only"
                                                    : "");
  }
  const seconds ahead = *clock.rtc - std::chrono::floor<seconds>(clock.now);
  return check.ok(ahead == 0s ? "agrees with the system clock"
                              : fmt::format("{} {} the system clock", in_words(std::chrono::abs(ahead)),
                                            ahead > 0s ? "ahead of" : "behind"));
}

Finding check_proxy(const Facts& facts) {
  const Check check{"proxy", "proxy"};
  if (facts.proxies.empty()) return check.ok("none is used; sources are asked directly");
  std::string servers;
  for (const ProxyFacts& proxy : facts.proxies) {
    if (!proxy.answers) {
      return check.problem(proxy.answers.error(), "start Tor (sudo systemctl start tor), or see sdwdate.toml(5)");
    }
    servers += (servers.empty() ? "" : ", ") + proxy.server;
  }
  return check.ok(fmt::format("{} {} SOCKS5", servers, facts.proxies.size() == 1 ? "speaks" : "speak"));
}

Finding check_tor(const Facts& facts) {
  const Check check{"tor", "Tor's control port"};
  if (facts.proxies.empty()) return check.ok("not needed; sources are asked directly");
  if (!facts.daemon.report) return check.not_checked(facts.daemon.report.error());
  const std::optional<TorReport>& tor = facts.daemon.report->tor;
  if (!tor) return check.not_checked("sdwdated has not asked it yet, or is not to ask it");
  if (!tor->unavailable.empty()) {
    return check.not_checked(fmt::format("rounds do without Tor's word on the time: {}", tor->unavailable),
                             "sudo adduser sdwdate debian-tor; sudo systemctl restart sdwdated");
  }
  constexpr int kWorks = 100;
  if (tor->progress < kWorks) {
    return check.problem(fmt::format("when sdwdated last asked, Tor was at {} %", tor->progress),
                         "see journalctl -u tor@default; if the clock is wrong, see sdwdate(1), rough");
  }
  return check.ok("sdwdated asks it; Tor works");
}

std::vector<Finding> examine(const ChronyFacts& chrony) {
  return {check_chronyd(chrony),        check_chrony_network(chrony), check_chrony_sockets(chrony),
          check_chrony_sources(chrony), check_chrony_follows(chrony), check_sample_socket(chrony),
          check_report_socket(chrony),  check_reset_socket(chrony)};
}

std::vector<Finding> examine(const Facts& facts) {
  std::vector<Finding> findings{check_sources(facts), check_helpers(facts), check_account(facts),
                                check_proxy(facts),   check_tor(facts),     check_daemon(facts)};
  std::ranges::move(examine(facts.chrony), std::back_inserter(findings));
  std::ranges::move(std::vector{check_competitors(facts), check_clock(facts), check_rtc(facts)},
                    std::back_inserter(findings));
  return findings;
}

bool has_problem(const std::vector<Finding>& findings) {
  return std::ranges::count(findings, Verdict::problem, &Finding::verdict) > 0;
}

}  // namespace sdwdate::doctor
