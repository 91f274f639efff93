#include "ipc/child.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"

namespace sdwdate::ipc {
namespace {

std::optional<std::string> describe_end(std::optional<int> status) {
  if (!status) return "sdwdate-launch, which started it, is gone";
  if (WIFSIGNALED(*status) && WTERMSIG(*status) == SIGSYS) {
    return "killed for a system call that it may not make (signal 31)";
  }
  if (WIFSIGNALED(*status)) {
    return fmt::format("killed by signal {} ({})", WTERMSIG(*status), ::sigdescr_np(WTERMSIG(*status)));
  }
  if (WEXITSTATUS(*status) != 0) return fmt::format("exit status {}", WEXITSTATUS(*status));
  return std::nullopt;
}

}  // namespace

Child::Child(Child&& other) noexcept
    : launcher_(std::move(other.launcher_)), pid_(std::exchange(other.pid_, -1)), channel_(std::move(other.channel_)) {}

Child::~Child() {
  if (pid_ > 0) finish();
}

std::optional<std::string> Child::finish() {
  channel_.reset();
  return describe_end(launcher_->finish(std::exchange(pid_, -1)));
}

std::expected<Channel, std::string> make_channel() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(fmt::format("cannot make a socketpair: {}", base::errno_text(errno)));
  }
  return Channel{base::UniqueFd{ends[0]}, base::UniqueFd{ends[1]}};
}

std::expected<Child, std::string> start_child(std::shared_ptr<Launcher> launcher, Helper helper) {
  auto channel = make_channel();
  if (!channel) return std::unexpected(channel.error());
  const auto pid = launcher->start(helper, channel->theirs.get());
  if (!pid) return std::unexpected(pid.error());
  return Child{std::move(launcher), *pid, std::move(channel->ours)};
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
