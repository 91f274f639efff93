// The few URLs this project can ask: https anywhere, plain http for onion services only.
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sdwdate::wire {

/// Longest target (path and query) that is sent.
inline constexpr std::size_t kMaxTarget = 1024;
/// RFC 1035's longest name.
inline constexpr std::size_t kMaxHost = 253;

struct Url {
  std::string text;  ///< as given
  bool tls = true;
  std::string host;  ///< lower case, no brackets around an IPv6 address
  bool host_is_address = false;
  bool host_is_onion = false;
  std::uint16_t port = 443;
  std::string target = "/";  ///< path and query

  bool operator==(const Url&) const = default;
  /// What goes into the Host header: brackets for IPv6, the port unless it is the scheme's own.
  [[nodiscard]] std::string authority() const;
};

/// On failure a sentence that names the URL and what is wrong with it.
std::expected<Url, std::string> parse_url(std::string_view text);

/// A host and a port, as in "127.0.0.1:9050", "[::1]:9050", "localhost:9050".
struct HostPort {
  std::string host;
  std::uint16_t port = 0;

  auto operator<=>(const HostPort&) const = default;
};

std::expected<HostPort, std::string> parse_host_port(std::string_view text);

/// Where a server on this machine or near it listens: a UNIX socket or, if there is no path, TCP.
struct Endpoint {
  std::string path;
  HostPort tcp;

  bool operator==(const Endpoint&) const = default;
  [[nodiscard]] bool is_unix() const { return !path.empty(); }
};

/// "unix:/run/tor/socks" or "127.0.0.1:9050". The path must be absolute, and short enough for a socket's address.
std::expected<Endpoint, std::string> parse_endpoint(std::string_view text);

/// The inverse.
std::string to_string(const Endpoint& endpoint);

/// A SOCKS5 proxy that resolves names itself.
struct ProxyUrl {
  Endpoint server;
  std::string user;
  std::string password;

  bool operator==(const ProxyUrl&) const = default;
};

/// "socks5h://[user:password@]host:port" or "unix:/path".
std::expected<ProxyUrl, std::string> parse_proxy_url(std::string_view text);

}  // namespace sdwdate::wire
