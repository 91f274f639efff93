#include "machine/systemd.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <ranges>
#include <utility>

#include "base/text.h"
#include "machine/command.h"

namespace sdwdate::machine {
namespace {

/// systemd gives a service 90 s to start, unless its unit says otherwise.
constexpr std::chrono::seconds kPatience{120};
constexpr std::size_t kShownComplaint = 300;

std::string first_line(std::string_view text) {
  return base::printable(text.substr(0, text.find('\n')), kShownComplaint);
}

}  // namespace

std::vector<Unit> parse_units(std::string_view text) {
  std::vector<Unit> units;
  bool between = true;
  for (const auto piece : std::views::split(text, '\n')) {
    const std::string_view line{piece};
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      between = true;
      continue;
    }
    if (std::exchange(between, false)) units.emplace_back();
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "Id") units.back().name = value;
    if (key == "ActiveState") units.back().active = value;
    if (key == "UnitFileState") units.back().enabled = value;
    if (key == "MainPID") std::from_chars(value.data(), value.data() + value.size(), units.back().main_process);
  }
  return units;
}

bool systemd_runs() {
  std::error_code error;
  return std::filesystem::is_directory("/run/systemd/system", error);
}

std::expected<std::string, std::string> Systemd::run(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), systemctl_);
  const auto result = run_command(arguments, kPatience);
  if (!result) return std::unexpected(result.error());
  if (result->status == 0) return result->output;
  return std::unexpected(fmt::format("'{}' failed with exit status {}: {}", fmt::join(arguments, " "), result->status,
                                     first_line(result->output)));
}

std::expected<std::vector<Unit>, std::string> Systemd::units(const std::vector<std::string>& names) const {
  std::vector<std::string> arguments{"show", "--property=Id,ActiveState,UnitFileState,MainPID", "--"};
  arguments.insert(arguments.end(), names.begin(), names.end());
  const auto output = run(std::move(arguments));
  if (!output) return std::unexpected(output.error());
  return parse_units(*output);
}

std::expected<void, std::string> Systemd::reload() const {
  const auto output = run({"daemon-reload"});
  if (!output) return std::unexpected(output.error());
  return {};
}

std::expected<void, std::string> Systemd::restart(const std::string& unit) const {
  const auto output = run({"restart", unit});
  if (!output) return std::unexpected(output.error());
  return {};
}

}  // namespace sdwdate::machine
