#include "service/state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/build_info.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "timecore/offset.h"
#include "wire/unix_time.h"

namespace sdwdate::service {
namespace {

using std::chrono::sys_seconds;

constexpr const char* kFile = "last-agreed";
constexpr const char* kNewFile = "last-agreed.new";

std::string unreadable(const std::filesystem::path& file, int error) {
  return fmt::format("cannot read the last agreed time from {} ({}); going on with this build's day as the floor",
                     file.string(), base::errno_text(error));
}

/// One complete file, or errno.
int write_file(const std::filesystem::path& path, std::string_view text) {
  const base::UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644)};
  if (!file) return errno;
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written < 0) return errno;
  if (static_cast<std::size_t>(written) != text.size()) return ENOSPC;
  return ::fsync(file.get()) == 0 ? 0 : errno;
}

}  // namespace

Floor load_floor(const std::filesystem::path& directory) {
  const sys_seconds built = base::build_floor();
  const std::filesystem::path path = directory / kFile;
  const base::UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) return {built, std::nullopt};
    return {built, unreadable(path, errno)};
  }
  std::array<char, 64> text{};
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return {built, unreadable(path, errno)};

  std::string_view saved{text.data(), static_cast<std::size_t>(size)};
  if (saved.ends_with('\n')) saved.remove_suffix(1);
  const auto time = wire::parse_unix_time(saved);
  if (!time || *time > timecore::kLatestDate) {
    return {
        built,
        fmt::format("{} does not hold a UNIX time of this age; going on with this build's day as the floor. The next "
                    "agreed time replaces it",
                    path.string())};
  }
  return {std::max(built, std::chrono::floor<std::chrono::seconds>(*time)), std::nullopt};
}

std::optional<std::string> save_floor(const std::filesystem::path& directory, sys_seconds time) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) return std::nullopt;
  const std::filesystem::path fresh = directory / kNewFile;
  int failed = write_file(fresh, fmt::format("{}\n", time.time_since_epoch().count()));
  if (failed == 0 && std::rename(fresh.c_str(), (directory / kFile).c_str()) != 0) failed = errno;
  if (failed == 0) return std::nullopt;
  ::unlink(fresh.c_str());
  return fmt::format("cannot save the agreed time in {} ({}); the older one stays in force", directory.string(),
                     base::errno_text(failed));
}

}  // namespace sdwdate::service
