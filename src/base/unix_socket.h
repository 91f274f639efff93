// UNIX sockets by path: one datagram, as chronyd, the service manager and the journal are spoken to, or a connection.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string_view>

#include "base/unique_fd.h"

namespace sdwdate::base {

/// The longest path a UNIX socket can have.
inline constexpr std::size_t kLongestSocketPath = 107;

/// Sends `data` whole and at once to the socket at `path`; a path that begins with '@' is in the abstract namespace.
/// Nothing is kept open. Returns 0, or errno: ENAMETOOLONG also for an empty path, EAGAIN when the receiver is slow.
int send_datagram(std::string_view path, std::span<const std::byte> data);

/// A stream to the socket at `path`, which blocks; or errno.
std::expected<UniqueFd, int> connect_unix(std::string_view path);

}  // namespace sdwdate::base
