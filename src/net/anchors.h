// Trust anchors: certificates that are trusted because they are there.
#pragma once

#include <openssl/x509.h>

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/openssl.h"

namespace sdwdate::net {

/// In the order in which they were read, in memory. Only their subjects are parsed: to parse the 150 of a system takes
/// longer than all else that a probe does.
class Anchors {
 public:
  /// Those of `ca_file`, all of which must be readable, or, if that is empty, of the system. No file is read later. The
  /// error is `tls_certificate`.
  static base::SourceResult<Anchors> read(const std::string& ca_file);

  /// All anchors with this subject, as OpenSSL compares names.
  [[nodiscard]] std::vector<Certificate> with_subject(const X509_NAME* name) const;

 private:
  struct Anchor {
    std::string der;
    Name subject;
  };

  /// Appends the certificates of a PEM file. False if something in it cannot be read, which is passed over.
  bool add(const std::string& file);
  void add_folder(const std::string& folder);
  static base::SourceResult<Anchors> read_file(const std::string& ca_file);

  std::vector<Anchor> anchors_;
};

}  // namespace sdwdate::net
