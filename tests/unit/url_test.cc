#include "wire/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "support/generators.h"

namespace sdwdate::wire {
namespace {

using testing::HasSubstr;

Url parsed(std::string_view text) {
  SCOPED_TRACE(text);
  const auto url = parse_url(text);
  EXPECT_TRUE(url) << url.error();
  return url.value_or(Url{});
}

/// The message, which must name the URL.
std::string refusal(const std::string& text) {
  SCOPED_TRACE(text);
  const auto url = parse_url(text);
  EXPECT_FALSE(url);
  if (url) return {};
  EXPECT_THAT(url.error(), HasSubstr(text.substr(0, 20)));
  return url.error();
}

const std::string kOnion = "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion";

// --- what can be asked ----------------------------------------------------------------------------------------------

TEST(Url, HttpsHasPort443AndTheRootByDefault) {
  const Url url = parsed("https://www.example.org");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "www.example.org");
  EXPECT_EQ(url.port, 443);
  EXPECT_EQ(url.target, "/");
  EXPECT_EQ(url.text, "https://www.example.org");
  EXPECT_FALSE(url.host_is_address);
  EXPECT_FALSE(url.host_is_onion);
}

TEST(Url, SchemeAndHostKnowNoCase) {
  const Url url = parsed("HTTPS://WWW.Example.ORG/Path");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "www.example.org");
  EXPECT_EQ(url.target, "/Path") << "a path does know case";
}

TEST(Url, PathAndQueryAreTheTargetAndAFragmentIsNot) {
  EXPECT_EQ(parsed("https://a.example/x/y?z=1&w=%20#part").target, "/x/y?z=1&w=%20");
  EXPECT_EQ(parsed("https://a.example?z=1").target, "/?z=1");
}

TEST(Url, APortIsTakenAndShownUnlessItIsTheSchemesOwn) {
  EXPECT_EQ(parsed("https://a.example:8443/").port, 8443);
  EXPECT_EQ(parsed("https://a.example:8443/").authority(), "a.example:8443");
  EXPECT_EQ(parsed("https://a.example:443/").authority(), "a.example");
  EXPECT_EQ(parsed("https://a.example:/").port, 443);
  EXPECT_EQ(parsed("https://a.example:65535/").port, 65535);
  EXPECT_EQ(parsed("https://a.example:80/").authority(), "a.example:80");
}

TEST(Url, AFinalDotIsDropped) { EXPECT_EQ(parsed("https://a.example./").authority(), "a.example"); }

TEST(Url, Ipv4AddressesAreKnownAsSuch) {
  const Url url = parsed("https://192.0.2.1:8443/");
  EXPECT_EQ(url.host, "192.0.2.1");
  EXPECT_TRUE(url.host_is_address);
  EXPECT_EQ(url.authority(), "192.0.2.1:8443");
}

TEST(Url, Ipv6AddressesLoseTheirBracketsAndGetThemBack) {
  const Url url = parsed("https://[2001:db8::1]/");
  EXPECT_EQ(url.host, "2001:db8::1");
  EXPECT_TRUE(url.host_is_address);
  EXPECT_EQ(url.authority(), "[2001:db8::1]");
  EXPECT_EQ(parsed("https://[::1]:8443/").authority(), "[::1]:8443");
}

TEST(Url, Ipv6AddressesAreInLowerCaseToo) { EXPECT_EQ(parsed("https://[2001:DB8::A]/").host, "2001:db8::a"); }

TEST(Url, OnionServicesMayBeAskedWithoutTls) {
  const Url url = parsed("http://" + kOnion + "/");
  EXPECT_FALSE(url.tls);
  EXPECT_TRUE(url.host_is_onion);
  EXPECT_EQ(url.port, 80);
  EXPECT_EQ(url.authority(), kOnion);
  EXPECT_EQ(parsed("http://" + kOnion + ":8080/").authority(), kOnion + ":8080");
  EXPECT_EQ(parsed("https://" + kOnion + "/").port, 443);
}

// --- what cannot ----------------------------------------------------------------------------------------------------

