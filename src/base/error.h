// Why a source could not be used, or a command could not do its work.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sdwdate::base {

/// Why one source gave no usable bounds. The names are part of the JSON contract (schema 1).
enum class ErrorCode : std::uint8_t {
  dns,              ///< the name has no address, or the resolver failed
  connect,          ///< TCP could not be set up
  proxy,            ///< the SOCKS5 proxy refused, or does not speak SOCKS5
  tls_handshake,    ///< the peer does not speak TLS 1.2 or 1.3 with us
  tls_certificate,  ///< the chain or the name is wrong, or not valid at the time the server claims
  http_malformed,   ///< not an HTTP/1.x answer, too long, or cut short
  date_missing,     ///< an answer without a Date header
  date_malformed,   ///< a Date header that is no RFC 9110 date, or several far apart
  stale,            ///< only old answers, from a cache
  implausible,      ///< a time that cannot be: before 1970, or decades away from this build
  inconsistent,     ///< the source's answers contradict each other
  timeout,          ///< nothing usable in time
  probe_crashed,    ///< our own probe died, hung, flooded or wrote garbage
};

inline constexpr std::array<std::string_view, 13> kErrorNames{
    "dns",          "connect",        "proxy", "tls_handshake", "tls_certificate", "http_malformed",
    "date_missing", "date_malformed", "stale", "implausible",   "inconsistent",    "timeout",
    "probe_crashed"};

/// The contract's name for `code`.
constexpr std::string_view name(ErrorCode code) { return kErrorNames.at(static_cast<std::size_t>(code)); }

/// A code for programs and a sentence for people: what happened and, where there is a choice, what to do.
struct SourceError {
  ErrorCode code{};
  std::string message;

  bool operator==(const SourceError&) const = default;
};

template <typename T>
using SourceResult = std::expected<T, SourceError>;

/// Anything that is wrong with what the user gave us: arguments, files. Already names the file or argument.
struct UserError {
  std::string message;
};

/// How every command ends (design contract; docs/man).
enum class ExitCode : std::uint8_t {
  done = 0,
  no_agreement = 1,
  usage = 2,
  not_fed = 3,
  insane = 4,
};

/// strerror without its static buffer: "Connection refused" for ECONNREFUSED.
std::string errno_text(int error_number);

}  // namespace sdwdate::base
