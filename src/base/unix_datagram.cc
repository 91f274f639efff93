#include "base/unix_datagram.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/unique_fd.h"

namespace sdwdate::base {

int send_datagram(std::string_view path, std::span<const std::byte> data) {
  sockaddr_un address{};
  static_assert(sizeof address.sun_path == kLongestSocketPath + 1);
  if (path.empty() || path.size() > kLongestSocketPath) return ENAMETOOLONG;
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, std::begin(address.sun_path));
  std::size_t size = sizeof address;
  if (path.front() == '@') {
    address.sun_path[0] = '\0';
    size = offsetof(sockaddr_un, sun_path) + path.size();  // an abstract name is not terminated
  }

  const UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) return errno;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API is made that way
  const auto* const destination = reinterpret_cast<const sockaddr*>(&address);
  const ssize_t sent =
      ::sendto(socket.get(), data.data(), data.size(), MSG_NOSIGNAL, destination, static_cast<socklen_t>(size));
  return sent < 0 ? errno : 0;
}

}  // namespace sdwdate::base
