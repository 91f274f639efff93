// Helper processes for tests of their parents.
#pragma once

#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>

#include "ipc/launcher.h"

namespace sdwdate::support {

/// An executable in the directory of the one that runs.
inline std::string beside_us(const char* name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

inline std::string bad_probe() { return beside_us("bad_probe"); }

/// Starts the bad probe, whichever helper is wanted.
inline std::shared_ptr<ipc::Launcher> bad_launcher() {
  return std::make_shared<ipc::ParentLauncher>(ipc::Helpers{bad_probe(), bad_probe(), {}, {}});
}

/// No child of ours runs, and none waits to be reaped.
inline bool no_child_left() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

inline std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, std::filesystem::directory_iterator{});
}

}  // namespace sdwdate::support