TEST(Url, PlainHttpElsewhereIsRefused) {
  EXPECT_THAT(refusal("http://www.example.org/"), HasSubstr("https://"));
  EXPECT_THAT(refusal("http://onion.example/"), HasSubstr("https://"));
  EXPECT_THAT(refusal("http://192.0.2.1/"), HasSubstr("https://"));
}

TEST(Url, OtherSchemesAreRefused) {
  EXPECT_THAT(refusal("ftp://www.example.org/"), HasSubstr("'ftp'"));
  EXPECT_THAT(refusal("file:///etc/passwd"), HasSubstr("'file'"));
}

TEST(Url, UserNamesAreRefused) {
  EXPECT_THAT(refusal("https://me@www.example.org/"), HasSubstr("user names"));
  EXPECT_THAT(refusal("https://me:secret@www.example.org/"), HasSubstr("user names"));
  EXPECT_THAT(refusal("https://@www.example.org/"), HasSubstr("user names"));
}

TEST(Url, PortsOutsideTheirRangeAreRefused) {
  EXPECT_THAT(refusal("https://a.example:0/"), HasSubstr("'0'"));
  EXPECT_THAT(refusal("https://a.example:65536/"), HasSubstr("'65536'"));
  EXPECT_THAT(refusal("https://a.example:70000/"), HasSubstr("'70000'"));
  refusal("https://a.example:-1/");
  refusal("https://a.example:99999999999999999999/");
  refusal("https://a.example:8x/");
}

