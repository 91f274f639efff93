// Landlock: files, TCP ports and signals that a process denies itself (landlock(7)).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace sdwdate::sandbox {

/// What is allowed beneath a path.
enum class Access : std::uint8_t { read, read_and_execute, write };

struct LandlockPolicy {
  struct Path {
    std::filesystem::path path;  ///< a file, or a folder with all in it; one that is not there is left out
    Access access = Access::read;
  };
  std::vector<Path> paths;
  bool restrict_files = true;
  /// Whether TCP is restricted: no listening then, and no connecting but to `port`.
  bool restrict_tcp = false;
  std::optional<std::uint16_t> port = std::nullopt;
  bool restrict_signals = true;
  /// Also no connecting to UNIX sockets in the abstract namespace.
  bool restrict_abstract_sockets = false;
};

/// What this kernel's Landlock could enforce.
struct LandlockResult {
  bool files = false;
  bool tcp = false;
  bool signals = false;
};

/// For this process and all that it starts from now on. The process must have given up new privileges.
LandlockResult apply_landlock(const LandlockPolicy& policy);

}  // namespace sdwdate::sandbox
