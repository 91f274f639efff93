// What parses can be written again and parses the same; nothing in it could break out of its place in a request.
#include "wire/url.h"

#include <fmt/format.h>

#include <algorithm>

#include "fuzz/property.h"
#include "ipc/address.h"
#include "wire/http_answer.h"

using namespace sdwdate::wire;
using sdwdate::fuzz::require;

namespace {

std::string written(const HostPort& server) {
  return fmt::format(fmt::runtime(server.host.contains(':') ? "[{}]:{}" : "{}:{}"), server.host, server.port);
}

/// RFC 3986: the authority ends at the first slash, question mark or hash; what comes before the hash is asked for.
std::string target_in(std::string_view text) {
  text.remove_prefix(text.find("://") + 3);
  text.remove_prefix(std::min(text.find_first_of("/?#"), text.size()));
  const std::string target{text.substr(0, text.find('#'))};
  return target.starts_with('/') ? target : '/' + target;
}

void check_url(const Url& url) {
  require(!url.host.empty() && url.host.size() <= kMaxHost && url.port != 0, "there is somewhere to connect to");
  require(url.host_is_address == sdwdate::ipc::parse_address(url.host).has_value(), "addresses are known as such");
  require(url.target == target_in(url.text) && url.target.size() <= kMaxTarget, "nothing of the host is in the target");
  require(url.tls || url.host_is_onion, "only onion services may do without TLS");
  const std::string request = head_request(url.target, url.authority());
  require(std::ranges::count(request, '\n') == 3 && std::ranges::count(request, ' ') == 3, "one line stays one line");

  auto again = parse_url(fmt::format("{}://{}{}", url.tls ? "https" : "http", url.authority(), url.target));
  require(again.has_value(), "what was understood can be written as a URL");
  again->text = url.text;
  require(*again == url, "what is written means the same");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = sdwdate::fuzz::text_of(data, size);
  if (const auto url = parse_url(text)) check_url(*url);
  if (const auto server = parse_host_port(text)) {
    require(parse_host_port(written(*server)) == server, "a written server is the same server");
  }
  if (const auto endpoint = parse_endpoint(text)) {
    require(parse_endpoint(to_string(*endpoint)) == endpoint, "a written endpoint is the same endpoint");
  }
  if (const auto proxy = parse_proxy_url(text)) {
    require(parse_endpoint(to_string(proxy->server)) == proxy->server, "a written proxy is the same proxy");
    require(proxy->user.size() <= 255 && proxy->password.size() <= 255, "SOCKS5 can carry the credentials");
  }
  return 0;
}
