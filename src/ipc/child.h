// Starting a helper process with one socket and nothing else, and seeing it to its end.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace sdwdate::ipc {

/// A running helper. Destroying it kills and reaps it: no helper outlives its owner's interest.
class Child {
 public:
  Child(pid_t pid, base::UniqueFd channel) : pid_(pid), channel_(std::move(channel)) {}
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;

  /// Our end of the socketpair (SOCK_SEQPACKET), given away. Closing it tells the helper to end.
  [[nodiscard]] base::UniqueFd take_channel() { return std::move(channel_); }

  /// Kills the helper if it still runs, reaps it, and says in words how it ended ("killed by signal 11
  /// (Segmentation fault)"); empty if it had ended by itself with status 0.
  std::optional<std::string> finish();

 private:
  pid_t pid_;
  base::UniqueFd channel_;
};

/// Starts `executable` with the other end of a socketpair as its descriptors 0, 1 and 2 (so that nothing a
/// library prints can end up in a later file or connection) and no other. Of the environment it inherits only
/// what decides which code runs (LD_PRELOAD, LD_LIBRARY_PATH, FAKETIME*, sanitizer options) and where the
/// system's trust store is (SSL_CERT_FILE, SSL_CERT_DIR). The error is a sentence.
std::expected<Child, std::string> start_child(const std::string& executable);

/// Sends one record whole; false if the other side is gone or its queue is full.
bool send_record(int channel, std::span<const std::byte> record);

/// What arrived on a channel.
enum class Received : std::uint8_t {
  record,   ///< exactly `buffer.size()` bytes
  nothing,  ///< nothing yet
  ended,    ///< the other side has closed
  garbage,  ///< a record of another size
};

Received receive_record(int channel, std::span<std::byte> buffer);

/// In a helper: was it started by start_child(), and not by a person?
bool is_channel(int descriptor);

/// For a helper's first record, which its parent sends at once: the same, after waiting up to a minute.
Received await_record(int channel, std::span<std::byte> buffer);

}  // namespace sdwdate::ipc
