// What systemd knows of its units, and asking it for the few things that change them.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sdwdate::machine {

struct Unit {
  std::string name;
  std::string active;   ///< "active", "inactive", "failed", ...
  std::string enabled;  ///< "enabled", "disabled", "static", "masked", ...; empty if systemd has no such unit
  pid_t main_process = 0;

  [[nodiscard]] bool is_active() const { return active == "active" || active == "activating" || active == "reloading"; }
  [[nodiscard]] bool is_enabled() const { return enabled.starts_with("enabled"); }
};

/// What `systemctl show` prints of several units.
std::vector<Unit> parse_units(std::string_view text);

/// Does systemd run this machine?
bool systemd_runs();

class Systemd {
 public:
  /// `systemctl` is the command to ask with.
  explicit Systemd(std::string systemctl = "systemctl") : systemctl_(std::move(systemctl)) {}

  /// The error is a sentence, as in all of these.
  [[nodiscard]] std::expected<std::vector<Unit>, std::string> units(const std::vector<std::string>& names) const;
  [[nodiscard]] std::expected<void, std::string> reload() const;
  [[nodiscard]] std::expected<void, std::string> restart(const std::string& unit) const;

 private:
  [[nodiscard]] std::expected<std::string, std::string> run(std::vector<std::string> arguments) const;

  std::string systemctl_;
};

}  // namespace sdwdate::machine
