// One connection that carries requests: TLS, or plain for onion services.
//
// OpenSSL works on the non-blocking socket itself and Asio only says when it is ready, so that times are taken right
// beside the system calls that move the bytes.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "ipc/records.h"
#include "net/asio.h"
#include "net/trust.h"

namespace sdwdate::net {

/// Bytes that arrived, and a time when they certainly had. No bytes: the peer has closed.
struct Arrival {
  std::string bytes;
  base::RawTime at;
};

class Session {
 public:
  /// Plain text over a connected socket.
  explicit Session(Stream socket) : socket_(std::move(socket)) {}

  /// TLS over a connected socket, the peer's name and chain good at some time. The error is `tls_handshake` or
  /// `tls_certificate`.
  static awaitable<base::SourceResult<Session>> open(Stream socket, SSL_CTX* context, const PeerName& peer);

  /// Sends all of `bytes` in one record. Returns the time just before the last of them went to the kernel.
  awaitable<base::SourceResult<base::RawTime>> send(std::string_view bytes);

  /// Waits for bytes.
  awaitable<base::SourceResult<Arrival>> receive();

  /// False if the peer has sent something unasked, or has closed. Takes in TLS session tickets on the way.
  bool quiet();

  /// See PeerCheck::verify_at; nothing to verify (empty) without TLS.
  [[nodiscard]] std::optional<base::SourceResult<ValidityWindow>> verify_at(std::chrono::sys_seconds claimed) const;

  /// Bytes on this connection so far, as TCP carried them (a proxy's conversation not included).
  [[nodiscard]] ipc::Traffic traffic() const;

 private:
  Session(Stream socket, Ssl ssl) : socket_(std::move(socket)), ssl_(std::move(ssl)) {}

  enum class Step : std::uint8_t { done, want_read, want_write, closed, failed };
  /// What an SSL_* call's result means.
  [[nodiscard]] Step after(int result) const;
  /// One attempt to read into `buffer`; `size` is set when done.
  Step read_some(std::span<char> buffer, std::size_t& size);
  Step write_some(std::string_view bytes, std::size_t& size);
  awaitable<void> wait_for(Step step);

  Stream socket_;
  std::unique_ptr<PeerCheck> check_;
  Ssl ssl_;
  ipc::Traffic plain_traffic_;
};

}  // namespace sdwdate::net
