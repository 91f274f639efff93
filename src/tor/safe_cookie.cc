#include "tor/safe_cookie.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <vector>

namespace sdwdate::tor {
namespace {

constexpr std::string_view kServerKey = "Tor safe cookie authentication server-to-controller hash";
constexpr std::string_view kClientKey = "Tor safe cookie authentication controller-to-server hash";

wire::ControlHash proof(std::string_view key, std::string_view cookie, const Nonce& ours, const Nonce& theirs) {
  std::vector<unsigned char> message{cookie.begin(), cookie.end()};
  for (const Nonce& nonce : {ours, theirs}) {
    std::ranges::transform(nonce, std::back_inserter(message), std::to_integer<unsigned char>);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(), digest.data(), &size);
  wire::ControlHash hash{};
  std::ranges::transform(digest.begin(), digest.begin() + hash.size(), hash.begin(),
                         [](unsigned char byte) { return std::byte{byte}; });
  return hash;
}

}  // namespace

void prepare_proofs() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  static_cast<void>(proof({}, {}, {}, {}));
}

wire::ControlHash server_proof(std::string_view cookie, const Nonce& ours, const Nonce& theirs) {
  return proof(kServerKey, cookie, ours, theirs);
}

wire::ControlHash client_proof(std::string_view cookie, const Nonce& ours, const Nonce& theirs) {
  return proof(kClientKey, cookie, ours, theirs);
}

}  // namespace sdwdate::tor
