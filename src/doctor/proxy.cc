#include "doctor/proxy.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/unique_fd.h"
#include "base/unix_socket.h"
#include "ipc/address.h"
#include "wire/socks5.h"

namespace sdwdate::doctor {
namespace {

using base::UniqueFd;

void limit_steps(const UniqueFd& socket, std::chrono::seconds patience) {
  const timeval limit{patience.count(), 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

/// A connection whose every step takes at most `patience`, or errno.
std::expected<UniqueFd, int> connect_to(const ipc::IpAddress& address, std::uint16_t port,
                                        std::chrono::seconds patience) {
  UniqueFd socket{::socket(address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket) return std::unexpected(errno);
  limit_steps(socket, patience);

  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API is made that way
  const int failed = address.v6 ? ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof v6)
                                : ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
  if (failed != 0) return std::unexpected(errno == EINPROGRESS ? ETIMEDOUT : errno);
  return socket;
}

std::expected<UniqueFd, int> connect_to(const wire::Endpoint& endpoint, std::chrono::seconds patience) {
  if (endpoint.is_unix()) {
    auto connected = base::connect_unix(endpoint.path);
    if (connected) limit_steps(*connected, patience);
    return connected;
  }
  const wire::HostPort& server = endpoint.tcp;
  if (const auto address = ipc::parse_address(server.host)) return connect_to(*address, server.port, patience);
  auto connected = connect_to(*ipc::parse_address("127.0.0.1"), server.port, patience);
  if (connected) return connected;
  return connect_to(*ipc::parse_address("::1"), server.port, patience);
}

}  // namespace

Known<void> greet_proxy(const wire::ProxyUrl& proxy, std::chrono::seconds patience) {
  const std::string name = to_string(proxy.server);
  const std::string& host = proxy.server.tcp.host;
  if (!proxy.server.is_unix() && host != "localhost" && !ipc::parse_address(host)) {
    return std::unexpected(fmt::format("the proxy {} must be given by address: names are not resolved", name));
  }
  const auto socket = connect_to(proxy.server, patience);
  if (!socket) {
    return std::unexpected(fmt::format("nobody answers at the proxy {}: {}", name, base::errno_text(socket.error())));
  }
  const std::string user = proxy.user.empty() ? "doctor" : proxy.user;
  wire::SocksClient client{"localhost", 1, {user, proxy.user.empty() ? user : proxy.password}};
  const std::string_view hello = client.to_send();
  std::string answer(client.wanted(), '\0');
  const bool sent = ::send(socket->get(), hello.data(), hello.size(), MSG_NOSIGNAL) == std::ssize(hello);
  if (!sent || ::recv(socket->get(), answer.data(), answer.size(), MSG_WAITALL) != std::ssize(answer)) {
    return std::unexpected(fmt::format("{} is no SOCKS5 proxy: it does not answer a greeting", name));
  }
  if (const auto fed = client.feed(answer); !fed) {
    return std::unexpected(fmt::format("the proxy {}: {}", name, fed.error().message));
  }
  return {};
}

}  // namespace sdwdate::doctor
