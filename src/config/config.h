// What the administrator wants, checked and immutable.
#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "timecore/schedule.h"
#include "timecore/transfer.h"
#include "wire/url.h"

namespace sdwdate::config {

/// One organisation's server; `mirrors` are further addresses of the same.
struct Source {
  wire::Url url;
  std::vector<wire::Url> mirrors;
  std::string operator_name;
  bool self_signed = false;  ///< an onion service whose certificate nobody needs to have signed
  /// How late it is known to refresh its Date; empty: as [request] lag.
  std::optional<std::chrono::nanoseconds> lag = std::nullopt;
};

/// Operators that are unlikely to conspire with those of other pools.
struct Pool {
  std::string name;
  std::vector<Source> sources;
};

/// The settings of every command. What a file does not say keeps the value given here.
struct Config {
  /// Over these SOCKS5 proxies, names and all, which sources take in turn. None: directly. One without a user
  /// is given another one for each source, by which Tor keeps their circuits apart.
  std::vector<wire::ProxyUrl> proxies{{{{}, {"127.0.0.1", 9050}}, "", ""}};
  /// Not set: Tor is not asked.
  std::optional<wire::Endpoint> tor_control = wire::Endpoint{"/run/tor/control", {}};
  std::string tor_cookie = "/run/tor/control.authcookie";
  std::string tor_control_password;  ///< empty: by cookie
  /// Hand chrony a rough time, from Tor's evidence, where the clock is too wrong for Tor to work.
  bool tor_rough = true;

  std::string chrony_socket = "/run/chrony.sdwdate.sock";
  int chrony_burst = 1;
  /// Connecting to these has chronyd's state reported, or its samples forgotten (docs/chrony.md).
  std::string chrony_report = "/run/sdwdate-chrony/report";
  std::string chrony_reset = "/run/sdwdate-chrony/reset";

  timecore::ScheduleSettings schedule;

  int exchanges_per_source = 8;
  std::optional<std::chrono::nanoseconds> timeout;  ///< not set: by transport
  /// How long after a round's start sources are asked more than enough; empty: until all requests are made.
  std::optional<std::chrono::nanoseconds> sharpen = std::chrono::seconds{5};
  std::string ca_file;  ///< empty: the system's trust store
  timecore::TransferOptions transfer;

  int sources_per_pool = 2;
  std::chrono::nanoseconds maximum_width = std::chrono::seconds{2};
  int failure_budget = 2;  ///< of each pool

  std::filesystem::path state_directory = "/var/lib/sdwdate";
  std::filesystem::path runtime_directory = "/run/sdwdate";
  int ceiling_years = 20;

  /// The clock is kept wrong by an amount drawn once per boot, up to this to either side; 0 for right.
  std::chrono::nanoseconds random_offset{0};
  /// Write the files that programs made for the Python sdwdate read.
  bool compat_state_files = false;

  std::vector<Pool> pools;

  /// How long one source may take in all.
  [[nodiscard]] std::chrono::nanoseconds source_timeout() const {
    return timeout.value_or(proxies.empty() ? std::chrono::seconds{30} : std::chrono::seconds{120});
  }
};

/// The most exchanges a source may be asked for: beyond, nothing is gained.
inline constexpr int kMostExchanges = 32;
/// The largest failure budget.
inline constexpr int kMostFailures = 1000;

template <typename T>
using ConfigResult = std::expected<T, base::UserError>;

/// Reads these files in order, later ones over earlier ones: tables merge key by key, anything else (also the
/// whole list of pools) is replaced. An error names file, line, key and, for a misspelt key, the likely one.
ConfigResult<Config> load(const std::vector<std::filesystem::path>& files);

/// The pools that come with the program for this transport, if `config` has none of its own and `folder` has them.
ConfigResult<Config> with_default_pools(Config config, const std::filesystem::path& folder);

/// The same from one text; `name` stands for the file in messages.
ConfigResult<Config> parse(std::string_view text, std::string_view name);

inline constexpr const char* kVendorFolder = "/usr/share/sdwdate";
/// onion.toml and clearnet.toml: who is asked where no file names a pool.
inline constexpr const char* kPoolsFolder = "/usr/share/sdwdate/pools";
inline constexpr const char* kAdministratorsFolder = "/etc/sdwdate";

/// The files that a system reads: vendor defaults, the administrator's file, and its drop-ins; those that exist.
std::vector<std::filesystem::path> system_files();

/// A number and a unit: "500ms", "30s", "10min", "3h".
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace sdwdate::config
