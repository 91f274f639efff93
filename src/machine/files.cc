#include "machine/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/files.h"
#include "base/unique_fd.h"

namespace sdwdate::machine {
namespace {

namespace fs = std::filesystem;
using Done = std::expected<void, std::string>;

constexpr mode_t kReadable = 0644;
constexpr std::size_t kLargest = std::size_t{4} * 1024 * 1024;

Done failed(std::string_view what, const fs::path& path, int error) {
  return std::unexpected(fmt::format("cannot {} {}: {}", what, path.string(), base::errno_text(error)));
}

Done make_folder_of(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return failed("make the folder", path.parent_path(), error.value());
  return {};
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
  if (const int error = base::replace_file(path, content, kReadable, base::Keep::for_ever); error != 0) {
    return failed("write", path, error);
  }
  if (::chmod(path.c_str(), kReadable) != 0) return failed("make readable", path, errno);
  return {};
}

Done replace_link(const fs::path& path, const fs::path& target) {
  if (auto made = make_folder_of(path); !made) return made;
  const fs::path fresh = path.string() + ".new";
  ::unlink(fresh.c_str());
  if (::symlink(target.c_str(), fresh.c_str()) != 0) return failed("make the link", path, errno);
  if (std::rename(fresh.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(fresh.c_str());
  return failed("replace", path, error);
}

Done remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
  return failed("remove", path, errno);
}

}  // namespace sdwdate::machine
