#include "ipc/launcher.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "base/build_info.h"
#include "base/error.h"
#include "ipc/child.h"
#include "ipc/fields.h"

namespace sdwdate::ipc {
namespace {

// --- starting a program ---------------------------------------------------------------------------------------

constexpr std::array<std::string_view, 8> kInherited{"LD_PRELOAD=",    "LD_LIBRARY_PATH=", "FAKETIME",
                                                     "SSL_CERT_FILE=", "SSL_CERT_DIR=",    "ASAN_OPTIONS=",
                                                     "UBSAN_OPTIONS=", "TSAN_OPTIONS="};

bool inherited(std::string_view variable) {
  return std::ranges::any_of(kInherited, [&](std::string_view start) { return variable.starts_with(start); });
}

std::vector<char*> child_environment() {
  static std::array<char, 8> zone{"TZ=UTC0"};  // no file has to be read for it
  std::vector<char*> variables{zone.data()};
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

std::expected<pid_t, std::string> spawn(const std::string& executable, int channel) {
  SpawnActions actions;
  std::string name = executable;
  std::array<char*, 2> arguments{name.data(), nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, executable.c_str(), actions.only(channel), nullptr, arguments.data(),
                                  child_environment().data());
  if (error != 0) {
    return std::unexpected(fmt::format("cannot start {}: {}", executable, base::errno_text(error)));
  }
  return pid;
}

int end_and_reap(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) == 0) {
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
  }
  return status;
}

// --- asking sdwdate-launch ------------------------------------------------------------------------------------

enum class Verb : std::uint8_t { start_probe = 1, start_resolve = 2, finish = 3, start_tor = 4 };

Verb verb_to_start(Helper helper) {
  switch (helper) {
    case Helper::probe: return Verb::start_probe;
    case Helper::resolve: return Verb::start_resolve;
    case Helper::tor: break;
  }
  return Verb::start_tor;
}

/// What is to be started, if anything.
std::optional<Helper> helper_to_start(Verb verb) {
  switch (verb) {
    case Verb::start_probe: return Helper::probe;
    case Verb::start_resolve: return Helper::resolve;
    case Verb::start_tor: return Helper::tor;
    case Verb::finish: break;
  }
  return std::nullopt;
}

struct Request {
  Verb verb{};
  pid_t helper = 0;        ///< to finish
  base::UniqueFd channel;  ///< to start with
};

constexpr std::size_t kRequestSize = 16;
/// A number (a process ID, a wait status), and why there is none.
constexpr std::size_t kReplySize = 512;
using ReplyRecord = std::array<std::byte, kReplySize>;
using Reply = std::expected<int, std::string>;

/// Room for one descriptor beside a record.
struct alignas(cmsghdr) Passenger {
  std::array<std::byte, CMSG_SPACE(sizeof(int))> bytes{};
};

msghdr message_of(iovec& record, Passenger& passenger) {
  msghdr message{};
  message.msg_iov = &record;
  message.msg_iovlen = 1;
  message.msg_control = passenger.bytes.data();
  message.msg_controllen = passenger.bytes.size();
  return message;
}

bool send_request(int to, Verb verb, pid_t helper, int channel) {
  std::array<std::byte, kRequestSize> record{};
  FieldWriter writer{record};
  writer.number(static_cast<std::uint8_t>(verb));
  writer.number(std::int32_t{helper});
  if (verb == Verb::finish) return send_record(to, record);

  iovec piece{record.data(), record.size()};
  Passenger passenger;
  msghdr message = message_of(piece, passenger);
  cmsghdr* const part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof channel);
  std::memcpy(CMSG_DATA(part), &channel, sizeof channel);
  return ::sendmsg(to, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(record.size());
}

/// Waits for it. Empty at the end, or for what no RemoteLauncher sends.
std::optional<Request> receive_request(int from) {
  std::array<std::byte, kRequestSize> record{};
  iovec piece{record.data(), record.size()};
  Passenger passenger;
  msghdr message = message_of(piece, passenger);
  ssize_t size = 0;
  do {
    size = ::recvmsg(from, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  Request request;
  if (const cmsghdr* const part = CMSG_FIRSTHDR(&message);
      size >= 0 && part != nullptr && part->cmsg_type == SCM_RIGHTS && part->cmsg_len == CMSG_LEN(sizeof(int))) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(part), sizeof descriptor);
    request.channel = base::UniqueFd{descriptor};
  }
  if (size != static_cast<ssize_t>(record.size())) return std::nullopt;
  FieldReader reader{record};
  request.verb = static_cast<Verb>(reader.number<std::uint8_t>());
  request.helper = reader.number<std::int32_t>();
  const bool starts = helper_to_start(request.verb).has_value();
  if (!reader.complete() || (!starts && request.verb != Verb::finish) || starts != static_cast<bool>(request.channel)) {
    return std::nullopt;
  }
  return request;
}

bool send_reply(int to, const Reply& reply) {
  ReplyRecord record{};
  FieldWriter writer{record};
  writer.number(std::int32_t{reply.value_or(-1)});
  const std::string error = reply ? "" : reply.error();
  constexpr std::size_t kMostText = kReplySize - sizeof(std::int32_t) - sizeof(std::uint16_t);
  writer.text(std::string_view{error}.substr(0, kMostText));
  return send_record(to, record);
}

/// Waits for it; empty when the other side is gone.
std::optional<Reply> receive_reply(int from) {
  ReplyRecord record{};
  if (await_record(from, record) != Received::record) return std::nullopt;
  FieldReader reader{record};
  const int number = reader.number<std::int32_t>();
  std::string error = reader.text();
  if (!reader.complete()) return std::nullopt;
  if (!error.empty()) return Reply{std::unexpected{std::move(error)}};
  return Reply{number};
}

}  // namespace

