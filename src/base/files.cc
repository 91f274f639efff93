#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "base/unique_fd.h"

namespace sdwdate::base {
namespace {

constexpr std::size_t kLargest = std::size_t{4} * 1024 * 1024;

/// One complete file that was not there before, or errno. Whatever else has this name - a link, a FIFO, another name of
/// a file that is precious - is not opened at all.
int write_file(const std::filesystem::path& path, std::string_view text, mode_t mode, Keep keep) {
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
  // The mode is meant, whatever the umask.
  if (!file || ::fchmod(file.get(), mode) != 0) return errno;
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written < 0) return errno;
  if (static_cast<std::size_t>(written) != text.size()) return ENOSPC;
  return keep == Keep::until_reboot || ::fsync(file.get()) == 0 ? 0 : errno;
}

}  // namespace

std::expected<std::string, int> read_file(const std::filesystem::path& path, std::size_t most) {
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!file) return std::unexpected(errno);
  std::string text(most, '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return std::unexpected(errno);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::expected<std::string, int> read_trusted_file(const std::filesystem::path& path) {
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return std::unexpected(errno);
  return read_whole(file.get());
}

std::expected<std::string, int> read_whole(int file) {
  std::string text;
  std::array<char, 16384> piece{};
  while (true) {
    const ssize_t size = ::read(file, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::unexpected(errno);
    if (size == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(size));
    if (text.size() > kLargest) return std::unexpected(EFBIG);
  }
}

int replace_file(const std::filesystem::path& path, std::string_view text, mode_t mode, Keep keep) {
  std::filesystem::path fresh = path;
  fresh += ".new";
  // What a crash left.
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return errno;
  int failed = write_file(fresh, text, mode, keep);
  if (failed == EEXIST) return failed;  // not ours
  if (failed == 0 && std::rename(fresh.c_str(), path.c_str()) != 0) failed = errno;
  if (failed != 0) ::unlink(fresh.c_str());
  return failed;
}

void survive_file_size_limit() { static_cast<void>(std::signal(SIGXFSZ, SIG_IGN)); }

}  // namespace sdwdate::base
