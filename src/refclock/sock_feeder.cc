#include "refclock/sock_feeder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>

#include "base/accounts.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "base/unix_socket.h"

namespace sdwdate::refclock {
namespace {

std::unexpected<FeedError> not_fed(std::string message) {
  return std::unexpected(FeedError{FeedError::Kind::not_fed, std::move(message)});
}

std::string explain_permission(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return fmt::format(
        "not permitted to look at {}: one of the folders above it is closed to this user; use a socket "
        "outside /run/chrony, such as /run/chrony.sdwdate.sock",
        path);
  }
  return fmt::format(
      "not permitted to send to {}: it belongs to user {} and group {} with mode {:04o}. Run this as {}, "
      "or let a group write to it: chgrp sdwdate {} && chmod 0660 {}",
      path, base::user_name(status.st_uid), base::group_name(status.st_gid), status.st_mode & 07777U,
      base::user_name(status.st_uid), path, path);
}

std::string explain(const std::string& path, int error_number) {
  switch (error_number) {
    case ENOENT:
      return fmt::format(
          "there is no chrony socket at {}. Add this line to chrony's configuration and restart chronyd:\n"
          "    {}",
          path, refclock_line(path));
    case EACCES:
    case EPERM: return explain_permission(path);
    case ECONNREFUSED:
      return fmt::format("nobody listens at {}: chronyd does not run, or its configuration lacks the line\n    {}",
                         path, refclock_line(path));
    case EPROTOTYPE:
    case ENOTSOCK:
      return fmt::format("{} is not chronyd's socket: it is one of another kind. Remove it and restart chronyd", path);
    default: return fmt::format("cannot send to chronyd at {}: {}", path, base::errno_text(error_number));
  }
}

std::string explain(Unacceptable why, const Sample& sample) {
  const auto reference = std::chrono::floor<std::chrono::seconds>(sample.taken + sample.offset.value);
  return fmt::format("chronyd would refuse the time {} ({} UTC): it is {} what NTP can express",
                     reference.time_since_epoch().count(), base::utc_text(reference),
                     why == Unacceptable::too_early ? "before" : "after");
}

// --- what stands at the path ------------------------------------------------------------------------------------

std::string advice(const std::string& path) {
  return fmt::format(
      "Nothing was sent. chronyd makes its socket anew at each start, if its configuration has the "
      "line\n    {}",
      refclock_line(path));
}

/// What strangers could put into the folder that the last step led to.
std::optional<base::Exposure> exposed_folder(const base::Trail& trail, base::TrustedUsers me) {
  struct stat folder = trail.folder();
  folder.st_mode &= ~static_cast<mode_t>(S_ISVTX);  // a sticky folder is open for what is not there yet
  return base::exposure(trail.folder_path(), folder, me);
}

/// A link that strangers can change leads where they want, whoever owns what is there.
std::optional<std::string> distrust_link(const std::string& path, const base::Trail& trail, base::TrustedUsers me) {
  std::string where;
  auto exposed = base::exposure(trail.path(), trail.entry(), me);
  if (!exposed) {
    exposed = exposed_folder(trail, me);
    where = fmt::format(" in the folder {}", trail.folder_path().string());
  }
  if (!exposed) return std::nullopt;
  return fmt::format("{} is a symbolic link{}, {}: it is not followed. Remove it. {}", trail.path().string(), where,
                     exposed->how, advice(path));
}

/// In a folder that only root and we can write to, any socket is there by root's leave. Elsewhere, root's and ours are.
std::optional<std::string> distrust_socket(const std::string& path, const base::Trail& trail, uid_t owner,
                                           base::TrustedUsers me) {
  if (owner == 0 || std::ranges::find(me, owner) != me.end()) return std::nullopt;
  const auto exposed = exposed_folder(trail, me);
  if (!exposed) return std::nullopt;
  return fmt::format(
      "the socket {} belongs to user {} and is in the folder {}, {}: it need not be chronyd's. Use a folder of root's, "
      "as for /run/chrony.sdwdate.sock. {}",
      trail.path().string(), base::user_name(owner), trail.folder_path().string(), exposed->how, advice(path));
}

/// The socket at the path, held, so that what was looked at is what is written to; or errno, or a sentence.
struct Found {
  base::UniqueFd socket;
  int error = 0;
  std::optional<std::string> objection;
};

Found find_socket(const std::string& path) {
  const std::array<uid_t, 1> me{::geteuid()};
  base::Trail trail{path};
  while (trail.step()) {
    if (trail.is_link()) {
      if (auto objection = distrust_link(path, trail, me)) return {{}, 0, std::move(objection)};
      if (trail.follow()) continue;
      break;
    }
    base::UniqueFd held = trail.open(O_PATH);
    struct stat status{};
    if (!held || ::fstat(held.get(), &status) != 0) return {{}, errno, std::nullopt};
    if (!S_ISSOCK(status.st_mode)) {
      return {{},
              0,
              fmt::format("{} is {}, not chronyd's socket: remove it and restart chronyd. {}", trail.path().string(),
                          base::kind_of(status.st_mode), advice(path))};
    }
    if (auto objection = distrust_socket(path, trail, status.st_uid, me)) return {{}, 0, std::move(objection)};
    return {std::move(held), 0, std::nullopt};
  }
  if (trail.was_led() && trail.error() == ENOENT) {
    return {{},
            0,
            fmt::format("{} is a symbolic link to {}, where there is nothing. {}", path, trail.path().string(),
                        advice(path))};
  }
  return {{}, trail.error(), std::nullopt};
}

/// Sends to the socket that is held, which /proc alone has a name for; by its path where there is no /proc.
int send_to(const base::UniqueFd& socket, const std::string& path, std::span<const std::byte> datagram) {
  const int error = base::send_datagram(fmt::format("/proc/self/fd/{}", socket.get()), datagram);
  return error == ENOENT ? base::send_datagram(path, datagram) : error;
}

}  // namespace

std::expected<void, FeedError> feed(const std::string& path, const Sample& sample) {
  const auto datagram = encode(sample);
  if (!datagram) {
    return std::unexpected(FeedError{FeedError::Kind::unacceptable, explain(datagram.error(), sample)});
  }
  if (path.empty() || path.size() > base::kLongestSocketPath) {
    return not_fed(
        fmt::format("'{}' cannot be a socket's path: it must have 1 to {} characters", path, base::kLongestSocketPath));
  }
  Found found = find_socket(path);
  if (found.objection) return not_fed(*std::move(found.objection));
  const int error = found.socket ? send_to(found.socket, path, *datagram) : found.error;
  if (error != 0) return not_fed(explain(path, error));
  return {};
}

std::string refclock_line(const std::string& path) {
  return fmt::format("refclock SOCK {} refid WEB poll 2 filter 1 precision 0.01 delay 1.0 stratum 2", path);
}

}  // namespace sdwdate::refclock
