// Who starts helper processes: this process itself, or sdwdate-launch for one that has given up starting anything.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"

namespace sdwdate::ipc {

enum class Helper : std::uint8_t { probe, resolve, tor };

/// Executables of the helper processes.
struct Helpers {
  std::string probe;
  std::string resolve;
  std::string tor;
  std::string launch;
};

/// Beside this executable (as in a build tree), else where an installation keeps them.
Helpers find_helpers();

/// Starts helpers and sees them to their end.
class Launcher {
 public:
  Launcher() = default;
  virtual ~Launcher() = default;
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  /// Starts a helper with `channel` as its descriptors 0, 1 and 2 (so that nothing a library prints can end up in a
  /// later file or connection) and no other. Of the environment it inherits only what decides which code runs
  /// (LD_PRELOAD, LD_LIBRARY_PATH, FAKETIME*, sanitizer options) and where the system's trust store is (SSL_CERT_FILE,
  /// SSL_CERT_DIR); its time zone is UTC. Returns its process ID; the error is a sentence.
  virtual std::expected<pid_t, std::string> start(Helper helper, int channel) = 0;

  /// Kills a helper if it still runs, and reaps it. Its wait status (waitpid(2)); empty if that cannot be known.
  virtual std::optional<int> finish(pid_t helper) = 0;

  /// False when no helper can be started any more, whatever is done.
  [[nodiscard]] virtual bool works() const { return true; }
};

/// Starts helpers as children of this process.
class ParentLauncher : public Launcher {
 public:
  explicit ParentLauncher(Helpers helpers) : helpers_(std::move(helpers)) {}

  std::expected<pid_t, std::string> start(Helper helper, int channel) override;
  std::optional<int> finish(pid_t helper) override;

 private:
  Helpers helpers_;
};

/// Has sdwdate-launch start them. It can be asked to start the helpers, to end those, and for nothing else.
class RemoteLauncher : public Launcher {
 public:
  /// Starts sdwdate-launch, which ends when this object does. The error is a sentence.
  static std::expected<std::shared_ptr<RemoteLauncher>, std::string> make(const std::string& executable);

  explicit RemoteLauncher(base::UniqueFd channel) : channel_(std::move(channel)) {}

  std::expected<pid_t, std::string> start(Helper helper, int channel) override;
  std::optional<int> finish(pid_t helper) override;
  [[nodiscard]] bool works() const override { return static_cast<bool>(channel_); }

 private:
  base::UniqueFd channel_;
};

/// What sdwdate-launch does: serves one RemoteLauncher until that closes `channel`, then ends the helpers left over.
void serve_launcher(int channel, Launcher& launcher);

}  // namespace sdwdate::ipc
