// What `sdwdate doctor` found on this machine, as values. What to think of it is in checks.h.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "machine/chrony_setup.h"
#include "machine/processes.h"
#include "refclock/chrony_report.h"
#include "service/state.h"

namespace sdwdate::doctor {

using machine::Known;

inline constexpr const char* kNotLooked = "it was not looked for";

/// The sources that the configuration names.
struct SourceFacts {
  std::size_t pools = 0;
  std::size_t operators = 0;
  std::size_t asked = 0;  ///< operators that one round asks at first
};

struct AccountFacts {
  bool user = false;
  bool group = false;
};

/// What Tor's control port said at the start of sdwdated's last round.
struct TorReport {
  std::string unavailable;  ///< why it could not be asked; empty if it could
  int progress = 0;         ///< in percent
};

/// What sdwdated wrote in its report.json.
struct DaemonReport {
  pid_t pid = 0;
  std::string message;
  std::optional<std::chrono::sys_seconds> last_success;
  std::optional<std::chrono::sys_seconds> next_round;
  int failures_in_a_row = 0;
  std::optional<TorReport> tor;  ///< set if there was a round that asked
  std::string refused_by;        ///< the limit that the last round's time broke; empty if none
};

struct DaemonFacts {
  Known<std::vector<pid_t>> processes = std::unexpected(kNotLooked);
  Known<DaemonReport> report = std::unexpected(kNotLooked);
};

/// A chronyd; what it started itself is part of it.
struct ChronydFacts {
  pid_t pid = 0;
  std::string configuration;  ///< the file that it was told to read; empty for its default
  Known<bool> own_network = std::unexpected(kNotLooked);
  Known<machine::WaysOut> ways_out = std::unexpected(kNotLooked);
  Known<std::vector<machine::OpenSocket>> sockets = std::unexpected(kNotLooked);
};

/// A socket in the file system.
struct SocketFile {
  std::string path;
  bool exists = false;
  bool is_socket = false;
  std::string owner;
  std::string group;
  unsigned mode = 0;  ///< permission bits
};

struct ChronyFacts {
  bool installed = false;
  machine::Setup setup;
  Known<std::vector<ChronydFacts>> daemons = std::unexpected(kNotLooked);
  Known<refclock::ChronyReport> report = std::unexpected(kNotLooked);
  SocketFile samples;
  SocketFile report_socket;
  SocketFile reset_socket;
};

/// Another program that sets clocks. It runs, or systemd starts it at boot, or both.
struct Competitor {
  std::string name;
  std::string unit;  ///< empty if systemd knows of none
  std::optional<pid_t> pid;
  bool starts_at_boot = false;
};

struct CompetitorFacts {
  Known<std::vector<Competitor>> found = std::unexpected(kNotLooked);
  /// Set if systemd could not be asked what it starts.
  std::optional<std::string> units_unknown;
};

struct ClockFacts {
  base::RealTime now;
  std::chrono::sys_seconds built;  ///< this build's day
  std::chrono::sys_seconds ceiling;
  Known<std::chrono::sys_seconds> rtc = std::unexpected(kNotLooked);
  bool virtual_machine = false;
  service::Floor floor{};
};

struct ProxyFacts {
  std::string server;
  Known<void> answers = std::unexpected(kNotLooked);
};

struct Facts {
  Known<SourceFacts> sources = std::unexpected(kNotLooked);
  std::vector<std::string> missing_helpers;
  AccountFacts account;
  DaemonFacts daemon;
  ChronyFacts chrony;
  CompetitorFacts competitors;
  ClockFacts clock;
  std::vector<ProxyFacts> proxies;  ///< none when sources are asked directly
};

}  // namespace sdwdate::doctor
