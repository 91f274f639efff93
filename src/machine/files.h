// Small files, read whole and replaced whole.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace sdwdate::machine {

/// At most 4 MiB of a file of the system, also of /proc, where a file comes in pieces; the error is errno.
std::expected<std::string, int> read_file(const std::filesystem::path& path);

/// Makes the folder if need be, and puts a file there that everybody may read, whatever the umask. The error is a
/// sentence.
std::expected<void, std::string> replace_file(const std::filesystem::path& path, std::string_view content);

/// The same for a symbolic link.
std::expected<void, std::string> replace_link(const std::filesystem::path& path, const std::filesystem::path& target);

/// Removes a file or a link; it is no error if there is none.
std::expected<void, std::string> remove_file(const std::filesystem::path& path);

}  // namespace sdwdate::machine
