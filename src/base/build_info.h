// What the build knows: the version, and a time that is certainly past.
#pragma once

#include <chrono>
#include <string_view>

namespace sdwdate::base {

/// For --version only; never sent anywhere.
std::string_view version();

/// Midnight (UTC) of the day of this version's entry in CHANGELOG.md, or SOURCE_DATE_EPOCH: the same source gives
/// the same program, and no true clock shows an earlier time.
std::chrono::sys_seconds build_floor();

/// Where an installation keeps sdwdate-probe, sdwdate-resolve and sdwdate-launch.
std::string_view helper_directory();

}  // namespace sdwdate::base
