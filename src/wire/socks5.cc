#include "wire/socks5.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>

namespace sdwdate::wire {
namespace {

using base::ErrorCode;
using base::SourceError;
using base::SourceResult;

// RFC 1928 sections 3 to 6, RFC 1929 section 2.
constexpr char kVersion = 5;
constexpr char kAuthenticationVersion = 1;
constexpr char kNoAuthentication = 0;
constexpr char kUserPassword = 2;
constexpr char kConnect = 1;
constexpr char kIpv4 = 1;
constexpr char kName = 3;
constexpr char kIpv6 = 4;
constexpr std::size_t kIpv4Bytes = 4;
constexpr std::size_t kIpv6Bytes = 16;
constexpr std::size_t kPortBytes = 2;
constexpr std::size_t kMethodReply = 2;
/// Version, reply, reserved, address type, and the first byte of the address: the length, if it is a name.
constexpr std::size_t kReplyHead = 5;

std::unexpected<SourceError> refuse(std::string message) {
  return std::unexpected(SourceError{ErrorCode::proxy, std::move(message)});
}

/// RFC 1928 section 6; from 0xF0 on, Tor's extended errors (Tor proposal 304).
std::string reply_text(unsigned char reply) {
  switch (reply) {
    case 0x01: return "general failure";
    case 0x02: return "connection not allowed by its rules";
    case 0x03: return "network unreachable";
    case 0x04: return "host unreachable";
    case 0x05: return "connection refused";
    case 0x06: return "timed out on its side";
    case 0x07: return "command not supported";
    case 0x08: return "address type not supported";
    case 0xF0: return "the onion service is not known: its address is wrong, or it has been down for hours";
    case 0xF1: return "what the onion service has published makes no sense";
    case 0xF2: return "the onion service did not let us in: it is down, probably";
    case 0xF3: return "the onion service did not meet us: it is down, or busy";
    case 0xF4: return "the onion service wants a key from those whom it lets in";
    case 0xF5: return "the onion service does not take the key that Tor has for it";
    case 0xF6: return "this is no onion service's address: it is mistyped";
    case 0xF7: return "the onion service could not be reached in time: it is down, probably";
    default: return fmt::format("error {:#04x}", reply);
  }
}

std::string address_field(const std::string& host) {
  std::array<char, kIpv6Bytes> address{};
  if (inet_pton(AF_INET, host.c_str(), address.data()) == 1) {
    return std::string{kIpv4} + std::string{address.data(), kIpv4Bytes};
  }
  if (inet_pton(AF_INET6, host.c_str(), address.data()) == 1) {
    return std::string{kIpv6} + std::string{address.data(), kIpv6Bytes};
  }
  return std::string{kName} + static_cast<char>(host.size()) + host;
}

}  // namespace

SocksClient::SocksClient(std::string host, std::uint16_t port, SocksCredentials credentials)
    : host_(std::move(host)), port_(port), credentials_(std::move(credentials)) {
  // Offered both, Tor takes user and password (and isolates by them); a plain proxy may take none.
  std::string greeting{kVersion, '\1', kNoAuthentication};
  if (!credentials_.user.empty()) greeting = {kVersion, '\2', kNoAuthentication, kUserPassword};
  await(State::method, std::move(greeting), kMethodReply);
}

SourceResult<void> SocksClient::feed(std::string_view bytes) {
  switch (state_) {
    case State::method: return on_method(bytes);
    case State::authentication: return on_authentication(bytes);
    case State::reply_head: return on_reply_head(bytes);
    case State::reply_rest: await(State::done, {}, 0); return {};
    case State::done: break;
  }
  return {};
}

SourceResult<void> SocksClient::on_method(std::string_view bytes) {
  if (bytes[0] != kVersion) return refuse("it does not speak SOCKS5");
  if (bytes[1] == kNoAuthentication) {
    await(State::reply_head, connect_request(), kReplyHead);
    return {};
  }
  if (bytes[1] != kUserPassword || credentials_.user.empty()) {
    return refuse("it wants an authentication that was not given (socks5h://user:password@host:port)");
  }
  std::string request{kAuthenticationVersion};
  request += static_cast<char>(credentials_.user.size()) + credentials_.user;
  request += static_cast<char>(credentials_.password.size()) + credentials_.password;
  await(State::authentication, std::move(request), kMethodReply);
  return {};
}

SourceResult<void> SocksClient::on_authentication(std::string_view bytes) {
  if (bytes[1] != 0) return refuse("it refused the user name or password");
  await(State::reply_head, connect_request(), kReplyHead);
  return {};
}

SourceResult<void> SocksClient::on_reply_head(std::string_view bytes) {
  if (bytes[0] != kVersion) return refuse("it does not speak SOCKS5");
  if (bytes[1] != 0) {
    return refuse(fmt::format("it could not connect: {}", reply_text(static_cast<unsigned char>(bytes[1]))));
  }
  // One byte of the address has been read already.
  switch (bytes[3]) {
    case kIpv4: await(State::reply_rest, {}, kIpv4Bytes - 1 + kPortBytes); return {};
    case kIpv6: await(State::reply_rest, {}, kIpv6Bytes - 1 + kPortBytes); return {};
    case kName: await(State::reply_rest, {}, static_cast<unsigned char>(bytes[4]) + kPortBytes); return {};
    default: return refuse("its answer names an unknown kind of address");
  }
}

void SocksClient::await(State state, std::string to_send, std::size_t wanted) {
  state_ = state;
  to_send_ = std::move(to_send);
  wanted_ = wanted;
}

std::string SocksClient::connect_request() const {
  std::string request{kVersion, kConnect, '\0'};
  request += address_field(host_);
  request += static_cast<char>(port_ >> 8U);
  request += static_cast<char>(port_ & 0xFFU);
  return request;
}

}  // namespace sdwdate::wire
