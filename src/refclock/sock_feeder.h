// Handing samples to chronyd.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "refclock/sock_sample.h"

namespace sdwdate::refclock {

/// Why chronyd was not fed, and the sentence that says what to do.
struct FeedError {
  enum class Kind : std::uint8_t { not_fed, unacceptable } kind = Kind::not_fed;
  std::string message;
};

/// Sends one sample to the socket at `path`. chronyd makes that socket anew at each start, so nothing is kept open.
std::expected<void, FeedError> feed(const std::string& path, const Sample& sample);

/// The line for chrony.conf that makes chronyd listen at `path`.
std::string refclock_line(const std::string& path);

}  // namespace sdwdate::refclock
