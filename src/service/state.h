// What outlives a round: how much time is certainly past, which no later clock may contradict.
#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>

#include "timecore/floor.h"

namespace sdwdate::service {

/// A time that is certainly past, where it is from, and what was wrong with the file that should have said more.
struct Floor {
  std::chrono::sys_seconds time;  ///< the later of this build's day and the saved floor
  std::filesystem::path file;     ///< where one is saved, or would be
  timecore::FloorMemory saved;    ///< what the file says, if that may be believed
  std::optional<std::string> warning;

  /// Does the file's floor refuse more than this build's day does?
  [[nodiscard]] bool is_saved() const;
  /// The later of this build's day and a floor that two rounds have vouched for.
  [[nodiscard]] std::chrono::sys_seconds vouched() const;
};

/// What is certainly past, by this build's day and the file in `directory`. A directory that does not exist is no fault
/// (nothing is installed). A warning are a directory or a file that strangers can change, a file that cannot be read or
/// makes no sense, and a time so far ahead that no round with such a ceiling can have agreed on it.
Floor load_floor(const std::filesystem::path& directory, int ceiling_years);

/// Adds a round's word to what is there (timecore::remember), by writing a new file and renaming it, so that a full
/// disk or a crash loses nothing. Returns what went wrong, if anything; does nothing if the directory does not exist,
/// or is one that load_floor() warns of.
std::optional<std::string> save_floor(const std::filesystem::path& directory, int ceiling_years,
                                      const timecore::PastTime& round);

/// Has this time, and nothing else, be the floor: an administrator's word, which may also be earlier than what is
/// there. The error says why not, such as that this user may not.
std::expected<void, std::string> set_floor(const std::filesystem::path& directory, const timecore::PastTime& past);

/// Forgets whatever was saved.
std::expected<void, std::string> forget_floor(const std::filesystem::path& directory);

}  // namespace sdwdate::service
