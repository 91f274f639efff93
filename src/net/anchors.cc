#include "net/anchors.h"

#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <tuple>

namespace sdwdate::net {
namespace {

using base::ErrorCode;
using base::SourceError;
using base::SourceResult;
using Bio = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;

std::unexpected<SourceError> no_anchors(std::string message) {
  return std::unexpected(SourceError{ErrorCode::tls_certificate, std::move(message)});
}

const unsigned char* begin_of(const std::string& der) {
  return reinterpret_cast<const unsigned char*>(der.data());  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

/// Goes through DER from one element to the next.
class DerReader {
 public:
  explicit DerReader(const std::string& der) : next_(begin_of(der)), end_(next_ + der.size()) {}

  [[nodiscard]] const unsigned char* next() const { return next_; }
  [[nodiscard]] long left() const { return end_ - next_; }

  /// To the first element within the next one.
  bool enter() { return step(false); }
  bool skip() { return step(true); }
  /// Skips the next element if it is tagged [0].
  bool skip_version() { return next_ != end_ && (*next_ != kVersionTag || skip()); }

 private:
  static constexpr unsigned char kVersionTag = 0xa0;

  bool step(bool over) {
    const unsigned char* at = next_;
    long size = 0;
    int tag = 0;
    int kind = 0;
    constexpr int kBad = 0x80;
    if ((ASN1_get_object(&at, &size, &tag, &kind, left()) & kBad) != 0 || size > end_ - at) return false;
    next_ = over ? at + size : at;
    return true;
  }

  const unsigned char* next_;
  const unsigned char* end_;
};

/// RFC 5280, section 4.1: version, serial number, algorithm, issuer and validity come before it.
Name subject_of(const std::string& der) {
  DerReader reader{der};
  if (!reader.enter() || !reader.enter() || !reader.skip_version()) return nullptr;
  for (int i = 0; i < 4; ++i) {
    if (!reader.skip()) return nullptr;
  }
  const unsigned char* at = reader.next();
  return Name{d2i_X509_NAME(nullptr, &at, reader.left())};
}

/// With what a TRUSTED CERTIFICATE says besides, if there is any.
Certificate parse(const std::string& der) {
  const unsigned char* at = begin_of(der);
  return Certificate{d2i_X509_AUX(nullptr, &at, static_cast<long>(der.size()))};
}

bool is_certificate(std::string_view name) {
  return name == PEM_STRING_X509 || name == PEM_STRING_X509_TRUSTED || name == PEM_STRING_X509_OLD;
}

const char* from_environment(const char* variable, const char* otherwise) {
  const char* const value = std::getenv(variable);
  return value != nullptr ? value : otherwise;
}

/// Whether this is a name by which OpenSSL finds a certificate in a folder: "1e09d511.0".
bool is_hash(std::string_view name) {
  constexpr std::size_t kHashSize = 8;
  constexpr std::string_view kDigits = "0123456789";
  return name.size() > kHashSize + 1 && name.find_first_not_of("0123456789abcdef") == kHashSize &&
         name[kHashSize] == '.' && name.find_first_not_of(kDigits, kHashSize + 1) == std::string_view::npos;
}

}  // namespace

std::string openssl_reason() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown reason";
}

bool Anchors::add(const std::string& file) {
  const Bio text{BIO_new_file(file.c_str(), "r")};
  if (!text) return false;
  bool readable = true;
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* der = nullptr;
  long size = 0;
  while (PEM_read_bio(text.get(), &name, &header, &der, &size) == 1) {
    if (is_certificate(name)) {
      std::string bytes{der, der + size};
      Name subject = subject_of(bytes);
      readable = readable && subject != nullptr;
      if (subject) anchors_.push_back({std::move(bytes), std::move(subject)});
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
  }
  // What ends a file is that nothing more begins in it.
  return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && readable;
}

/// First the names by which OpenSSL looks, in its order, then all others: never in the file system's order.
void Anchors::add_folder(const std::string& folder) {
  std::vector<std::tuple<bool, std::size_t, std::string>> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{folder, error}) {
    std::string name = entry.path().filename().string();
    names.emplace_back(!is_hash(name), name.size(), std::move(name));
  }
  std::ranges::sort(names);
  for (const auto& each : names) add(std::filesystem::path{folder} / std::get<std::string>(each));
}

SourceResult<Anchors> Anchors::read_file(const std::string& ca_file) {
  Anchors anchors;
  ERR_clear_error();
  bool readable = anchors.add(ca_file);
  for (const Anchor& anchor : anchors.anchors_) readable = readable && parse(anchor.der) != nullptr;
  if (!readable) return no_anchors(fmt::format("cannot load trust anchors from {}: {}", ca_file, openssl_reason()));
  ERR_clear_error();
  if (anchors.anchors_.empty()) {
    return no_anchors(fmt::format("cannot load trust anchors from {}: there is no certificate in it", ca_file));
  }
  return anchors;
}

SourceResult<Anchors> Anchors::read(const std::string& ca_file) {
  if (!ca_file.empty()) return read_file(ca_file);
  // Where OpenSSL looks: one file of many, or a folder of files. Debian's folder has all in one file as well.
  const std::string file = from_environment(X509_get_default_cert_file_env(), X509_get_default_cert_file());
  const std::string folder = from_environment(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  Anchors anchors;
  anchors.add(file);
  if (anchors.anchors_.empty()) anchors.add(folder + "/ca-certificates.crt");
  if (anchors.anchors_.empty()) anchors.add_folder(folder);
  ERR_clear_error();
  if (anchors.anchors_.empty()) {
    return no_anchors(fmt::format("no trust anchors in {} or {}; install ca-certificates, or name a file with ca_file",
                                  file, folder));
  }
  return anchors;
}

std::vector<Certificate> Anchors::with_subject(const X509_NAME* name) const {
  std::vector<Certificate> found;
  for (const Anchor& anchor : anchors_) {
    if (X509_NAME_cmp(anchor.subject.get(), name) != 0) continue;
    if (Certificate certificate = parse(anchor.der)) found.push_back(std::move(certificate));
  }
  ERR_clear_error();
  return found;
}

}  // namespace sdwdate::net
