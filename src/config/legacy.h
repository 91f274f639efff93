// The configuration of the Python sdwdate (/etc/sdwdate.d/*.conf), read as that one read it and written as ours.
#pragma once

#include <array>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/url.h"

namespace sdwdate::config {

/// One file of the old configuration; `name` stands for it in messages.
struct LegacyFile {
  std::string name;
  std::string text;
};

/// Where the old one looked for a proxy that no file named.
struct LegacyProxy {
  std::string ip = "127.0.0.1";
  std::string port = "9050";

  bool operator==(const LegacyProxy&) const = default;
};

/// The old defaults: Tor on this machine, or Whonix' gateway.
inline const LegacyProxy kUsualLegacyProxy{};
inline constexpr std::string_view kWhonixLegacyPort = "9108";

/// An entry, or the members of a group in brackets: servers of one operator.
struct LegacySource {
  struct Member {
    wire::Url url;
    std::string comment;
  };
  std::vector<Member> members;
  std::string operator_name;
  std::string where;  ///< FILE:LINE
};

struct LegacyPool {
  std::string name;
  std::vector<LegacySource> sources;
};

/// What the old configuration means to us, and what a person should know of the way it came about.
struct LegacyConfig {
  std::vector<std::string> files;
  std::optional<wire::HostPort> proxy;  ///< not set: neither a file nor Whonix says anything else than the usual
  std::optional<int> failure_budget;    ///< set if a file said MAX_FAILURE_RATIO
  bool randomize = false;
  std::array<LegacyPool, 3> pools{{{"zero", {}}, {"one", {}}, {"two", {}}}};
  /// Whatever is lossy or doubtful: "FILE:LINE: a sentence".
  std::vector<std::string> notes;
};

/// Reads the files in the order given. The error, with file and line, is a value with which the old one did not work
/// either.
std::expected<LegacyConfig, base::UserError> read_legacy(std::span<const LegacyFile> files,
                                                         const LegacyProxy& otherwise = kUsualLegacyProxy);

/// As a file that config::parse accepts.
std::string to_toml(const LegacyConfig& legacy);

}  // namespace sdwdate::config
