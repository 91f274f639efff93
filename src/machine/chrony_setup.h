// Which configuration chrony.service starts chronyd with, and changing that without touching Debian's files.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sdwdate::machine {

/// Our configuration of chronyd, and its part that serves others. Both are below /etc/chrony, where Debian's AppArmor
/// profile lets chronyd read.
inline constexpr std::string_view kChronyConfiguration = "/etc/chrony/sdwdate.conf";
inline constexpr std::string_view kServeConfiguration = "/etc/chrony/sdwdate.d/serve.conf";
/// What makes chrony.service use it.
inline constexpr std::string_view kDropIn = "/etc/systemd/system/chrony.service.d/50-sdwdate.conf";
/// What the package brings for that: one as it is, the other with a place for networks.
inline constexpr std::string_view kOfflineDropIn = "/usr/share/sdwdate/chrony/offline.conf";
inline constexpr std::string_view kServeDropIn = "/usr/share/sdwdate/chrony/serve.conf";

/// Whom chronyd serves. A certificate and its key, or neither: with them it speaks NTS, too.
struct Serving {
  std::vector<std::string> networks;
  std::string certificate;
  std::string key;

  bool operator==(const Serving&) const = default;
};

/// "192.0.2.0/24" or "2001:db8::/32", or one address; comes back in one way of writing. The error is a sentence.
std::expected<std::string, std::string> parse_network(std::string_view text);

/// The content of serve.conf.
std::string serve_configuration(const Serving& serving);

/// What serve.conf says, however it came there.
Serving parse_serving(std::string_view text);

/// The drop-in for serving, from the package's template. The error is a sentence.
std::expected<std::string, std::string> serve_drop_in(std::string_view form, const std::vector<std::string>& networks);

/// The first setting in the text of a drop-in that takes effect instead of ours, if it is read after ours.
std::optional<std::string> overriding_setting(std::string_view drop_in);

enum class SetupMode : std::uint8_t {
  none,     ///< chrony.service starts chronyd as Debian or somebody else has it
  offline,  ///< our configuration, no network
  serving,  ///< our configuration, for clients
  foreign,  ///< a drop-in of our name that we did not make
};

struct Setup {
  SetupMode mode = SetupMode::none;
  Serving serving;
};

/// Files below `root`, which is / but for tests and for building an image.
class ChronySetup {
 public:
  explicit ChronySetup(std::filesystem::path root = "/") : root_(std::move(root)) {}

  [[nodiscard]] Setup read() const;

  /// Why it cannot be enabled, in a sentence that says what to do.
  [[nodiscard]] std::optional<std::string> obstacle() const;

  /// Likewise for a certificate that chronyd is to use.
  [[nodiscard]] std::optional<std::string> certificate_fault(const Serving& serving) const;

  /// Put everything in place; whatever was enabled before is replaced. The error is a sentence.
  [[nodiscard]] std::expected<void, std::string> enable_offline() const;
  [[nodiscard]] std::expected<void, std::string> enable_serving(const Serving& serving) const;

  /// Takes away what enabling made, and nothing else.
  [[nodiscard]] std::expected<void, std::string> disable() const;

 private:
  [[nodiscard]] std::filesystem::path below(std::string_view path) const;
  [[nodiscard]] std::optional<std::string> competing_drop_in() const;
  [[nodiscard]] std::expected<void, std::string> remove_serve_configuration() const;

  std::filesystem::path root_;
};

}  // namespace sdwdate::machine
