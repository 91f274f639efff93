#include "doctor/gather.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/accounts.h"
#include "base/build_info.h"
#include "base/files.h"
#include "base/text.h"
#include "doctor/competitors.h"
#include "doctor/proxy.h"
#include "ipc/launcher.h"
#include "machine/command.h"
#include "machine/systemd.h"
#include "service/ask_chrony.h"
#include "service/state.h"
#include "service/sync.h"
#include "timecore/sanity.h"

namespace sdwdate::doctor {
namespace {

namespace fs = std::filesystem;
using machine::Process;
using std::chrono::sys_seconds;

constexpr std::chrono::seconds kPatience{5};
/// Far more than the daemon says of any number of sources that a person configures.
constexpr std::size_t kLongestReport = std::size_t{4} * 1024 * 1024;
constexpr std::string_view kChronyd = "chronyd";
constexpr std::string_view kSdwdated = "sdwdated";

bool is_root() { return ::geteuid() == 0; }

/// The processes, unless those of others are hidden from us: the first one belongs to root.
Known<std::vector<Process>> visible_processes() {
  auto found = machine::processes();
  if (found.empty() || found.front().pid != 1) {
    return std::unexpected("/proc hides the processes of others (its option hidepid)");
  }
  return found;
}

// --- chronyd -----------------------------------------------------------------------------------------------------

SocketFile look_at_socket(const std::string& path) {
  SocketFile file;
  file.path = path;
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return file;
  file.exists = true;
  file.is_socket = S_ISSOCK(status.st_mode);
  file.owner = base::user_name(status.st_uid);
  file.group = base::group_name(status.st_gid);
  file.mode = status.st_mode & 07777U;
  return file;
}

/// Sockets of a chronyd and of what it started, such as its NTS helper.
Known<std::vector<machine::OpenSocket>> sockets_of(pid_t chronyd, const std::vector<Process>& processes) {
  auto sockets = machine::network_sockets(chronyd);
  for (const Process& process : processes) {
    if (!sockets || process.parent != chronyd || process.name != kChronyd) continue;
    const auto more = machine::network_sockets(process.pid);
    if (!more) return more;
    // What it was started with, it shares with the first.
    std::ranges::copy_if(*more, std::back_inserter(*sockets),
                         [&](const machine::OpenSocket& socket) { return std::ranges::count(*sockets, socket) == 0; });
  }
  return sockets;
}

ChronydFacts look_at_chronyd(const Process& process, const std::vector<Process>& processes) {
  return {process.pid, configuration_of(process), machine::has_own_network(process.pid), machine::ways_out(process.pid),
          sockets_of(process.pid, processes)};
}

Known<std::vector<ChronydFacts>> look_at_chronyds(const Known<std::vector<Process>>& processes) {
  if (!processes) return std::unexpected(processes.error());
  std::vector<ChronydFacts> found;
  for (const Process& process : chronyds_of(*processes)) found.push_back(look_at_chronyd(process, *processes));
  return found;
}

Known<refclock::ChronyReport> ask(const std::string& socket) {
  auto answer = service::ask_chrony_and_wait(socket, kPatience);
  if (!answer && is_root()) {
    const auto chronyc =
        machine::run_command({"chronyc", "-n", "-c", "-m", "tracking", "sources", "sourcestats"}, kPatience);
    if (chronyc) answer = chronyc->output;
  }
  if (!answer) return std::unexpected(answer.error());
  return refclock::parse_chrony_report(*answer);
}

ChronyFacts gather_chrony(const config::Config& config, const Known<std::vector<Process>>& processes) {
  ChronyFacts facts;
  facts.installed = ::access("/usr/sbin/chronyd", X_OK) == 0;
  facts.setup = machine::ChronySetup{}.read();
  facts.daemons = look_at_chronyds(processes);
  facts.samples = look_at_socket(config.chrony_socket);
  facts.report_socket = look_at_socket(config.chrony_report);
  facts.reset_socket = look_at_socket(config.chrony_reset);
  facts.report = ask(config.chrony_report);
  return facts;
}

// --- the rest ----------------------------------------------------------------------------------------------------

std::vector<std::string> missing_helpers() {
  const ipc::Helpers helpers = ipc::find_helpers();
  std::vector<std::string> missing;
  for (const std::string& helper : {helpers.probe, helpers.resolve, helpers.tor, helpers.launch}) {
    if (::access(helper.c_str(), X_OK) != 0) missing.push_back(helper);
  }
  return missing;
}

Known<std::vector<pid_t>> pids_named(std::string_view name, const Known<std::vector<Process>>& processes) {
  if (!processes) return std::unexpected(processes.error());
  std::vector<pid_t> found;
  for (const Process& process : *processes) {
    if (process.name == name) found.push_back(process.pid);
  }
  return found;
}

DaemonFacts look_at_daemon(const config::Config& config, const Known<std::vector<Process>>& processes) {
  DaemonFacts daemon;
  daemon.processes = pids_named(kSdwdated, processes);
  const fs::path file = config.runtime_directory / "report.json";
  const auto text = base::read_file(file, kLongestReport);
  daemon.report = text ? parse_daemon_report(*text)
                       : std::unexpected(fmt::format("it has left no report in {}: {}", file.string(),
                                                     base::errno_text(text.error())));
  return daemon;
}

CompetitorFacts look_for_competitors(const Known<std::vector<Process>>& processes) {
  CompetitorFacts facts;
  if (!processes) {
    facts.found = std::unexpected(processes.error());
    return facts;
  }
  std::vector<machine::Unit> units;
  if (!machine::systemd_runs()) {
    facts.units_unknown = "systemd does not run this machine";
  } else if (auto known = machine::Systemd{}.units(competing_units())) {
    units = *std::move(known);
  } else {
    facts.units_unknown = known.error();
  }
  facts.found = competitors_among(*processes, units);
  return facts;
}

Known<sys_seconds> read_rtc() {
  const auto text = base::read_trusted_file("/sys/class/rtc/rtc0/since_epoch");
  if (!text) {
    return std::unexpected(text.error() == ENOENT ? std::string{"there is none"} : base::errno_text(text.error()));
  }
  std::int64_t time = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), time);
  if (error != std::errc{}) return std::unexpected("it shows no time");
  return sys_seconds{std::chrono::seconds{time}};
}

