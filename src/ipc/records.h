// The fixed-size records between sdwdated and its helpers, encoded field by field.
//
//   to sdwdate-probe      one ProbeJob        then nothing
//   from sdwdate-probe    Exchange records, then one Done or one Failure, then the end of the stream
//   to sdwdate-resolve    one ResolveJob      then nothing
//   from sdwdate-resolve  one ResolveReply    then the end of the stream
//
// A receiver accepts exactly these sizes, this order and these ranges; anything else ends the helper.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/cache_age.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fine_time.h"
#include "ipc/address.h"

namespace sdwdate::ipc {

inline constexpr std::size_t kMaxAddresses = 8;
inline constexpr std::size_t kMaxMessage = 200;
/// More exchanges than any configuration asks for; a probe that sends more is flooding.
inline constexpr unsigned kMaxExchanges = 64;

/// What one probe has to do.
struct ProbeJob {
  bool tls = true;
  bool self_signed = false;  ///< any certificate will do: the name itself is a key, which Tor has checked
  bool host_is_address = false;
  std::string host;
  std::uint16_t port = 0;
  std::string authority;  ///< for the Host header
  std::string target;
  std::vector<IpAddress> addresses;  ///< of the host or, with a proxy, of the proxy
  std::uint16_t connect_port = 0;    ///< where to connect: the host's port or the proxy's
  bool proxy = false;
  std::string proxy_path;  ///< of its UNIX socket; empty: it is at addresses and connect_port
  std::string proxy_user;
  std::string proxy_password;
  std::string ca_file;  ///< empty: the system's trust store
  std::uint8_t exchanges = 0;
  /// The first request is to arrive when the raw clock is so far into its second.
  std::chrono::nanoseconds first_phase{0};
  std::chrono::nanoseconds timeout{0};  ///< for everything
  /// A request that would be sent later is left out if the answers before it were enough.
  base::RawTime sharpen_until;
  std::chrono::sys_seconds floor;  ///< sanity limits for every Date
  std::chrono::sys_seconds ceiling;
  std::chrono::nanoseconds lag{0};
  std::chrono::nanoseconds fine_lag{0};
  std::chrono::nanoseconds slack{0};
  std::int64_t drift_ppm = 0;

  bool operator==(const ProbeJob&) const = default;
};

inline constexpr std::size_t kProbeJobSize = 4096;
using ProbeJobRecord = std::array<std::byte, kProbeJobSize>;

/// Fails (empty) only when a text is too long for its field or there are too many addresses.
std::optional<ProbeJobRecord> encode(const ProbeJob& job);
std::optional<ProbeJob> decode_probe_job(std::span<const std::byte> bytes);

/// One exchange as the probe saw it. Times are CLOCK_MONOTONIC_RAW, which all processes share.
struct ExchangeReport {
  base::RawTime sent;
  base::RawTime received;
  std::chrono::sys_seconds date;
  std::optional<std::chrono::seconds> age = std::nullopt;  ///< from 0 to base::kAgeUnknown
  std::optional<base::FineTime> fine = std::nullopt;
  std::chrono::seconds spread{0};  ///< 0 to base::kMaxDateSpread

  bool operator==(const ExchangeReport&) const = default;
};

/// Bytes on the wire, below TLS.
struct Traffic {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;

  bool operator==(const Traffic&) const = default;
};

struct Done {
  Traffic traffic;
  std::uint8_t missing_layers = 0;  ///< of the probe's confinement: sandbox::Missing

  bool operator==(const Done&) const = default;
};

struct Failure {
  base::ErrorCode code{};
  std::string message;  ///< printable ASCII; longer than kMaxMessage is cut
  Traffic traffic;

  bool operator==(const Failure&) const = default;
};

using ProbeReport = std::variant<ExchangeReport, Done, Failure>;

inline constexpr std::size_t kProbeReportSize = 256;
using ProbeReportRecord = std::array<std::byte, kProbeReportSize>;

ProbeReportRecord encode(const ProbeReport& report);
/// Empty for anything a correct probe could not have written.
std::optional<ProbeReport> decode_probe_report(std::span<const std::byte> bytes);

/// Is this report legal now? Feed every report in the order received.
class ReportOrder {
 public:
  explicit ReportOrder(unsigned most_exchanges) : remaining_(most_exchanges) {}

  /// `started` and `now` are the parent's own times: no exchange may lie outside them, nor before the last one.
  bool accept(const ProbeReport& report, base::RawTime started, base::RawTime now);
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  unsigned remaining_;
  std::optional<base::RawTime> last_received_;
  bool ended_ = false;
};

struct ResolveJob {
  std::string host;

  bool operator==(const ResolveJob&) const = default;
};

/// Either addresses or, if there are none, why.
struct ResolveReply {
  std::vector<IpAddress> addresses;
  std::string message;

  bool operator==(const ResolveReply&) const = default;
};

inline constexpr std::size_t kResolveJobSize = 256;
using ResolveJobRecord = std::array<std::byte, kResolveJobSize>;
inline constexpr std::size_t kResolveReplySize = 384;
using ResolveReplyRecord = std::array<std::byte, kResolveReplySize>;

std::optional<ResolveJobRecord> encode(const ResolveJob& job);
std::optional<ResolveJob> decode_resolve_job(std::span<const std::byte> bytes);
ResolveReplyRecord encode(const ResolveReply& reply);
std::optional<ResolveReply> decode_resolve_reply(std::span<const std::byte> bytes);

}  // namespace sdwdate::ipc
