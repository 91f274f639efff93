// One helper process with one socket and nothing else, seen to its end; and the records on that socket.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/unique_fd.h"
#include "ipc/launcher.h"

namespace sdwdate::ipc {

/// A running helper. Destroying it kills and reaps it: no helper outlives its owner's interest.
class Child {
 public:
  Child(std::shared_ptr<Launcher> launcher, pid_t pid, base::UniqueFd channel)
      : launcher_(std::move(launcher)), pid_(pid), channel_(std::move(channel)) {}
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
  std::shared_ptr<Launcher> launcher_;
  pid_t pid_;
  base::UniqueFd channel_;
};

/// Starts a helper with the other end of a socketpair. The error is a sentence.
std::expected<Child, std::string> start_child(std::shared_ptr<Launcher> launcher, Helper helper);

/// The two ends of a new SOCK_SEQPACKET socketpair, closed in programs that are started.
struct Channel {
  base::UniqueFd ours;
  base::UniqueFd theirs;
};
std::expected<Channel, std::string> make_channel();

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
