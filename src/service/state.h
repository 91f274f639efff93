// What outlives a round: the last agreed time, which no later clock may contradict.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace sdwdate::service {

/// A time that is certainly past, and what was wrong with the file that should have said more.
struct Floor {
  std::chrono::sys_seconds time;
  std::optional<std::string> warning;
};

/// The later of this build's day and the time saved in `directory`. A directory that does not exist is no fault
/// (nothing is installed). A warning are a directory or a file that strangers can change, a file that cannot be read or
/// makes no sense, and a time so far ahead that no round with such a ceiling can have agreed on it.
Floor load_floor(const std::filesystem::path& directory, int ceiling_years);

/// Saves a time by writing a new file and renaming it, so that a full disk or a crash loses nothing. Returns what
/// went wrong, if anything; does nothing if the directory does not exist, or is one that load_floor() warns of.
std::optional<std::string> save_floor(const std::filesystem::path& directory, std::chrono::sys_seconds time);

}  // namespace sdwdate::service
