// A clock that is wrong on purpose, for those who want it so ([privacy] random_offset).
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace sdwdate::service {

struct DeliberateOffset {
  std::chrono::nanoseconds value{0};
  std::optional<std::string> warning;
};

/// The amount drawn for this boot, evenly within +-`most`; 0 if that is 0. Kept in `directory`, which does not outlive
/// the boot, so that the clock does not wander when a daemon is started again. If it cannot be kept there, that is a
/// warning, and the amount is good for this process.
DeliberateOffset deliberate_offset(const std::filesystem::path& directory, std::chrono::nanoseconds most);

}  // namespace sdwdate::service
