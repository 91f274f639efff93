// The input is what a proxy says. The client asks for few bytes, few times, and fails only by the proxy's fault.
#include "wire/socks5.h"

#include "fuzz/property.h"

using sdwdate::base::ErrorCode;
using sdwdate::fuzz::require;
using sdwdate::wire::SocksClient;

namespace {

void converse(SocksClient client, std::string_view proxy, std::size_t most_turns) {
  std::size_t turns = 0;
  while (!client.done()) {
    require(client.wanted() > 0 && client.wanted() <= 257, "no reply is longer than its length byte can say");
    require(client.to_send().size() <= 513, "no request is longer than RFC 1928 and 1929 allow");
    require(++turns <= most_turns, "the conversation is short");
    if (proxy.size() < client.wanted()) return;
    const std::string_view reply = proxy.substr(0, client.wanted());
    proxy.remove_prefix(reply.size());
    if (const auto fed = client.feed(reply); !fed) {
      require(fed.error().code == ErrorCode::proxy || fed.error().code == ErrorCode::connect, "the proxy is to blame");
      require(!fed.error().message.empty() && !client.done(), "a refusal is explained and ends it");
      return;
    }
  }
  require(client.to_send().empty() && client.wanted() == 0, "what follows belongs to TLS");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view proxy = sdwdate::fuzz::text_of(data, size);
  converse({"time.example", 443, {}}, proxy, 3);
  converse({"2001:db8::1", 65535, {"user", ""}}, proxy, 4);
  converse({std::string(253, 'a'), 1, {std::string(255, 'u'), std::string(255, 'p')}}, proxy, 4);
  return 0;
}
