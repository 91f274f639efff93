// Small files, read and written whole.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace sdwdate::base {

/// At most the first `most` bytes of a file that another user may have put there, or errno: no symbolic link is
/// followed, and a FIFO is not waited for.
std::expected<std::string, int> read_file(const std::filesystem::path& path, std::size_t most);

/// The whole of an administrator's or the system's file, also of /proc, where it comes in pieces; or errno: EFBIG for
/// more than 4 MiB, EISDIR for a folder. Links are followed, and a pipe is waited for.
std::expected<std::string, int> read_trusted_file(const std::filesystem::path& path);

/// The same of what is open already.
std::expected<std::string, int> read_whole(int file);

/// Must what is written outlive a crash of the machine?
enum class Keep : std::uint8_t { until_reboot, for_ever };

/// Puts `text` in the place of `path` by writing a file beside it and renaming that, so that a reader, a full disk or a
/// crash never meets half of it. No symbolic link is followed. Returns 0, or errno, and then what was there before is
/// there still.
int replace_file(const std::filesystem::path& path, std::string_view text, mode_t mode, Keep keep);

/// Has a write beyond this process's limit on the size of files fail, as one to a full disk does; it would end the
/// process. To be called once, by what saves files.
void survive_file_size_limit();

}  // namespace sdwdate::base
