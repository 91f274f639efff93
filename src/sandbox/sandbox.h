// What each process gives up before it meets anything that strangers wrote. docs/threat-model.md says what is left.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sdwdate::sandbox {

/// Layers that not every kernel has, or that whoever started us may have forbidden. What is always there, or the
/// process ends, are seccomp's list of system calls, no capability, no new privileges and the resource limits.
enum class Layer : std::uint8_t {
  files,       ///< Landlock: only the files of the policy
  ports,       ///< Landlock, since Linux 6.7: TCP only to the port of the policy, and no listening
  signals,     ///< Landlock, since Linux 6.12: no signals to others
  namespaces,  ///< own namespaces, with a root folder that is empty
};

/// Of the layers that a role wants, those that it did not get.
class Missing {
 public:
  Missing() = default;
  /// From bits(); what no Layer stands for is left out.
  static Missing of(std::uint8_t bits) { return Missing{static_cast<std::uint8_t>(bits & kAll)}; }

  void add(Layer layer, bool in_force) { bits_ |= static_cast<std::uint8_t>(in_force ? 0 : bit(layer)); }
  [[nodiscard]] bool any() const { return bits_ != 0; }
  [[nodiscard]] bool has(Layer layer) const { return (bits_ & bit(layer)) != 0; }
  [[nodiscard]] std::uint8_t bits() const { return bits_; }
  /// "files (no Landlock), own namespaces"; empty if none is missing.
  [[nodiscard]] std::string in_words() const;

  bool operator==(const Missing&) const = default;

 private:
  static constexpr std::uint8_t kAll = 0b1111;

  explicit Missing(std::uint8_t bits) : bits_(bits) {}
  static std::uint8_t bit(Layer layer) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(layer)); }

  std::uint8_t bits_ = 0;
};

/// What came of confining this process: the error is a sentence, and the process must not go on.
using Confined = std::expected<Missing, std::string>;

/// For sdwdate-probe, once its trust anchors are in memory: no file, no other process, TCP to one port or, if there is
/// none, what is connected already.
Confined confine_probe(std::optional<std::uint16_t> port);

/// For sdwdate-resolve: what the C library's resolver needs, which is reading the system's configuration and libraries,
/// and asking over UDP, TCP to port 53 and local sockets.
Confined confine_resolve();

/// For sdwdate-launch: no privileges. What it starts confines itself, and has to be able to.
Confined confine_launch();

/// What sdwdated works with after its configuration has been read.
struct ServicePaths {
  std::vector<std::filesystem::path> read;   ///< files, or folders with all in them
  std::vector<std::filesystem::path> write;  ///< folders
};

/// For sdwdated: those paths, UNIX sockets, and what is open already.
Confined confine_service(const ServicePaths& paths);

/// Who runs under which list of system calls.
enum class Role : std::uint8_t { probe, resolve, service };

/// The names of the system calls that a role may use in some way.
std::vector<std::string> allowed_calls(Role role);

}  // namespace sdwdate::sandbox
