#include "wire/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/src.hpp>  // header-only Boost.URL lives in this one translation unit
#include <charconv>

#include "base/text.h"
#include "base/unix_socket.h"

namespace sdwdate::wire {
namespace {

using boost::urls::host_type;
using boost::urls::url_view;

constexpr std::string_view kUnix = "unix:";
constexpr std::size_t kMaxCredential = 255;  // RFC 1929

std::string text_of(const auto& view) { return std::string{view.data(), view.size()}; }

bool is_host_character(char c) {
  return base::is_digit(c) || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z') || c == '.' || c == '-' ||
         c == '_';
}

/// The host in lower case and without brackets; empty when it is none we can use.
std::string clean_host(const url_view& url) {
  const bool v6 = url.host_type() == host_type::ipv6;
  std::string host = v6 ? text_of(url.host_address()) : text_of(url.encoded_host());
  std::ranges::transform(host, host.begin(), base::to_lower);
  if (v6) return host;
  if (host.ends_with('.')) host.pop_back();
  if (host.empty() || host.size() > kMaxHost || !std::ranges::all_of(host, is_host_character)) return {};
  if (host.starts_with('.') || host.ends_with('.') || host.contains("..")) return {};
  return host;
}

/// Boost.URL 1.81 ends an address or a port at the first character that cannot belong to it, and takes the rest of the
/// authority ("1.2.3.4.example.org", "host:443x") for a path. By RFC 3986 such a path starts with a slash or is empty.
bool authority_is_whole(const url_view& url) {
  const std::string path = text_of(url.encoded_path());
  return path.empty() || path.starts_with('/');
}

/// On some texts without an authority ("https:?") Boost.URL 1.81 fails an assertion; none of them is of use here.
boost::urls::result<url_view> parse_uri(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  if (!text.substr(colon).starts_with("://")) return boost::urls::grammar::error::syntax;
  return boost::urls::parse_uri({text.data(), text.size()});
}

bool is_address(const url_view& url) {
  return url.host_type() == host_type::ipv4 || url.host_type() == host_type::ipv6;
}

/// By its digits: Boost.URL 1.81's port_number() wraps around.
std::expected<std::uint16_t, std::string> port_of(const url_view& url, std::uint16_t otherwise) {
  const std::string digits = text_of(url.port());
  if (digits.empty()) return otherwise;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || port == 0) {
    return std::unexpected(fmt::format("port '{}' is not in 1 to 65535", base::printable(digits, 20)));
  }
  return port;
}

std::expected<Url, std::string> from_view(const url_view& parsed) {
  const std::string scheme = text_of(parsed.scheme());
  Url url;
  url.tls = parsed.scheme_id() == boost::urls::scheme::https;
  if (!url.tls && parsed.scheme_id() != boost::urls::scheme::http) {
    return std::unexpected(fmt::format("scheme '{}' cannot be asked for the time; use https://", scheme));
  }
  if (parsed.has_userinfo()) return std::unexpected("user names and passwords are never sent; leave them out");
  url.host = clean_host(parsed);
  if (url.host.empty()) return std::unexpected("it has no usable host name (international names: use their xn-- form)");
  url.host_is_address = is_address(parsed);
  url.host_is_onion = url.host.ends_with(".onion");
  if (!url.tls && !url.host_is_onion) {
    return std::unexpected("plain http is not authenticated and accepted for .onion hosts only; use https://");
  }
  const auto port = port_of(parsed, url.tls ? 443 : 80);
  if (!port) return std::unexpected(port.error());
  url.port = *port;
  url.target = text_of(parsed.encoded_target());
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (url.target.size() > kMaxTarget) {
    return std::unexpected(fmt::format("its path is longer than {} characters", kMaxTarget));
  }
  return url;
}

/// Host and port of "//host:port" style texts.
std::expected<HostPort, std::string> host_port_of(const url_view& view, std::string_view text) {
  const std::string host = clean_host(view);
  const auto port = port_of(view, 0);
  if (host.empty() || !port || *port == 0) {
    return std::unexpected(fmt::format("'{}' is not HOST:PORT, such as 127.0.0.1:9050", base::printable(text, 200)));
  }
  return HostPort{host, *port};
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.contains(':') ? '[' + host + ']' : host;
  return port == (tls ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

std::expected<Url, std::string> parse_url(std::string_view text) {
  const std::string shown = base::printable(text, 200);
  const auto parsed = parse_uri(text);
  if (!parsed || !authority_is_whole(*parsed)) {
    return std::unexpected(fmt::format("'{}' is not a URL; write it as https://host/", shown));
  }
  auto url = from_view(*parsed);
  if (!url) return std::unexpected(fmt::format("'{}': {}", shown, url.error()));
  url->text = text;
  return url;
}

std::expected<HostPort, std::string> parse_host_port(std::string_view text) {
  const std::string as_url = fmt::format("tcp://{}", text);
  const auto parsed = parse_uri(as_url);
  if (!parsed || !parsed->encoded_path().empty() || parsed->has_userinfo() || parsed->has_query() ||
      parsed->has_fragment()) {
    return std::unexpected(fmt::format("'{}' is not HOST:PORT, such as 127.0.0.1:9050", base::printable(text, 200)));
  }
  return host_port_of(*parsed, text);
}

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text) {
  if (text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    if (path.starts_with('/') && path.size() <= base::kLongestSocketPath && !path.contains('\0')) {
      return Endpoint{std::string{path}, {}};
    }
    return std::unexpected(
        fmt::format("'{}' is not the path of a UNIX socket, such as unix:/run/tor/socks", base::printable(text, 200)));
  }
  auto server = parse_host_port(text);
  if (!server) return std::unexpected(server.error() + " or unix:/run/tor/socks");
  return Endpoint{{}, *std::move(server)};
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return fmt::format("{}{}", kUnix, endpoint.path);
  const std::string& host = endpoint.tcp.host;
  return fmt::format("{}:{}", host.contains(':') ? '[' + host + ']' : host, endpoint.tcp.port);
}

std::expected<ProxyUrl, std::string> parse_proxy_url(std::string_view text) {
  if (text.starts_with(kUnix)) {
    auto server = parse_endpoint(text);
    if (!server) return std::unexpected(server.error());
    return ProxyUrl{*std::move(server), "", ""};
  }
  const auto parsed = parse_uri(text);
  if (!parsed || text_of(parsed->scheme()) != "socks5h" || !authority_is_whole(*parsed) ||
      parsed->encoded_path().size() > 1 || parsed->has_query() || parsed->has_fragment()) {
    return std::unexpected(
        fmt::format("'{}' is not a proxy this program can use; write it as socks5h://host:port (socks5h: the proxy "
                    "resolves the names) or as unix:/path",
                    base::printable(text, 200)));
  }
  auto server = host_port_of(*parsed, text);
  if (!server) return std::unexpected(server.error());
  ProxyUrl proxy{{{}, *std::move(server)}, parsed->user(), parsed->password()};
  if (proxy.user.size() > kMaxCredential || proxy.password.size() > kMaxCredential) {
    return std::unexpected(fmt::format("the proxy's user or password is longer than {} bytes", kMaxCredential));
  }
  return proxy;
}

}  // namespace sdwdate::wire
