// The fixed-size records between sdwdated and sdwdate-tor.
//
//   to sdwdate-tor    one TorJob   then nothing
//   from sdwdate-tor  TorState and TorSkew records, as Tor has news; a TorFailure is the last
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

#include "ipc/address.h"

namespace sdwdate::ipc {

inline constexpr std::size_t kMaxTorText = 120;

/// Where Tor's control port is, and how to get in.
struct TorJob {
  std::string path;                  ///< of its UNIX socket; empty: it is at addresses and port
  std::vector<IpAddress> addresses;  ///< at most two
  std::uint16_t port = 0;
  std::string cookie_file;
  std::string password;

  bool operator==(const TorJob&) const = default;
};

inline constexpr std::size_t kTorJobSize = 1024;
using TorJobRecord = std::array<std::byte, kTorJobSize>;

/// Fails (empty) only when a text is too long for its field or there are too many addresses.
std::optional<TorJobRecord> encode(const TorJob& job);
std::optional<TorJob> decode_tor_job(std::span<const std::byte> bytes);

/// How Tor is.
struct TorState {
  std::uint8_t progress = 0;                            ///< percent; 100 is done
  bool circuit = false;                                 ///< one has been established
  std::string phase;                                    ///< in Tor's own words; printable
  std::string warning;                                  ///< what holds it up; printable
  std::optional<std::chrono::sys_seconds> valid_after;  ///< of the consensus that Tor goes by
  std::optional<std::chrono::sys_seconds> fresh_until;
  std::optional<std::chrono::sys_seconds> valid_until;

  [[nodiscard]] bool works() const { return progress == 100 && circuit; }
  bool operator==(const TorState&) const = default;
};

enum class SkewEvidence : std::uint8_t { relay, directory, consensus, other };

/// Somebody's clock is not ours, says Tor.
struct TorSkew {
  std::chrono::seconds skew{0};  ///< local minus theirs
  SkewEvidence evidence{};
  std::string address;  ///< whose; printable

  bool operator==(const TorSkew&) const = default;
};

/// Tor cannot be asked.
struct TorFailure {
  std::string message;

  bool operator==(const TorFailure&) const = default;
};

using TorReport = std::variant<TorState, TorSkew, TorFailure>;

inline constexpr std::size_t kTorReportSize = 512;
using TorReportRecord = std::array<std::byte, kTorReportSize>;

TorReportRecord encode(const TorReport& report);
/// Empty for anything that a correct helper could not have written.
std::optional<TorReport> decode_tor_report(std::span<const std::byte> bytes);

}  // namespace sdwdate::ipc
