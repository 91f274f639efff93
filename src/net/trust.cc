#include "net/trust.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.h"

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

/// What std::tm counts its years from.
constexpr int kYearOfTm = 1900;

constexpr bool within(int value, int end) { return value >= 0 && value < end; }

std::optional<sys_seconds> time_of(const ASN1_TIME* time) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return std::nullopt;
  // Not ::timegm, which asks for the machine's time zone. It would also make a date of any numbers.
  const std::chrono::year_month_day date{std::chrono::year{fields.tm_year + kYearOfTm},
                                         std::chrono::month{static_cast<unsigned>(fields.tm_mon + 1)},
                                         std::chrono::day{static_cast<unsigned>(fields.tm_mday)}};
  if (!date.ok() || !within(fields.tm_hour, 24) || !within(fields.tm_min, 60) || !within(fields.tm_sec, 60)) {
    return std::nullopt;
  }
  return std::chrono::sys_days{date} + std::chrono::hours{fields.tm_hour} + std::chrono::minutes{fields.tm_min} +
         std::chrono::seconds{fields.tm_sec};
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

// --- the system's anchors -------------------------------------------------------------------------------------

using Bio = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using Lookup = std::unique_ptr<X509_LOOKUP_METHOD, OpensslDeleter<X509_LOOKUP_meth_free>>;

/// Certificates in DER, not parsed: to parse the 150 of a system takes longer than all else that a probe does.
using Anchors = std::vector<std::string>;

/// Appends the certificates of a PEM file. What is no certificate in it is passed over, as OpenSSL does.
void read_anchors(const std::filesystem::path& file, Anchors& anchors) {
  const Bio text{BIO_new_file(file.c_str(), "r")};
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* der = nullptr;
  long size = 0;
  while (text && PEM_read_bio(text.get(), &name, &header, &der, &size) == 1) {
    if (std::string_view{name} == PEM_STRING_X509) anchors.emplace_back(der, der + size);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
  }
  ERR_clear_error();
}

const char* from_environment(const char* variable, const char* otherwise) {
  const char* const value = std::getenv(variable);
  return value != nullptr ? value : otherwise;
}

/// Where OpenSSL looks for anchors: one file of many, or a folder of files.
struct AnchorPlaces {
  std::filesystem::path file{from_environment(X509_get_default_cert_file_env(), X509_get_default_cert_file())};
  std::filesystem::path folder{from_environment(X509_get_default_cert_dir_env(), X509_get_default_cert_dir())};
};

/// All at once: when a chain has come, no file can be opened any more.
Anchors read_anchors(const AnchorPlaces& places) {
  Anchors anchors;
  read_anchors(places.file, anchors);
  if (!anchors.empty()) return anchors;
  read_anchors(places.folder / "ca-certificates.crt", anchors);  // Debian's folder, in one file
  if (!anchors.empty()) return anchors;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{places.folder, error}) {
    read_anchors(entry.path(), anchors);
  }
  return anchors;
}

/// Parses, and adds to the store, all anchors with this subject, which OpenSSL wants for the first time. A subject is
/// encoded like the issuer of what it has signed (RFC 5280, section 4.1.2.4).
int find_by_subject(X509_LOOKUP* lookup, X509_LOOKUP_TYPE type, const X509_NAME* name, X509_OBJECT* found) {
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  if (type != X509_LU_X509 || X509_NAME_get0_der(name, &der, &size) != 1) return 0;
  const std::string subject{der, der + size};
  int count = 0;
  for (const std::string& anchor : *static_cast<const Anchors*>(X509_LOOKUP_get_method_data(lookup))) {
    if (!anchor.contains(subject)) continue;
    const std::vector<unsigned char> bytes{anchor.begin(), anchor.end()};
    const unsigned char* next = bytes.data();
    const Certificate certificate{d2i_X509(nullptr, &next, static_cast<long>(bytes.size()))};
    if (!certificate || X509_NAME_cmp(X509_get_subject_name(certificate.get()), name) != 0) continue;
    if (X509_STORE_add_cert(X509_LOOKUP_get_store(lookup), certificate.get()) != 1) continue;
    X509_OBJECT_set1_X509(found, certificate.get());
    X509_free(certificate.get());  // what is found is the store's: OpenSSL counts no owner of its own here
    ++count;
  }
  return count > 0 ? 1 : 0;
}

/// Has the store look for anchors there. They must live as long as the process.
bool look_up_in(X509_STORE* store, const Anchors& anchors) {
  static const Lookup method{X509_LOOKUP_meth_new("anchors by subject")};
  if (!method || X509_LOOKUP_meth_set_get_by_subject(method.get(), find_by_subject) != 1) return false;
  X509_LOOKUP* const lookup = X509_STORE_add_lookup(store, method.get());
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): find_by_subject() has it back as const
  return lookup != nullptr && X509_LOOKUP_set_method_data(lookup, const_cast<Anchors*>(&anchors)) == 1;
}

}  // namespace

std::string openssl_reason() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown reason";
}

SourceResult<SslContext> make_undemanding_client_context() {
  // The machine's own openssl.cnf could change what every server sees of us.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  SslContext context{SSL_CTX_new(TLS_client_method())};
  if (!context) return refuse(fmt::format("cannot set up TLS: {}", openssl_reason()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), kAlpn.data(), kAlpn.size());
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

SourceResult<SslContext> make_client_context(const std::string& ca_file) {
  auto made = make_undemanding_client_context();
  if (!made) return made;
  SslContext context = *std::move(made);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_NO_CHECK_TIME);

  if (ca_file.empty()) {
    const AnchorPlaces places;
    static const Anchors anchors = read_anchors(places);
    if (anchors.empty()) {
      return refuse(fmt::format("no trust anchors in {} or {}; install ca-certificates, or name a file with ca_file",
                                places.file.string(), places.folder.string()));
    }
    if (!look_up_in(SSL_CTX_get_cert_store(context.get()), anchors)) {
      return refuse(fmt::format("cannot set up trust anchors: {}", openssl_reason()));
    }
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
    return refuse(fmt::format("{} at {} UTC, the time the server claims", X509_verify_cert_error_string(error),
                              base::utc_text(claimed)));
  }
  const auto window = window_of(X509_STORE_CTX_get0_chain(context.get()));
  if (!window) return refuse("a certificate's dates cannot be read");
  return *window;
}

}  // namespace sdwdate::net
