#include "machine/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/unique_fd.h"

namespace sdwdate::machine {
namespace {

namespace fs = std::filesystem;
using Done = std::expected<void, std::string>;

constexpr std::size_t kLargest = std::size_t{4} * 1024 * 1024;

Done failed(std::string_view what, const fs::path& path, int error) {
  return std::unexpected(fmt::format("cannot {} {}: {}", what, path.string(), base::errno_text(error)));
}

fs::path beside(const fs::path& path) { return path.string() + ".new"; }

Done make_folder_of(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return failed("make the folder", path.parent_path(), error.value());
  return {};
}

Done put_in_place(const fs::path& fresh, const fs::path& path) {
  if (std::rename(fresh.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(fresh.c_str());
  return failed("replace", path, error);
}

/// One complete file that everybody may read, or errno.
int write_whole(const fs::path& path, std::string_view content) {
  const base::UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644)};
  if (!file || ::fchmod(file.get(), 0644) != 0) return errno;
  const ssize_t written = ::write(file.get(), content.data(), content.size());
  if (written < 0) return errno;
  if (static_cast<std::size_t>(written) != content.size()) return ENOSPC;
  return ::fsync(file.get()) == 0 ? 0 : errno;
}

}  // namespace

std::expected<std::string, int> read_file(const fs::path& path) {
  const base::UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!file) return std::unexpected(errno);
  std::string content;
  std::array<char, 16384> piece{};
  while (content.size() < kLargest) {
    const ssize_t size = ::read(file.get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::unexpected(errno);
    if (size == 0) break;
    content.append(piece.data(), static_cast<std::size_t>(size));
  }
  return content;
}

Done replace_file(const fs::path& path, std::string_view content) {
  if (auto made = make_folder_of(path); !made) return made;
  const fs::path fresh = beside(path);
  if (const int error = write_whole(fresh, content); error != 0) {
    ::unlink(fresh.c_str());
    return failed("write", path, error);
  }
  return put_in_place(fresh, path);
}

Done replace_link(const fs::path& path, const fs::path& target) {
  if (auto made = make_folder_of(path); !made) return made;
  const fs::path fresh = beside(path);
  ::unlink(fresh.c_str());
  if (::symlink(target.c_str(), fresh.c_str()) != 0) return failed("make the link", path, errno);
  return put_in_place(fresh, path);
}

Done remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
  return failed("remove", path, errno);
}

}  // namespace sdwdate::machine
