// OpenSSL's objects, each freed by its own function.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <string>

namespace sdwdate::net {

/// Frees an OpenSSL object by its own function.
template <auto Free>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using Certificate = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using Name = std::unique_ptr<X509_NAME, OpensslDeleter<X509_NAME_free>>;
using Ssl = std::unique_ptr<SSL, OpensslDeleter<SSL_free>>;

/// The newest reason in OpenSSL's error queue, which is emptied.
std::string openssl_reason();

}  // namespace sdwdate::net
