#include "net/trust.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

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
  // In the order of their names: a file system's own differs from one to the next.
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{places.folder, error}) files.push_back(entry.path());
  std::ranges::sort(files);
  for (const auto& file : files) read_anchors(file, anchors);
  return anchors;
}

/// Parses, and adds to the store, all anchors with this subject, which OpenSSL wants for the first time. A subject is
/// encoded like the issuer of what it has signed (RFC 5280, section 4.1.2.4).
int find_by_subject(X509_LOOKUP* lookup, X509_LOOKUP_TYPE type, const X509_NAME* name, X509_OBJECT* found) {
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  if (type != X509_LU_X509 || X509_NAME_get0_der(name, &der, &size) != 1) return 0;
  const std::string subject{der, der + size};
  bool any = false;
  for (const std::string& anchor : *static_cast<const Anchors*>(X509_LOOKUP_get_method_data(lookup))) {
    if (!anchor.contains(subject)) continue;
    const std::vector<unsigned char> bytes{anchor.begin(), anchor.end()};
    const unsigned char* next = bytes.data();
    const Certificate certificate{d2i_X509(nullptr, &next, static_cast<long>(bytes.size()))};
    if (!certificate || X509_NAME_cmp(X509_get_subject_name(certificate.get()), name) != 0) continue;
    if (X509_STORE_add_cert(X509_LOOKUP_get_store(lookup), certificate.get()) != 1) continue;
    if (!any) {
      // What is found is the store's: OpenSSL counts no owner of its own here, and setting it twice would take away the
      // store's. It looks among all of this name in the store before it settles for one.
      X509_OBJECT_set1_X509(found, certificate.get());
      X509_free(certificate.get());
    }
    any = true;
  }
  return any ? 1 : 0;
}

/// The store's lookup is gone, and nobody needs them any more.
void forget_anchors(X509_LOOKUP* lookup) {
  const std::unique_ptr<Anchors> theirs{static_cast<Anchors*>(X509_LOOKUP_get_method_data(lookup))};
}

/// Has the store look for anchors there, and keep them.
bool look_up_in(X509_STORE* store, std::unique_ptr<Anchors> anchors) {
  // OpenSSL frees lookups after this process' own objects, so the method is never freed.
  static X509_LOOKUP_METHOD* const method = X509_LOOKUP_meth_new("anchors by subject");
  if (method == nullptr || X509_LOOKUP_meth_set_get_by_subject(method, find_by_subject) != 1 ||
      X509_LOOKUP_meth_set_free(method, forget_anchors) != 1) {
    return false;
  }
  X509_LOOKUP* const lookup = X509_STORE_add_lookup(store, method);
  return lookup != nullptr && X509_LOOKUP_set_method_data(lookup, anchors.release()) == 1;
}

// --- chains -----------------------------------------------------------------------------------------------------

using CertificateStack =
    std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * all) { sk_X509_pop_free(all, X509_free); })>;

/// Those that a path from here may end in: the anchors named as issuers by the certificates shown.
std::vector<CertificateStack> anchors_named_by(X509_STORE* anchors, X509* leaf, STACK_OF(X509) * others) {
  const VerifyContext context{X509_STORE_CTX_new()};
  std::vector<CertificateStack> named;
  if (!context || X509_STORE_CTX_init(context.get(), anchors, leaf, others) != 1) return named;
  const auto add = [&](const X509* certificate) {
    named.emplace_back(X509_STORE_CTX_get1_certs(context.get(), X509_get_issuer_name(certificate)));
  };
  add(leaf);
  for (int i = 0; i < sk_X509_num(others); ++i) add(sk_X509_value(others, i));
  return named;
}

/// The times within the leaf's at which the verdict on a chain may change: another certificate begins or ends.
std::vector<sys_seconds> changes_of(X509_STORE* anchors, X509* leaf, STACK_OF(X509) * others) {
  const auto begin = time_of(X509_get0_notBefore(leaf));
  const auto end = time_of(X509_get0_notAfter(leaf));
  std::vector<sys_seconds> changes;
  const auto add = [&](const ASN1_TIME* text) {
    const auto time = time_of(text);
    if (time && begin < time && time < end && std::ranges::find(changes, *time) == changes.end()) {
      changes.push_back(*time);
    }
  };
  const auto add_all = [&](const STACK_OF(X509) * certificates) {
    for (int i = 0; i < sk_X509_num(certificates); ++i) {
      add(X509_get0_notBefore(sk_X509_value(certificates, i)));
      add(X509_get0_notAfter(sk_X509_value(certificates, i)));
    }
  };
  add_all(others);
  for (const auto& named : anchors_named_by(anchors, leaf, others)) add_all(named.get());
  return changes;
}

/// When to try a chain, those times first that are worth trying first.
std::vector<sys_seconds> times_of(X509_STORE* anchors, X509* leaf, STACK_OF(X509) * others) {
  const auto begin = time_of(X509_get0_notBefore(leaf));
  const auto end = time_of(X509_get0_notAfter(leaf));
  if (!begin || !end) return {};
  std::vector<sys_seconds> times{*begin, *end - std::chrono::seconds{1}};
  const auto changes = changes_of(anchors, leaf, others);
  times.insert(times.end(), changes.begin(), changes.end());
  return times;
}

