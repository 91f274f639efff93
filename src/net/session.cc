#include "net/session.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace sdwdate::net {
namespace {

using base::ErrorCode;
using base::RawClock;
using base::RawTime;
using base::SourceError;
using base::SourceResult;

constexpr std::size_t kReadSize = 4096;

/// Sets what the certificate must say, and the SNI for names.
bool expect_peer(SSL* ssl, const PeerName& peer) {
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
  if (peer.is_address) return X509_VERIFY_PARAM_set1_ip_asc(parameters, peer.host.c_str()) == 1;
  return expect_host(parameters, peer.host) && SSL_set_tlsext_host_name(ssl, peer.host.c_str()) == 1;
}

SourceError handshake_error(SSL* ssl, const PeerName& peer, bool closed) {
  const long verdict = SSL_get_verify_result(ssl);
  if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return {ErrorCode::tls_certificate, fmt::format("its certificate is not for {}", peer.host)};
  }
  if (verdict != X509_V_OK) {
    return {ErrorCode::tls_certificate,
            fmt::format("its certificate is not trusted: {}", X509_verify_cert_error_string(verdict))};
  }
  if (closed) return {ErrorCode::tls_handshake, "the server closed the connection during the TLS handshake"};
  return {ErrorCode::tls_handshake, fmt::format("TLS 1.2 or 1.3 could not be agreed: {}", openssl_reason())};
}

}  // namespace

Session::Step Session::after(int result) const {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE: return Step::done;
    case SSL_ERROR_WANT_READ: return Step::want_read;
    case SSL_ERROR_WANT_WRITE: return Step::want_write;
    case SSL_ERROR_ZERO_RETURN:
    case SSL_ERROR_SYSCALL: return Step::closed;
    default: return Step::failed;
  }
}

Session::Step Session::read_some(std::span<char> buffer, std::size_t& size) {
  if (ssl_) {
    ERR_clear_error();
    return after(SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &size));
  }
  const ssize_t received = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return Step::want_read;
  if (received <= 0) return Step::closed;
  size = static_cast<std::size_t>(received);
  plain_traffic_.received += size;
  return Step::done;
}

Session::Step Session::write_some(std::string_view bytes, std::size_t& size) {
  if (ssl_) {
    ERR_clear_error();
    return after(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &size));
  }
  const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return Step::want_write;
  if (sent < 0) return Step::closed;
  size = static_cast<std::size_t>(sent);
  plain_traffic_.sent += size;
  return Step::done;
}

awaitable<void> Session::wait_for(Step step) {
  const auto what = step == Step::want_read ? Stream::wait_read : Stream::wait_write;
  const auto [error] = co_await socket_.async_wait(what, kAwait);
  static_cast<void>(error);  // whatever it is, the next attempt to move bytes meets it again
}

awaitable<SourceResult<Session>> Session::open(Stream socket, SSL_CTX* context, const PeerName& peer) {
  Session session{std::move(socket), Ssl{SSL_new(context)}};
  SSL* ssl = session.ssl_.get();
  if (ssl == nullptr || !expect_peer(ssl, peer) || SSL_set_fd(ssl, session.socket_.native_handle()) != 1) {
    co_return std::unexpected(
        SourceError{ErrorCode::tls_handshake, fmt::format("cannot set up TLS: {}", openssl_reason())});
  }
  while (true) {
    ERR_clear_error();
    const Step step = session.after(SSL_connect(ssl));
    if (step == Step::done) co_return session;
    if (step == Step::closed || step == Step::failed) {
      co_return std::unexpected(handshake_error(ssl, peer, step == Step::closed));
    }
    co_await session.wait_for(step);
  }
}

awaitable<SourceResult<RawTime>> Session::send(std::string_view bytes) {
  while (true) {
    const RawTime before = RawClock::now();
    std::size_t size = 0;
    const Step step = write_some(bytes, size);
    if (step == Step::done) {
      bytes.remove_prefix(size);
      if (bytes.empty()) co_return before;
    } else if (step == Step::closed || step == Step::failed) {
      co_return std::unexpected(SourceError{ErrorCode::connect, "the connection broke while the request was sent"});
    } else {
      co_await wait_for(step);
    }
  }
}

awaitable<SourceResult<Arrival>> Session::receive() {
  std::array<char, kReadSize> buffer{};
  while (true) {
    std::size_t size = 0;
    const Step step = read_some(buffer, size);
    // After the read, not before: bytes that came in between would make the bounds false.
    const RawTime now = RawClock::now();
    if (step == Step::done) co_return Arrival{std::string{buffer.data(), size}, now};
    if (step == Step::closed) co_return Arrival{{}, now};
    if (step == Step::failed) {
      co_return std::unexpected(
          SourceError{ErrorCode::tls_handshake, fmt::format("TLS broke off: {}", openssl_reason())});
    }
    co_await wait_for(step);
  }
}

bool Session::quiet() {
  std::array<char, 1> byte{};
  std::size_t size = 0;
  return read_some(byte, size) == Step::want_read;
}

std::optional<SourceResult<ValidityWindow>> Session::verify_at(std::chrono::sys_seconds claimed) const {
  if (!ssl_) return std::nullopt;
  return net::verify_at(ssl_.get(), claimed);
}

ipc::Traffic Session::traffic() const {
  if (!ssl_) return plain_traffic_;
  return {BIO_number_written(SSL_get_wbio(ssl_.get())), BIO_number_read(SSL_get_rbio(ssl_.get()))};
}

}  // namespace sdwdate::net
