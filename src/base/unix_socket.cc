#include "base/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/unique_fd.h"

namespace sdwdate::base {
namespace {

/// A path as the kernel wants it.
class Address {
 public:
  explicit Address(std::string_view path) {
    static_assert(sizeof address_.sun_path == kLongestSocketPath + 1);
    if (path.empty() || path.size() > kLongestSocketPath) return;
    address_.sun_family = AF_UNIX;
    std::ranges::copy(path, std::begin(address_.sun_path));
    size_ = sizeof address_;
    if (path.front() == '@') {
      address_.sun_path[0] = '\0';
      size_ = offsetof(sockaddr_un, sun_path) + path.size();  // an abstract name is not terminated
    }
  }

  [[nodiscard]] bool valid() const { return size_ > 0; }
  [[nodiscard]] const sockaddr* get() const {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API is made that way
    return reinterpret_cast<const sockaddr*>(&address_);
  }
  [[nodiscard]] socklen_t size() const { return static_cast<socklen_t>(size_); }

 private:
  sockaddr_un address_{};
  std::size_t size_ = 0;
};

}  // namespace

int send_datagram(std::string_view path, std::span<const std::byte> data) {
  const Address address{path};
  if (!address.valid()) return ENAMETOOLONG;
  const UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) return errno;
  const ssize_t sent = ::sendto(socket.get(), data.data(), data.size(), MSG_NOSIGNAL, address.get(), address.size());
  return sent < 0 ? errno : 0;
}

std::expected<UniqueFd, int> connect_unix(std::string_view path) {
  const Address address{path};
  if (!address.valid()) return std::unexpected(ENAMETOOLONG);
  UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket || ::connect(socket.get(), address.get(), address.size()) != 0) return std::unexpected(errno);
  return socket;
}

}  // namespace sdwdate::base
