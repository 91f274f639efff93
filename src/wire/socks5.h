// SOCKS5 with remote names: RFC 1928, and user and password by RFC 1929. Sans-IO.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sdwdate::wire {

/// Empty user: no authentication is offered. Tor isolates circuits by these two.
struct SocksCredentials {
  std::string user;
  std::string password;
};

/// The client's half of the conversation. Alternate: send to_send(), read exactly wanted() bytes, feed() them,
/// until done(). Never asks for a byte beyond its own, so what follows belongs to TLS.
class SocksClient {
 public:
  /// `host`: a name (resolved by the proxy) or a literal address; at most 255 bytes.
  SocksClient(std::string host, std::uint16_t port, SocksCredentials credentials);

  [[nodiscard]] std::string_view to_send() const { return to_send_; }
  [[nodiscard]] std::size_t wanted() const { return wanted_; }
  [[nodiscard]] bool done() const { return state_ == State::done; }

  /// `bytes` must be exactly wanted() long. An error (`proxy` or `connect`) is final.
  base::SourceResult<void> feed(std::string_view bytes);

 private:
  enum class State : std::uint8_t { method, authentication, reply_head, reply_rest, done };

  base::SourceResult<void> on_method(std::string_view bytes);
  base::SourceResult<void> on_authentication(std::string_view bytes);
  base::SourceResult<void> on_reply_head(std::string_view bytes);
  void await(State state, std::string to_send, std::size_t wanted);
  [[nodiscard]] std::string connect_request() const;

  std::string host_;
  std::uint16_t port_;
  SocksCredentials credentials_;
  State state_ = State::method;
  std::string to_send_;
  std::size_t wanted_ = 0;
};

}  // namespace sdwdate::wire
