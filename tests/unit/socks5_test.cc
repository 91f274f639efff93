#include "wire/socks5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "support/generators.h"

namespace sdwdate::wire {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

std::string bytes(const std::vector<int>& values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

/// What the client sent, and how it ended, when the proxy says `proxy`.
struct Dialogue {
  std::vector<std::string> sent;
  std::string error;  ///< empty: none
  bool done = false;
  std::string unread;  ///< what the client left for those after it
};

Dialogue talk(SocksClient client, std::string proxy) {
  Dialogue dialogue;
  while (!client.done()) {
    if (!client.to_send().empty()) dialogue.sent.emplace_back(client.to_send());
    if (client.wanted() > proxy.size()) break;  // the proxy has fallen silent
    const std::string read = proxy.substr(0, client.wanted());
    proxy.erase(0, client.wanted());
    if (const auto fed = client.feed(read); !fed) {
      EXPECT_EQ(fed.error().code, ErrorCode::proxy);
      dialogue.error = fed.error().message;
      break;
    }
  }
  dialogue.done = client.done();
  dialogue.unread = proxy;
  return dialogue;
}

const std::string kNoAuthentication = bytes({5, 0});
const std::string kPasswordWanted = bytes({5, 2});
const std::string kPasswordRight = bytes({1, 0});
const std::string kConnected = bytes({5, 0, 0, 1, 0, 0, 0, 0, 0, 0});

SocksClient client_for(const std::string& host) { return {host, 443, {}}; }

// --- golden bytes
// -----------------------------------------------------------------------------------------------------

TEST(Socks5, ANameIsSentAsANameForTheProxyToResolve) {
  const Dialogue dialogue = talk(client_for("a.example"), kNoAuthentication + kConnected);
  EXPECT_TRUE(dialogue.done);
  EXPECT_EQ(dialogue.sent, (std::vector{bytes({5, 1, 0}), bytes({5, 1, 0, 3, 9}) + "a.example" + bytes({0x01, 0xbb})}));
}

TEST(Socks5, AnIpv4AddressIsSentAsFourBytes) {
  const Dialogue dialogue = talk({"192.0.2.1", 8443, {}}, kNoAuthentication + kConnected);
  EXPECT_EQ(dialogue.sent.back(), bytes({5, 1, 0, 1, 192, 0, 2, 1, 0x20, 0xfb}));
}

TEST(Socks5, AnIpv6AddressIsSentAsSixteenBytes) {
  const Dialogue dialogue = talk({"2001:db8::1", 80, {}}, kNoAuthentication + kConnected);
  EXPECT_EQ(dialogue.sent.back(),
            bytes({5, 1, 0, 4, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80}));
}

TEST(Socks5, UserAndPasswordFollowRfc1929) {
  const SocksClient client{"a.example", 443, {"me", "secret"}};
  const Dialogue dialogue = talk(client, kPasswordWanted + kPasswordRight + kConnected);
  EXPECT_TRUE(dialogue.done);
  EXPECT_EQ(dialogue.sent, (std::vector{bytes({5, 2, 0, 2}), bytes({1, 2}) + "me" + bytes({6}) + "secret",
                                        bytes({5, 1, 0, 3, 9}) + "a.example" + bytes({0x01, 0xbb})}));
}

TEST(Socks5, AProxyMayDeclineThePasswordItWasOffered) {
  const SocksClient client{"a.example", 443, {"me", "secret"}};
  const Dialogue dialogue = talk(client, kNoAuthentication + kConnected);
  EXPECT_TRUE(dialogue.done);
  EXPECT_EQ(dialogue.sent.size(), 2U);
}

TEST(Socks5, TheLongestNamesAndCredentialsFit) {
  const std::string longest(255, 'x');
  const Dialogue dialogue = talk({longest, 1, {longest, longest}}, kPasswordWanted + kPasswordRight + kConnected);
  EXPECT_TRUE(dialogue.done);
  EXPECT_EQ(dialogue.sent[1], bytes({1, 255}) + longest + bytes({255}) + longest);
  EXPECT_EQ(dialogue.sent[2], bytes({5, 1, 0, 3, 255}) + longest + bytes({0, 1}));
}

// --- the proxy's answers
// ----------------------------------------------------------------------------------------------

TEST(Socks5, NothingBeyondTheProtocolIsRead) {
  const std::string tls = "first bytes of TLS";
  const std::string name = "bound.example";
  const std::vector<std::string> bound{
      bytes({5, 0, 0, 1, 127, 0, 0, 1, 4, 5}),
      bytes({5, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 5}),
      bytes({5, 0, 0, 3, static_cast<int>(name.size())}) + name + bytes({4, 5}),
      bytes({5, 0, 0, 3, 0, 4, 5}),
      bytes({5, 0, 0, 3, 255}) + std::string(255, 'x') + bytes({4, 5}),
  };
  for (const std::string& reply : bound) {
    const Dialogue dialogue = talk(client_for("a.example"), kNoAuthentication + reply + tls);
    EXPECT_TRUE(dialogue.done);
    EXPECT_EQ(dialogue.unread, tls);
  }
}

TEST(Socks5, EachRefusalHasItsWords) {
  const std::vector<std::pair<int, std::string>> refusals{
      {1, "general failure"},  {2, "not allowed"},  {3, "network unreachable"},
      {4, "host unreachable"}, {5, "refused"},      {6, "timed out"},
      {7, "command"},          {8, "address type"}, {9, "0x09"},
      {0xf0, "not known"},     {0xf6, "mistyped"},  {0xff, "0xff"}};
  for (const auto& [code, words] : refusals) {
    const Dialogue dialogue =
        talk(client_for("a.example"), kNoAuthentication + bytes({5, code, 0, 1, 0, 0, 0, 0, 0, 0}));
    EXPECT_FALSE(dialogue.done);
    EXPECT_THAT(dialogue.error, HasSubstr(words));
  }
}

TEST(Socks5, ARefusalIsUnderstoodFromItsFirstBytes) {
  // Some proxies close at once after the reply code.
  EXPECT_THAT(talk(client_for("a.example"), kNoAuthentication + bytes({5, 5, 0, 1, 0})).error, HasSubstr("refused"));
}

TEST(Socks5, OtherProtocolsAreRefused) {
  EXPECT_THAT(talk(client_for("a.example"), "HTTP/1.1 400 Bad Request").error, HasSubstr("SOCKS5"));
  EXPECT_THAT(talk(client_for("a.example"), bytes({0, 0x5b})).error, HasSubstr("SOCKS5"));
  EXPECT_THAT(talk(client_for("a.example"), kNoAuthentication + bytes({4, 0, 0, 1, 0})).error, HasSubstr("SOCKS5"));
}

TEST(Socks5, AnAuthenticationWeCannotGiveIsRefused) {
  EXPECT_THAT(talk(client_for("a.example"), kPasswordWanted).error, HasSubstr("user:password"));
  EXPECT_THAT(talk(client_for("a.example"), bytes({5, 0xff})).error, HasSubstr("authentication"));
  EXPECT_THAT(talk({"a.example", 443, {"me", "x"}}, bytes({5, 1})).error, HasSubstr("authentication"));
}

TEST(Socks5, AWrongPasswordIsSaidSo) {
  EXPECT_THAT(talk({"a.example", 443, {"me", "x"}}, kPasswordWanted + bytes({1, 1})).error, HasSubstr("password"));
}

TEST(Socks5, AnUnknownKindOfAddressIsRefused) {
  EXPECT_THAT(talk(client_for("a.example"), kNoAuthentication + bytes({5, 0, 0, 2, 0})).error, HasSubstr("address"));
}

RC_GTEST_PROP(Socks5, WhateverTheProxySaysTheTalkEndsSoon, ()) {
  const bool login = *rc::gen::arbitrary<bool>();
  const SocksClient client{"a.example", 443, login ? SocksCredentials{"me", "x"} : SocksCredentials{}};
  const std::string start = *rc::gen::element<std::string>("", kNoAuthentication, kPasswordWanted + kPasswordRight);
  const Dialogue dialogue = talk(client, start + *support::any_bytes());
  RC_ASSERT(dialogue.sent.size() <= 3U);
  RC_ASSERT((!dialogue.done || dialogue.error.empty()));
}

}  // namespace
}  // namespace sdwdate::wire
