#include "net/trust.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

namespace sdwdate::net {
namespace {

using base::ErrorCode;
using base::SourceError;
using base::SourceResult;
using std::chrono::sys_seconds;
using VerifyContext = std::unique_ptr<X509_STORE_CTX, OpensslDeleter<X509_STORE_CTX_free>>;

constexpr std::array<unsigned char, 9> kAlpn{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

std::unexpected<SourceError> refuse(std::string message) {
  return std::unexpected(SourceError{ErrorCode::tls_certificate, std::move(message)});
}

std::optional<sys_seconds> time_of(const ASN1_TIME* time) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return std::nullopt;
  return sys_seconds{std::chrono::seconds{::timegm(&fields)}};
}

std::optional<ValidityWindow> window_of(const STACK_OF(X509) * chain) {
  ValidityWindow window{sys_seconds::min(), sys_seconds::max()};
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* certificate = sk_X509_value(chain, i);
    const auto from = time_of(X509_get0_notBefore(certificate));
    const auto until = time_of(X509_get0_notAfter(certificate));
    if (!from || !until) return std::nullopt;
    window.not_before = std::max(window.not_before, *from);
    window.not_after = std::min(window.not_after, *until);
  }
  return window;
}

}  // namespace

std::string openssl_reason() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown reason";
}

SourceResult<SslContext> make_client_context(const std::string& ca_file) {
  SslContext context{SSL_CTX_new(TLS_client_method())};
  if (!context) return refuse(fmt::format("cannot set up TLS: {}", openssl_reason()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), kAlpn.data(), kAlpn.size());
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_NO_CHECK_TIME);

  if (ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) != 1) {
    return refuse(fmt::format("cannot load trust anchors from {}: {}", ca_file, openssl_reason()));
  }
  return context;
}

SourceResult<ValidityWindow> verify_at(SSL* ssl, sys_seconds claimed) {
  const VerifyContext context{X509_STORE_CTX_new()};
  X509_STORE* anchors = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
  if (!context ||
      X509_STORE_CTX_init(context.get(), anchors, SSL_get0_peer_certificate(ssl), SSL_get_peer_cert_chain(ssl)) != 1) {
    return refuse(fmt::format("cannot check the certificate: {}", openssl_reason()));
  }
  X509_STORE_CTX_set_default(context.get(), "ssl_server");
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_auth_level(parameters, SSL_get_security_level(ssl));
  X509_VERIFY_PARAM_set_time(parameters, claimed.time_since_epoch().count());

  if (X509_verify_cert(context.get()) != 1) {
    const int error = X509_STORE_CTX_get_error(context.get());
    return refuse(fmt::format("{} at {:%Y-%m-%d %H:%M:%S} UTC, the time the server claims",
                              X509_verify_cert_error_string(error), fmt::gmtime(claimed.time_since_epoch().count())));
  }
  const auto window = window_of(X509_STORE_CTX_get0_chain(context.get()));
  if (!window) return refuse("a certificate's dates cannot be read");
  return *window;
}

}  // namespace sdwdate::net