TEST(Url, HostsThatAreNoneAreRefused) {
  for (const char* text : {"https:///", "https://./", "https://a%2eexample/",
                           "https://b\xc3\xbc"
                           "cher.example/",
                           "https://a,b.example/", "https://[::1/", "https://[v1.x]/", "https://a;b/"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
  EXPECT_THAT(refusal("https:///"), HasSubstr("host"));
  EXPECT_FALSE(parse_url("https://" + std::string(254, 'a') + "/"));
  EXPECT_TRUE(parse_url("https://" + std::string(253, 'a') + "/"));
}

TEST(Url, TextsThatAreNoUrlAreRefusedWithAnExample) {
  for (const char* text : {"www.example.org", "//www.example.org/", "https", "https://a b/", " https://a.example/"}) {
    EXPECT_THAT(refusal(text), HasSubstr("https://")) << text;
  }
  EXPECT_FALSE(parse_url(""));
  EXPECT_FALSE(parse_url("https://a.example/\r\nX: y"));
  EXPECT_FALSE(parse_url("https://a.example/ HTTP/1.1"));
  EXPECT_FALSE(parse_url(std::string_view{"https://a.example/\0", 19}));
}

TEST(Url, TooLongPathsAreRefused) {
  EXPECT_TRUE(parse_url("https://a.example/" + std::string(kMaxTarget - 1, 'x')));
  EXPECT_FALSE(parse_url("https://a.example/" + std::string(kMaxTarget, 'x')));
}

TEST(Url, MessagesAreFitForATerminal) {
  const auto url = parse_url("https://a.example/\x1b[31m");
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().find('\x1b'), std::string::npos);
}

RC_GTEST_PROP(Url, WhateverIsAcceptedFitsIntoARequest, ()) {
  const std::string text =
      *rc::gen::oneOf(support::any_bytes(),
                      rc::gen::map(support::any_bytes(), [](const std::string& rest) { return "https://" + rest; }),
                      rc::gen::map(support::any_text_of("abcABC019.-_:/?#[]@%~"),
                                   [](const std::string& rest) { return "https://" + rest; }));
  const auto url = parse_url(text);
  if (!url) return;
  RC_ASSERT(url->text == text);
  RC_ASSERT((!url->host.empty() && url->host.size() <= kMaxHost && url->port != 0));
  RC_ASSERT((url->target.starts_with('/') && url->target.size() <= kMaxTarget));
  for (const char c : url->target + url->authority()) RC_ASSERT((c > ' ' && c <= '~'));
}

// --- proxies --------------------------------------------------------------------------------------------------------

TEST(HostPort, NamesAndAddresses) {
  EXPECT_EQ(parse_host_port("127.0.0.1:9050"), (HostPort{"127.0.0.1", 9050}));
  EXPECT_EQ(parse_host_port("[::1]:9050"), (HostPort{"::1", 9050}));
  EXPECT_EQ(parse_host_port("localhost:1"), (HostPort{"localhost", 1}));
}

TEST(HostPort, AnythingElseIsRefusedWithAnExample) {
  for (const char* text :
       {"", ":9050", "localhost", "localhost:", "localhost:0", "localhost:65536", "localhost:x", "me@localhost:1",
        "localhost:1/", "localhost:1?x", "localhost:1#x", "::1:9050", "a b:1", "http://localhost:1"}) {
    const auto given = parse_host_port(text);
    ASSERT_FALSE(given) << text;
    EXPECT_THAT(given.error(), HasSubstr("127.0.0.1:9050"));
  }
}

TEST(ProxyUrl, WithAndWithoutUser) {
  EXPECT_EQ(parse_proxy_url("socks5h://127.0.0.1:9050"), (ProxyUrl{{{}, {"127.0.0.1", 9050}}, "", ""}));
  EXPECT_EQ(parse_proxy_url("socks5h://me:secret@[::1]:9050"), (ProxyUrl{{{}, {"::1", 9050}}, "me", "secret"}));
  EXPECT_EQ(parse_proxy_url("socks5h://m%20e:s%3Ac@localhost:9050"),
            (ProxyUrl{{{}, {"localhost", 9050}}, "m e", "s:c"}));
}

TEST(ProxyUrl, SchemesThatResolveNamesLocallyAreRefused) {
  for (const char* text : {"socks5://127.0.0.1:9050", "socks4a://127.0.0.1:9050", "http://127.0.0.1:3128",
                           "127.0.0.1:9050", "", "socks5h:127.0.0.1"}) {
    const auto proxy = parse_proxy_url(text);
    ASSERT_FALSE(proxy) << text;
    EXPECT_THAT(proxy.error(), HasSubstr("socks5h://host:port"));
  }
}

TEST(ProxyUrl, MayBeAPath) {
  EXPECT_EQ(parse_proxy_url("unix:/run/tor/socks"), (ProxyUrl{{"/run/tor/socks", {}}, "", ""}));
  EXPECT_FALSE(parse_proxy_url("unix:run/tor/socks"));
}

TEST(Endpoint, IsAPathOrAHostWithAPort) {
  EXPECT_EQ(parse_endpoint("unix:/run/tor/control"), (Endpoint{"/run/tor/control", {}}));
  EXPECT_EQ(parse_endpoint("[::1]:9051"), (Endpoint{{}, {"::1", 9051}}));
  for (const std::string text : {"unix:", "unix:relative", "127.0.0.1", "/run/tor/control"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
  EXPECT_TRUE(parse_endpoint("unix:/" + std::string(106, 'x')));
  EXPECT_FALSE(parse_endpoint("unix:/" + std::string(107, 'x')));
}

TEST(Endpoint, IsWrittenAsItIsRead) {
  for (const std::string text : {"unix:/run/tor/control", "127.0.0.1:9051", "[::1]:9051", "localhost:1"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(to_string(*endpoint), text);
  }
}

TEST(ProxyUrl, APortIsNeeded) {
  EXPECT_FALSE(parse_proxy_url("socks5h://127.0.0.1"));
  EXPECT_FALSE(parse_proxy_url("socks5h://127.0.0.1:0"));
}

TEST(ProxyUrl, CredentialsLongerThanTheProtocolAllowsAreRefused) {
  EXPECT_TRUE(parse_proxy_url("socks5h://" + std::string(255, 'u') + ":" + std::string(255, 'p') + "@[::1]:1"));
  EXPECT_FALSE(parse_proxy_url("socks5h://" + std::string(256, 'u') + ":p@[::1]:1"));
  EXPECT_FALSE(parse_proxy_url("socks5h://u:" + std::string(256, 'p') + "@[::1]:1"));
}

}  // namespace
}  // namespace sdwdate::wire
