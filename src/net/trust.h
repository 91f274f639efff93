// Trust anchors, and certificate chains checked at a time of our choosing.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <expected>
#include <memory>
#include <string>

#include "base/error.h"

namespace sdwdate::net {

/// Frees an OpenSSL object by its own function.
template <auto Free>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using SslContext = std::unique_ptr<SSL_CTX, OpensslDeleter<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, OpensslDeleter<SSL_free>>;

/// A client's context: TLS 1.2 and 1.3, ALPN http/1.1, peers verified against `ca_file` or, if that is empty, the
/// system's trust store. All files are read here and none later. During the handshake, when no clock can be trusted
/// yet, a chain is accepted if it is valid at some time (valid_at_some_time). The error is `tls_certificate`.
base::SourceResult<SslContext> make_client_context(const std::string& ca_file);

/// The same without any trust: whatever certificate a peer shows will do. For those that have proved by another way who
/// they are, as onion services have.
base::SourceResult<SslContext> make_undemanding_client_context();

/// Asks that a certificate be for this host: by its subjectAltName alone, a wildcard standing for one whole label.
bool expect_host(X509_VERIFY_PARAM* parameters, const std::string& host);

/// From when until when a chain is valid in the same way. Like OpenSSL, we do not count the last second.
struct ValidityWindow {
  std::chrono::sys_seconds not_before;
  std::chrono::sys_seconds not_after;

  [[nodiscard]] bool contains(std::chrono::sys_seconds time) const { return not_before <= time && time < not_after; }
};

/// Is there a time at which a client would accept this chain? X509_V_OK, or what is wrong with it at the leaf's own
/// time. `like` says what is asked of it: name, purpose, security level. Tried is each time within the leaf's at which
/// another certificate or a possible anchor begins or ends to be valid: between two of them the verdict cannot change.
/// So an issuer whose time is over never hides another of the same name that is valid with the leaf.
int valid_at_some_time(X509_STORE* anchors, X509* leaf, STACK_OF(X509) * others, const X509_VERIFY_PARAM* like);

/// Does a client accept this chain whose clock shows `claimed`? Then the times around it at which the verdict is the
/// same, for the same path. The error is `tls_certificate`.
base::SourceResult<ValidityWindow> valid_at(X509_STORE* anchors, X509* leaf, STACK_OF(X509) * others,
                                            const X509_VERIFY_PARAM* like, std::chrono::sys_seconds claimed);

/// Verifies the peer's chain once more, now as a client would whose clock shows `claimed`: another path may be the
/// valid one at that time. Returns the window as valid_at does. The error is `tls_certificate`.
base::SourceResult<ValidityWindow> verify_at(SSL* ssl, std::chrono::sys_seconds claimed);

/// The newest reason in OpenSSL's error queue, which is emptied.
std::string openssl_reason();

}  // namespace sdwdate::net