ClockFacts look_at_clock(const config::Config& config) {
  ClockFacts clock;
  clock.floor = service::load_floor(config.state_directory, config.ceiling_years);
  clock.built = base::build_floor();
  clock.ceiling = timecore::limits_from(clock.floor.time, config.ceiling_years).ceiling;
  clock.rtc = read_rtc();
  clock.now = base::real_now();
  clock.virtual_machine = base::read_trusted_file("/proc/cpuinfo").value_or("").contains(" hypervisor");
  return clock;
}

}  // namespace

SourceFacts count_sources(const config::Config& config) {
  SourceFacts facts;
  std::set<std::string> everybody;
  for (const config::Pool& pool : config.pools) {
    std::set<std::string> operators;
    for (const config::Source& source : pool.sources) operators.insert(source.operator_name);
    facts.asked += std::min(operators.size(), static_cast<std::size_t>(config.sources_per_pool));
    everybody.merge(operators);
  }
  facts.pools = config.pools.size();
  facts.operators = everybody.size();
  facts.asked = std::min(facts.asked, facts.operators);
  return facts;
}

Known<DaemonReport> parse_daemon_report(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto words = [](const nlohmann::json& object, const char* key) -> std::string {
    const auto entry = object.find(key);
    if (entry == object.end() || !entry->is_string()) return {};
    return base::printable(entry->get_ref<const std::string&>(), 300);
  };
  const auto whole = [&](const char* key) -> std::optional<std::int64_t> {
    const auto entry = json.find(key);
    if (entry == json.end() || !entry->is_number()) return std::nullopt;
    const auto value = entry->get<double>();
    if (!(std::abs(value) < 1e15)) return std::nullopt;
    return static_cast<std::int64_t>(value);
  };
  const auto time = [&](const char* key) -> std::optional<sys_seconds> {
    const auto value = whole(key);
    if (!value || *value < 0 || sys_seconds{std::chrono::seconds{*value}} > timecore::kLatestDate) return std::nullopt;
    return sys_seconds{std::chrono::seconds{*value}};
  };
  if (!json.is_object() || whole("schema") != 1 || !whole("pid")) {
    return std::unexpected("its report cannot be understood: another version wrote it, or none");
  }
  DaemonReport report;
  report.pid = static_cast<pid_t>(std::clamp<std::int64_t>(*whole("pid"), 0, std::numeric_limits<pid_t>::max()));
  report.message = words(json, "message");
  report.last_success = time("last_success");
  report.next_round = time("next_round");
  report.failures_in_a_row = static_cast<int>(std::clamp<std::int64_t>(whole("failures_in_a_row").value_or(0), 0, 999));
  if (const auto round = json.find("last_round"); round != json.end() && round->is_object()) {
    report.refused_by = words(*round, "refused_by");
    if (const auto tor = round->find("tor"); tor != round->end() && tor->is_object()) {
      const auto progress = tor->find("progress");
      const bool known = progress != tor->end() && progress->is_number_integer();
      report.tor =
          TorReport{words(*tor, "unavailable"),
                    known ? static_cast<int>(std::clamp<std::int64_t>(progress->get<std::int64_t>(), 0, 100)) : 0};
    }
  }
  return report;
}

std::string configuration_of(const Process& chronyd) {
  std::string file;
  const auto& arguments = chronyd.arguments;
  for (auto argument = arguments.begin(); argument != arguments.end(); ++argument) {
    if (*argument == "-f" && std::next(argument) != arguments.end()) {
      file = *++argument;  // of several the last one counts
    } else if (argument->starts_with("-f")) {
      file = argument->substr(2);
    }
  }
  return file;
}

std::vector<Process> chronyds_of(const std::vector<Process>& processes) {
  std::set<pid_t> all;
  for (const Process& process : processes) {
    if (process.name == kChronyd) all.insert(process.pid);
  }
  std::vector<Process> first;
  std::ranges::copy_if(processes, std::back_inserter(first), [&](const Process& process) {
    return all.contains(process.pid) && !all.contains(process.parent);
  });
  return first;
}

ChronyFacts gather_chrony(const config::Config& config) { return gather_chrony(config, visible_processes()); }

Facts gather(const config::ConfigResult<config::Config>& config) {
  const config::Config places = config.value_or(config::Config{});
  const auto processes = visible_processes();
  Facts facts;
  if (config) {
    facts.sources = count_sources(*config);
    if (auto fault = service::check(*config)) facts.sources = std::unexpected(fault->message);
  } else {
    facts.sources = std::unexpected(config.error().message);
  }
  facts.missing_helpers = missing_helpers();
  facts.account = {::getpwnam("sdwdate") != nullptr, ::getgrnam("sdwdate") != nullptr};
  facts.daemon = look_at_daemon(places, processes);
  facts.chrony = gather_chrony(places, processes);
  facts.competitors = look_for_competitors(processes);
  facts.clock = look_at_clock(places);
  for (const wire::ProxyUrl& proxy : places.proxies) {
    facts.proxies.push_back({to_string(proxy.server), greet_proxy(proxy, kPatience)});
  }
  return facts;
}

}  // namespace sdwdate::doctor
