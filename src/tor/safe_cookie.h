// SAFECOOKIE: both sides prove that they know Tor's cookie, and neither shows it (control-spec, AUTHCHALLENGE).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "wire/tor_control.h"

namespace sdwdate::tor {

inline constexpr std::size_t kCookieSize = 32;
using Nonce = wire::ControlHash;

/// To be called before files are out of reach: OpenSSL sets itself up, without the machine's openssl.cnf.
void prepare_proofs();

/// What Tor proves its knowledge with.
wire::ControlHash server_proof(std::string_view cookie, const Nonce& ours, const Nonce& theirs);

/// What we prove ours with.
wire::ControlHash client_proof(std::string_view cookie, const Nonce& ours, const Nonce& theirs);

}  // namespace sdwdate::tor