/// Builds and checks a path for a client whose clock shows `at`; `like` says what else is asked of it.
VerifyContext build_path(X509_STORE* anchors, X509* leaf, STACK_OF(X509) * others, const X509_VERIFY_PARAM* like,
                         sys_seconds at) {
  VerifyContext context{X509_STORE_CTX_new()};
  if (!context || X509_STORE_CTX_init(context.get(), anchors, leaf, others) != 1) return nullptr;
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  if (X509_VERIFY_PARAM_set1(parameters, like) != 1) return nullptr;
  X509_VERIFY_PARAM_set_time(parameters, at.time_since_epoch().count());
  X509_verify_cert(context.get());
  return context;
}

/// What OpenSSL asks when a peer has shown its chain.
int accept_if_valid_at_some_time(X509_STORE_CTX* handshake, void* /*unused*/) {
  const int verdict =
      valid_at_some_time(X509_STORE_CTX_get0_store(handshake), X509_STORE_CTX_get0_cert(handshake),
                         X509_STORE_CTX_get0_untrusted(handshake), X509_STORE_CTX_get0_param(handshake));
  X509_STORE_CTX_set_error(handshake, verdict);
  return verdict == X509_V_OK ? 1 : 0;
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
  SSL_CTX_set_cert_verify_callback(context.get(), accept_if_valid_at_some_time, nullptr);
  // What OpenSSL would add by itself during the handshake, said here so that it is the same after it.
  X509_VERIFY_PARAM* const demands = SSL_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_purpose(demands, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_trust(demands, X509_TRUST_SSL_SERVER);
  X509_VERIFY_PARAM_set_auth_level(demands, SSL_CTX_get_security_level(context.get()));

  if (ca_file.empty()) {
    const AnchorPlaces places;
    auto anchors = std::make_unique<Anchors>(read_anchors(places));
    if (anchors->empty()) {
      return refuse(fmt::format("no trust anchors in {} or {}; install ca-certificates, or name a file with ca_file",
                                places.file.string(), places.folder.string()));
    }
    if (!look_up_in(SSL_CTX_get_cert_store(context.get()), std::move(anchors))) {
      return refuse(fmt::format("cannot set up trust anchors: {}", openssl_reason()));
    }
  } else if (SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) != 1) {
    return refuse(fmt::format("cannot load trust anchors from {}: {}", ca_file, openssl_reason()));
  }
  return context;
}

bool expect_host(X509_VERIFY_PARAM* parameters, const std::string& host) {
  X509_VERIFY_PARAM_set_hostflags(parameters,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size()) == 1;
}

int valid_at_some_time(X509_STORE* anchors, X509* leaf, STACK_OF(X509) * others, const X509_VERIFY_PARAM* like) {
  int verdict = X509_V_ERR_UNSPECIFIED;
  bool first = true;
  // The chain is the peer's to choose, and each time is a path to build: those of an honest one come early.
  constexpr std::size_t kMostTimes = 16;
  auto times = times_of(anchors, leaf, others);
  times.resize(std::min(times.size(), kMostTimes));
  for (const sys_seconds time : times) {
    const VerifyContext context = build_path(anchors, leaf, others, like, time);
    const int error = context ? X509_STORE_CTX_get_error(context.get()) : X509_V_ERR_OUT_OF_MEM;
    if (error == X509_V_OK) return X509_V_OK;
    if (first) verdict = error;  // at the leaf's own time: what is wrong is not the time
    first = false;
  }
  return verdict;
}

SourceResult<ValidityWindow> valid_at(X509_STORE* anchors, X509* leaf, STACK_OF(X509) * others,
                                      const X509_VERIFY_PARAM* like, sys_seconds claimed) {
  const VerifyContext context = build_path(anchors, leaf, others, like, claimed);
  if (!context) return refuse(fmt::format("cannot check the certificate: {}", openssl_reason()));
  if (const int error = X509_STORE_CTX_get_error(context.get()); error != X509_V_OK) {
    return refuse(fmt::format("{} at {} UTC, the time the server claims", X509_verify_cert_error_string(error),
                              base::utc_text(claimed)));
  }
  auto window = window_of(X509_STORE_CTX_get0_chain(context.get()));
  if (!window) return refuse("a certificate's dates cannot be read");
  for (const sys_seconds change : changes_of(anchors, leaf, others)) {
    if (change <= claimed) {
      window->not_before = std::max(window->not_before, change);
    } else {
      window->not_after = std::min(window->not_after, change);
    }
  }
  return *window;
}

SourceResult<ValidityWindow> verify_at(SSL* ssl, sys_seconds claimed) {
  return valid_at(SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)), SSL_get0_peer_certificate(ssl),
                  SSL_get_peer_cert_chain(ssl), SSL_get0_param(ssl), claimed);
}

}  // namespace sdwdate::net
