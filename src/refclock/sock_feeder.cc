#include "refclock/sock_feeder.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/accounts.h"
#include "base/error.h"
#include "base/text.h"
#include "base/unix_datagram.h"

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
    case ENOTSOCK: return fmt::format("{} is not chronyd's socket: it is of another kind", path);
    default: return fmt::format("cannot send to chronyd at {}: {}", path, base::errno_text(error_number));
  }
}

std::string explain(Unacceptable why, const Sample& sample) {
  const auto reference = std::chrono::floor<std::chrono::seconds>(sample.taken + sample.offset.value);
  return fmt::format("chronyd would refuse the time {} ({} UTC): it is {} what NTP can express",
                     reference.time_since_epoch().count(), base::utc_text(reference),
                     why == Unacceptable::too_early ? "before" : "after");
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
  if (const int error = base::send_datagram(path, *datagram); error != 0) return not_fed(explain(path, error));
  return {};
}

std::string refclock_line(const std::string& path) {
  return fmt::format("refclock SOCK {} refid WEB poll 2 filter 1 precision 0.01 delay 0.1 stratum 2", path);
}

}  // namespace sdwdate::refclock
