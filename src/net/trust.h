// Certificate chains, checked at a time of our choosing.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/anchors.h"
#include "net/openssl.h"

namespace sdwdate::net {

/// Whose certificate is expected.
struct PeerName {
  std::string host;
  bool is_address = false;
};

/// Around a time: from when, and until before when, a chain's verdict is the same. No certificate that could be in the
/// chain begins or ends to be valid in between.
struct ValidityWindow {
  std::chrono::sys_seconds begin;
  std::chrono::sys_seconds end;

  [[nodiscard]] bool contains(std::chrono::sys_seconds time) const { return begin <= time && time < end; }
};

/// Why a chain is not good: one of OpenSSL's X509_V_ERR_*.
using ChainVerdict = std::expected<ValidityWindow, int>;

/// The certificates that a peer has shown, and the anchors that could vouch for them. Verdicts are OpenSSL's own, at
/// security level 2, for TLS servers, by the subjectAltName only (RFC 9525).
class ShownChain {
 public:
  /// `shown` has the peer's own first, as TLS sends them.
  ShownChain(const Anchors& anchors, STACK_OF(X509) * shown, PeerName peer);

  /// As a client would say whose clock shows `time`.
  [[nodiscard]] ChainVerdict verify_at(std::chrono::sys_seconds time) const;

  /// Whether there is any time at which verify_at() says yes, and around which: all that can be asked before a time is
  /// known. No clock is read.
  [[nodiscard]] ChainVerdict verify_at_some_time() const;

 private:
  using Store = std::unique_ptr<X509_STORE, OpensslDeleter<X509_STORE_free>>;

  struct StackDeleter {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
  };

  void collect(const Anchors& anchors);
  void note_dates(const X509* certificate);
  [[nodiscard]] ValidityWindow window_around(std::chrono::sys_seconds time) const;
  [[nodiscard]] int error_at(std::chrono::sys_seconds time) const;

  std::unique_ptr<STACK_OF(X509), StackDeleter> shown_;
  PeerName peer_;
  std::vector<Certificate> kept_;                  ///< those whose names are compared while the anchors are collected
  Store store_;                                    ///< the anchors that a chain from the peer's certificate can reach
  std::vector<std::chrono::sys_seconds> changes_;  ///< when one of the certificates begins or ends to be valid
  bool unreadable_dates_ = false;
};

/// What sessions with servers are made from: TLS 1.2 and 1.3, ALPN http/1.1.
class SslContext {
 public:
  SslContext() = default;
  SslContext(SSL_CTX* context, std::unique_ptr<const Anchors> anchors)
      : anchors_(std::move(anchors)), context_(context) {}

  [[nodiscard]] SSL_CTX* get() const { return context_.get(); }

 private:
  std::unique_ptr<const Anchors> anchors_;
  std::unique_ptr<SSL_CTX, OpensslDeleter<SSL_CTX_free>> context_;
};

/// A client's context. Peers are verified against `ca_file` or, if that is empty, the system's trust store. All files
/// are read here and none later. In the handshake a chain must be good at some time. The error is `tls_certificate`.
base::SourceResult<SslContext> make_client_context(const std::string& ca_file);

/// The same without any trust: whatever certificate a peer shows will do. For those that have proved by another way who
/// they are, as onion services have.
base::SourceResult<SslContext> make_undemanding_client_context();

/// The check of one connection's peer.
class PeerCheck {
 public:
  explicit PeerCheck(PeerName peer) : peer_(std::move(peer)) {}

  /// Has the handshake on `ssl` ask it. It must not move until the handshake is over.
  void watch(SSL* ssl);

  /// What was wrong with the certificate, if that was what ended the handshake.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }

  /// Decides at the time that the peer claims. The error is `tls_certificate`.
  [[nodiscard]] base::SourceResult<ValidityWindow> verify_at(std::chrono::sys_seconds claimed) const;

  /// For the callback of make_client_context(): the error to tell OpenSSL, X509_V_OK if there is none.
  int in_handshake(const Anchors& anchors, STACK_OF(X509) * shown);

 private:
  PeerName peer_;
  std::unique_ptr<ShownChain> chain_;
  std::string refusal_;
};

}  // namespace sdwdate::net
