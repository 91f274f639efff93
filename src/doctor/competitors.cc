#include "doctor/competitors.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <ranges>
#include <string_view>

namespace sdwdate::doctor {
namespace {

using machine::Process;
using machine::Unit;

constexpr std::string_view kPythonSdwdate = "the Python sdwdate";

struct Kind {
  std::string_view name;
  std::string_view process;  ///< the kernel's name for it, cut to 15 characters
  std::array<std::string_view, 4> units;
};
constexpr std::array<Kind, 7> kKinds{{
    {"ntpd", "ntpd", {"ntpsec.service", "ntp.service", "ntpd.service", "openntpd.service"}},
    {"ntpd-rs", "ntp-daemon", {"ntpd-rs.service"}},
    {"systemd-timesyncd", "systemd-timesyn", {"systemd-timesyncd.service"}},
    {"htpdate", "htpdate", {"htpdate.service"}},
    {"tlsdated", "tlsdated", {"tlsdated.service"}},
    {"phc2sys", "phc2sys", {"phc2sys.service"}},
    {kPythonSdwdate, "", {"sdwdate.service"}},
}};

std::string base_name(const std::string& path) { return std::filesystem::path{path}.filename().string(); }

/// A script's process is named after the script or its interpreter, and `sdwdate` is also our own command.
bool is_python_sdwdate(const Process& process) {
  const auto& arguments = process.arguments;
  return !arguments.empty() && base_name(arguments.front()).starts_with("python") &&
         std::ranges::any_of(arguments | std::views::drop(1),
                             [](const std::string& argument) { return base_name(argument) == "sdwdate"; });
}

bool is(const Kind& kind, const Process& process) {
  return kind.name == kPythonSdwdate ? is_python_sdwdate(process) : process.name == kind.process;
}

}  // namespace

std::vector<std::string> competing_units() {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) {
    for (const std::string_view unit : kind.units) {
      if (!unit.empty()) names.emplace_back(unit);
    }
  }
  return names;
}

std::vector<Competitor> competitors_among(const std::vector<Process>& processes, const std::vector<Unit>& units) {
  std::vector<Competitor> found;
  for (const Kind& kind : kKinds) {
    Competitor competitor{std::string{kind.name}, "", std::nullopt, false};
    const auto process = std::ranges::find_if(processes, [&](const Process& each) { return is(kind, each); });
    if (process != processes.end()) competitor.pid = process->pid;
    for (const Unit& unit : units) {
      if (std::ranges::count(kind.units, unit.name) == 0 || !(unit.is_active() || unit.is_enabled())) continue;
      competitor.unit = unit.name;
      competitor.starts_at_boot = competitor.starts_at_boot || unit.is_enabled();
      if (!competitor.pid && unit.main_process > 0) competitor.pid = unit.main_process;
    }
    if (competitor.pid || !competitor.unit.empty()) found.push_back(std::move(competitor));
  }
  return found;
}

}  // namespace sdwdate::doctor
