#include "machine/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

// Debian 12's header says nothing of C linkage.
extern "C" {
#include <sys/pidfd.h>
}

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace sdwdate::machine {
namespace {

using base::RawClock;
using base::RawTime;
using base::UniqueFd;

constexpr std::size_t kMostOutput = std::size_t{64} * 1024;
constexpr std::array<const char*, 4> kFolders{"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"};

std::string path_of(const std::string& program) {
  if (program.contains('/')) return program;
  const auto* const folder = std::ranges::find_if(
      kFolders, [&](const char* candidate) { return ::access((candidate + program).c_str(), X_OK) == 0; });
  return folder == kFolders.end() ? program : *folder + program;
}

/// What a new process gets: /dev/null to read, a pipe to write to, default signals, a process group of its own.
class Spawning {
 public:
  explicit Spawning(int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    sigset_t none{};
    sigset_t all{};
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Spawning() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;

  /// The new process' id, or errno as a negative number.
  pid_t start(const std::vector<std::string>& command) {
    std::vector<std::string> words = command;
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    std::string language = "LC_ALL=C";
    std::array<char*, 3> environment{path.data(), language.data(), nullptr};
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, path_of(command.front()).c_str(), &actions_, &attributes_, arguments.data(),
                                    environment.data());
    return error == 0 ? pid : -error;
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// Takes what there is to read. What is too much is read and thrown away, so that the writer is not held up.
void drain(int pipe, std::string& output) {
  std::array<char, 4096> piece{};
  ssize_t size = 0;
  while ((size = ::read(pipe, piece.data(), piece.size())) > 0) {
    output.append(piece.data(), std::min(static_cast<std::size_t>(size), kMostOutput - output.size()));
  }
}

/// Reads until the process has ended; false if it has not when time is up.
bool await_end(pid_t pid, int pipe, RawTime until, std::string& output) {
  const UniqueFd process{::pidfd_open(pid, 0)};
  std::array<pollfd, 2> watched{{{process.get(), POLLIN, 0}, {pipe, POLLIN, 0}}};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - RawClock::now()).count();
    if (left <= 0) return false;
    const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return false;
    drain(pipe, output);
    if ((watched[0].revents & POLLIN) != 0) return true;
    // Its output may end before it does.
    if ((watched[1].revents & (POLLHUP | POLLERR)) != 0) watched[1].fd = -1;
  }
}

}  // namespace

std::expected<CommandResult, std::string> run_command(const std::vector<std::string>& command,
                                                      std::chrono::nanoseconds patience) {
  const RawTime until = RawClock::now() + patience;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return std::unexpected(fmt::format("cannot make a pipe: {}", base::errno_text(errno)));
  }
  const UniqueFd reading{ends[0]};
  UniqueFd writing{ends[1]};
  // Only our end is to be non-blocking.
  if (::fcntl(writing.get(), F_SETFL, 0) != 0) return std::unexpected(base::errno_text(errno));

  const pid_t pid = Spawning{writing.get()}.start(command);
  writing.reset();
  if (pid < 0) {
    return std::unexpected(fmt::format("cannot start {}: {}", command.front(), base::errno_text(-pid)));
  }
  CommandResult result;
  const bool ended = await_end(pid, reading.get(), until, result.output);
  if (!ended) ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    return std::unexpected(fmt::format("{} did not end within {:g} s and was killed", command.front(),
                                       std::chrono::duration<double>(patience).count()));
  }
  if (WIFSIGNALED(status)) {
    return std::unexpected(fmt::format("{} was killed by signal {} ({})", command.front(), WTERMSIG(status),
                                       ::sigdescr_np(WTERMSIG(status))));
  }
  result.status = WEXITSTATUS(status);
  return result;
}

}  // namespace sdwdate::machine
