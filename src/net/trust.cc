#include "net/trust.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

#include "base/text.h"

namespace sdwdate::net {
namespace {

using base::ErrorCode;
using base::SourceError;
using base::SourceResult;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using VerifyContext = std::unique_ptr<X509_STORE_CTX, OpensslDeleter<X509_STORE_CTX_free>>;

constexpr std::array<unsigned char, 9> kAlpn{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/// 112 bits and no SHA-1: what Debian builds OpenSSL with, here wherever it was built.
constexpr int kSecurityLevel = 2;

/// At how many times a chain is tried in the handshake. A real one has one or two changes within its leaf's life.
constexpr std::size_t kMostTimes = 32;

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

bool is_about_dates(int error) {
  return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID ||
         error == X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD || error == X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD;
}

/// Whose certificate it must be. A name counts only as subjectAltName. (For addresses OpenSSL looks nowhere else, and
/// there the flag would only switch off a name constraint on the subject.)
bool expect(X509_VERIFY_PARAM* parameters, const PeerName& peer) {
  if (peer.is_address) return X509_VERIFY_PARAM_set1_ip_asc(parameters, peer.host.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(parameters,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(parameters, peer.host.c_str(), peer.host.size()) == 1;
}

std::string refusal_of(int error, const PeerName& peer) {
  if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return fmt::format("its certificate is not for {}", peer.host);
  }
  const char* const reason = X509_verify_cert_error_string(error);
  if (is_about_dates(error)) return fmt::format("its certificate chain is valid at no time: {}", reason);
  return fmt::format("its certificate is not trusted: {}", reason);
}

/// In the place of OpenSSL's own verification in a handshake.
int verify_in_handshake(X509_STORE_CTX* handshake, void* /*unused*/) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(handshake, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* check = static_cast<PeerCheck*>(SSL_get_app_data(ssl));
  const auto* anchors = static_cast<const Anchors*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  int error = X509_V_ERR_UNSPECIFIED;
  if (check != nullptr && anchors != nullptr) {
    error = check->in_handshake(*anchors, X509_STORE_CTX_get0_untrusted(handshake));
  }
  X509_STORE_CTX_set_error(handshake, error);
  return error == X509_V_OK ? 1 : 0;
}

SSL_CTX* new_context() {
  // The machine's own openssl.cnf could change what every server sees of us.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) return nullptr;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_security_level(context, kSecurityLevel);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_alpn_protos(context, kAlpn.data(), kAlpn.size());
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return context;
}

}  // namespace

ShownChain::ShownChain(const Anchors& anchors, STACK_OF(X509) * shown, PeerName peer)
    : shown_(X509_chain_up_ref(shown)), peer_(std::move(peer)), store_(X509_STORE_new()) {
  if (shown_ && store_ && sk_X509_num(shown_.get()) > 0) collect(anchors);
}

void ShownChain::note_dates(const X509* certificate) {
  for (const ASN1_TIME* date : {X509_get0_notBefore(certificate), X509_get0_notAfter(certificate)}) {
    const auto time = time_of(date);
    if (time) changes_.push_back(*time);
    unreadable_dates_ = unreadable_dates_ || !time;
  }
}

/// From the peer's certificate along the issuers' names, through what was shown and what is trusted: nothing else can
/// change a verdict.
void ShownChain::collect(const Anchors& anchors) {
  const X509* leaf = sk_X509_value(shown_.get(), 0);
  note_dates(leaf);
  std::vector<const X509_NAME*> names{X509_get_issuer_name(leaf)};
  const auto want = [&names](const X509* certificate) {
    const X509_NAME* issuer = X509_get_issuer_name(certificate);
    if (std::ranges::none_of(names, [issuer](const X509_NAME* name) { return X509_NAME_cmp(name, issuer) == 0; })) {
      names.push_back(issuer);
    }
  };
  std::size_t next = 0;
  while (next < names.size()) {  // which grows meanwhile
    const X509_NAME* name = names[next++];
    for (int i = 0; i < sk_X509_num(shown_.get()); ++i) {
      const X509* certificate = sk_X509_value(shown_.get(), i);
      if (X509_NAME_cmp(X509_get_subject_name(certificate), name) != 0) continue;
      note_dates(certificate);
      want(certificate);
    }
    for (Certificate& anchor : anchors.with_subject(name)) {
      if (X509_STORE_add_cert(store_.get(), anchor.get()) != 1) continue;
      note_dates(anchor.get());
      kept_.push_back(std::move(anchor));
      want(kept_.back().get());
    }
  }
  std::ranges::sort(changes_);
}

ValidityWindow ShownChain::window_around(sys_seconds time) const {
  if (unreadable_dates_) return {time, time + seconds{1}};
  ValidityWindow window{sys_seconds::min(), sys_seconds::max()};
  for (const sys_seconds change : changes_) {
    if (change <= time) window.begin = std::max(window.begin, change);
    if (change > time) window.end = std::min(window.end, change);
  }
  return window;
}

int ShownChain::error_at(sys_seconds time) const {
  const VerifyContext context{X509_STORE_CTX_new()};
  if (!context || !shown_ || !store_ || sk_X509_num(shown_.get()) == 0 ||
      X509_STORE_CTX_init(context.get(), store_.get(), sk_X509_value(shown_.get(), 0), shown_.get()) != 1 ||
      X509_STORE_CTX_set_default(context.get(), "ssl_server") != 1) {
    return X509_V_ERR_UNSPECIFIED;
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  if (!expect(parameters, peer_)) return X509_V_ERR_UNSPECIFIED;
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  X509_VERIFY_PARAM_set_time(parameters, time.time_since_epoch().count());
  const bool good = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  return good || error != X509_V_OK ? error : X509_V_ERR_UNSPECIFIED;
}

ChainVerdict ShownChain::verify_at(sys_seconds time) const {
  if (const int error = error_at(time); error != X509_V_OK) return std::unexpected(error);
  return window_around(time);
}

ChainVerdict ShownChain::verify_at_some_time() const {
  if (!shown_ || sk_X509_num(shown_.get()) == 0) return std::unexpected(X509_V_ERR_UNSPECIFIED);
  const X509* leaf = sk_X509_value(shown_.get(), 0);
  const auto begin = time_of(X509_get0_notBefore(leaf));
  const auto end = time_of(X509_get0_notAfter(leaf));
  if (!begin || !end) return std::unexpected(X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD);
  std::vector<sys_seconds> times{*begin};
  std::ranges::copy_if(changes_, std::back_inserter(times),
                       [&](sys_seconds change) { return *begin < change && change < *end; });
  times.erase(std::ranges::unique(times).begin(), times.end());
  if (times.size() > kMostTimes) times.resize(kMostTimes);
  std::optional<int> why;
  for (const sys_seconds time : times) {
    const auto verdict = verify_at(time);
    if (verdict) return verdict;
    if (!why || (is_about_dates(*why) && !is_about_dates(verdict.error()))) why = verdict.error();
  }
  return std::unexpected(*why);
}

void PeerCheck::watch(SSL* ssl) { SSL_set_app_data(ssl, this); }

int PeerCheck::in_handshake(const Anchors& anchors, STACK_OF(X509) * shown) {
  chain_ = std::make_unique<ShownChain>(anchors, shown, peer_);
  const auto verdict = chain_->verify_at_some_time();
  if (verdict) return X509_V_OK;
  refusal_ = refusal_of(verdict.error(), peer_);
  return verdict.error();
}

SourceResult<ValidityWindow> PeerCheck::verify_at(sys_seconds claimed) const {
  if (!chain_) return refuse("it has shown none");
  const auto verdict = chain_->verify_at(claimed);
  if (verdict) return *verdict;
  return refuse(fmt::format("{} at {} UTC, the time the server claims", X509_verify_cert_error_string(verdict.error()),
                            base::utc_text(claimed)));
}

SourceResult<SslContext> make_undemanding_client_context() {
  SSL_CTX* const context = new_context();
  if (context == nullptr) return refuse(fmt::format("cannot set up TLS: {}", openssl_reason()));
  return SslContext{context, nullptr};
}

SourceResult<SslContext> make_client_context(const std::string& ca_file) {
  auto read = Anchors::read(ca_file);
  if (!read) return std::unexpected(read.error());
  auto anchors = std::make_unique<Anchors>(*std::move(read));
  SSL_CTX* const context = new_context();
  if (context == nullptr) return refuse(fmt::format("cannot set up TLS: {}", openssl_reason()));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify_in_handshake, nullptr);
  SSL_CTX_set_app_data(context, anchors.get());
  return SslContext{context, std::move(anchors)};
}

}  // namespace sdwdate::net
