// Small files, read whole and replaced whole.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace sdwdate::machine {

/// The content of a file of the system, at most 4 MiB of it; the error is errno. Files of /proc have no size before
/// they are read.
std::expected<std::string, int> read_file(const std::filesystem::path& path);

/// Makes the folder if need be, writes a new file beside the old one, and renames it. The error is a sentence.
std::expected<void, std::string> replace_file(const std::filesystem::path& path, std::string_view content);

/// The same for a symbolic link.
std::expected<void, std::string> replace_link(const std::filesystem::path& path, const std::filesystem::path& target);

/// Removes a file or a link; it is no error if there is none.
std::expected<void, std::string> remove_file(const std::filesystem::path& path);

}  // namespace sdwdate::machine