Helpers find_helpers() {
  std::error_code error;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const auto find = [&](const char* name) {
    const std::filesystem::path beside = here / name;
    return std::filesystem::exists(beside, error) ? beside.string()
                                                  : fmt::format("{}/{}", base::helper_directory(), name);
  };
  return {find("sdwdate-probe"), find("sdwdate-resolve"), find("sdwdate-tor"), find("sdwdate-launch")};
}

std::expected<pid_t, std::string> ParentLauncher::start(Helper helper, int channel) {
  switch (helper) {
    case Helper::probe: return spawn(helpers_.probe, channel);
    case Helper::resolve: return spawn(helpers_.resolve, channel);
    case Helper::tor: break;
  }
  return spawn(helpers_.tor, channel);
}

std::optional<int> ParentLauncher::finish(pid_t helper) { return end_and_reap(helper); }

std::expected<std::shared_ptr<RemoteLauncher>, std::string> RemoteLauncher::make(const std::string& executable) {
  auto ends = make_channel();
  if (!ends) return std::unexpected(ends.error());
  // It is not waited for: it ends with the channel, and so with this process.
  if (auto started = spawn(executable, ends->theirs.get()); !started) return std::unexpected(started.error());
  return std::make_shared<RemoteLauncher>(std::move(ends->ours));
}

std::expected<pid_t, std::string> RemoteLauncher::start(Helper helper, int channel) {
  if (channel_ && send_request(channel_.get(), verb_to_start(helper), 0, channel)) {
    if (auto reply = receive_reply(channel_.get())) return *std::move(reply);
  }
  channel_.reset();
  return std::unexpected("sdwdate-launch, which starts our helper processes, is gone");
}

std::optional<int> RemoteLauncher::finish(pid_t helper) {
  if (channel_ && send_request(channel_.get(), Verb::finish, helper, -1)) {
    if (auto reply = receive_reply(channel_.get()); reply && *reply) return **reply;
  }
  channel_.reset();
  return std::nullopt;
}

void serve_launcher(int channel, Launcher& launcher) {
  std::set<pid_t> helpers;
  while (auto request = receive_request(channel)) {
    Reply reply = std::unexpected(std::string{"this is no helper of ours"});
    if (const auto helper = helper_to_start(request->verb)) {
      reply = launcher.start(*helper, request->channel.get());
      if (reply) helpers.insert(*reply);
    } else if (helpers.erase(request->helper) == 1) {
      reply = launcher.finish(request->helper).value_or(0);
    }
    if (!send_reply(channel, reply)) break;
  }
  for (const pid_t helper : helpers) launcher.finish(helper);
}

}  // namespace sdwdate::ipc
