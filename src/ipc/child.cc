#include "ipc/child.h"

#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "base/error.h"

namespace sdwdate::ipc {
namespace {

constexpr std::array<std::string_view, 8> kInherited{"LD_PRELOAD=",    "LD_LIBRARY_PATH=", "FAKETIME",
                                                     "SSL_CERT_FILE=", "SSL_CERT_DIR=",    "ASAN_OPTIONS=",
                                                     "UBSAN_OPTIONS=", "TSAN_OPTIONS="};

bool inherited(std::string_view variable) {
  return std::ranges::any_of(kInherited, [&](std::string_view start) { return variable.starts_with(start); });
}

std::vector<char*> child_environment() {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (inherited(*variable)) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  return variables;
}

/// posix_spawn's list of what to do with descriptors in the child.
class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  /// `channel` becomes 0, 1 and 2; everything else is closed.
  const posix_spawn_file_actions_t* only(int channel) {
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      posix_spawn_file_actions_adddup2(&actions_, channel, standard);
    }
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    return &actions_;
  }

 private:
  posix_spawn_file_actions_t actions_{};
};

std::optional<std::string> describe_end(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), ::sigdescr_np(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != 0) return fmt::format("exit status {}", WEXITSTATUS(status));
  return std::nullopt;
}

}  // namespace

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), channel_(std::move(other.channel_)) {}

Child::~Child() {
  if (pid_ > 0) finish();
}

std::optional<std::string> Child::finish() {
  channel_.reset();
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = -1;
  return describe_end(status);
}

std::expected<Child, std::string> start_child(const std::string& executable) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(fmt::format("cannot make a socketpair: {}", base::errno_text(errno)));
  }
  base::UniqueFd ours{ends[0]};
  const base::UniqueFd theirs{ends[1]};

  SpawnActions actions;
  std::string name = executable;
  std::array<char*, 2> arguments{name.data(), nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, executable.c_str(), actions.only(theirs.get()), nullptr, arguments.data(),
                                  child_environment().data());
  if (error != 0) {
    return std::unexpected(fmt::format("cannot start {}: {}", executable, base::errno_text(error)));
  }
  return Child{pid, std::move(ours)};
}

bool send_record(int channel, std::span<const std::byte> record) {
  return ::send(channel, record.data(), record.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(record.size());
}

Received receive_record(int channel, std::span<std::byte> buffer) {
  // MSG_TRUNC makes recv return the record's real size, so that longer ones are noticed.
  const ssize_t size = ::recv(channel, buffer.data(), buffer.size(), MSG_TRUNC | MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? Received::nothing : Received::ended;
  if (size == 0) return Received::ended;
  return static_cast<std::size_t>(size) == buffer.size() ? Received::record : Received::garbage;
}

bool is_channel(int descriptor) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

Received await_record(int channel, std::span<std::byte> buffer) {
  constexpr int kPatience = 60'000;
  pollfd readable{channel, POLLIN, 0};
  return ::poll(&readable, 1, kPatience) == 1 ? receive_record(channel, buffer) : Received::nothing;
}

}  // namespace sdwdate::ipc
