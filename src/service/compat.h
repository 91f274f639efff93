// The files by which programs made for the Python sdwdate learn how it fares: sdwdate-gui, whonix-firewall,
// systemcheck, timesanitycheck. Written only where the configuration says `[compat] state_files = true`.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace sdwdate::service {

/// What those programs see, kept in two directories and nowhere else. Nothing is remembered between calls: what this
/// boot has seen is what the files say, so a restarted daemon goes on where the last one was.
///
/// In `runtime` (/run/sdwdate, empty at boot):
///   status         {"icon": "success"|"busy"|"error", "message": "..."}, always rewritten in place: readers watch the
///                  inode
///   msg            the message alone
///   first_success  empty; made once, by creating it, at the first success since boot; readers wait for that event
///   success        empty; there has been a success since boot
///   fail           empty; the last round failed
/// In `state` (/var/lib/sdwdate, outlives boots):
///   time-replay-protection-utc-unixtime, -utc-humanreadable   a time that is certainly past
///
/// Each function does as much as it can and returns the first trouble as a sentence, if there was any; the daemon warns
/// and goes on. No symbolic link is followed and nothing waits on a FIFO. `message` is one line for people; what is not
/// printable ASCII becomes '?', and what is beyond 1000 characters is cut off.
class CompatFiles {
 public:
  using Trouble = std::optional<std::string>;

  CompatFiles(std::filesystem::path runtime, std::filesystem::path state)
      : runtime_(std::move(runtime)), state_(std::move(state)) {}

  /// The daemon starts, or a round begins. The icon is "busy" until the first success of this boot and stays "success"
  /// after it: to measure again is no reason to worry.
  [[nodiscard]] Trouble busy(std::string_view message) const;

  /// A round agreed and chrony was fed. `past` is a time that is certainly past now (the new floor).
  [[nodiscard]] Trouble success(std::string_view message, std::chrono::sys_seconds past) const;

  /// A round failed.
  [[nodiscard]] Trouble failure(std::string_view message) const;

  /// The daemon was told to end. The icon is "error", as it was: nobody looks after the clock now.
  [[nodiscard]] Trouble stopped(std::string_view message) const;

 private:
  std::filesystem::path runtime_;
  std::filesystem::path state_;
};

}  // namespace sdwdate::service
