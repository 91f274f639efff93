// A real datagram socket for tests to listen on.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "base/unique_fd.h"

namespace sdwdate::support {

/// Listens at a path or, if it begins with '@', at a name in the abstract namespace.
class DatagramListener {
 public:
  explicit DatagramListener(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(name, std::begin(address.sun_path));
    if (name.starts_with('@')) address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0) << name;
  }

  /// The next datagram that has already arrived; empty if there is none.
  std::string receive() {
    std::array<char, 4096> datagram{};
    const ssize_t size = ::recv(socket_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT);
    return size < 0 ? std::string{} : std::string{datagram.data(), static_cast<std::size_t>(size)};
  }

 private:
  base::UniqueFd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

}  // namespace sdwdate::support
