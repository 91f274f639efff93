// Files of the system that a command puts in place, and takes away.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace sdwdate::machine {

/// Makes the folder if need be, and puts a file there; everybody may read both, whatever the umask. The error is a
/// sentence.
std::expected<void, std::string> replace_file(const std::filesystem::path& path, std::string_view content);

/// The same for a symbolic link.
std::expected<void, std::string> replace_link(const std::filesystem::path& path, const std::filesystem::path& target);

/// Removes a file or a link; it is no error if there is none.
std::expected<void, std::string> remove_file(const std::filesystem::path& path);

}  // namespace sdwdate::machine
