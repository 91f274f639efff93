#include "base/guarded.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/accounts.h"
#include "base/error.h"
#include "base/files.h"

namespace sdwdate::base {
namespace {

namespace fs = std::filesystem;

/// As many as the kernel follows.
constexpr int kMostLinks = 40;
/// The longest path that the kernel takes.
constexpr std::size_t kLongestPath = 4096;

bool is_trusted(uid_t user, TrustedUsers trusted) {
  return user == 0 || std::ranges::find(trusted, user) != trusted.end();
}

std::string cannot_read(const fs::path& path, int error) {
  return fmt::format("cannot read {}: {}", path.string(), errno_text(error));
}

/// The sentence about something on the way to a file.
std::string refusal(const fs::path& asked, std::string_view what, const fs::path& where, const Exposure& exposed) {
  return fmt::format("not reading {}: {} {}, {}. Look at what is there now, then: {}", asked.string(), what,
                     where.string(), exposed.how, exposed.remedy);
}

/// A file that can be relied on, open for reading; otherwise the sentence.
std::expected<UniqueFd, std::string> open_guarded(const fs::path& path, int flags) {
  const std::array<uid_t, 1> me{::geteuid()};
  Trail trail{path};
  while (trail.step()) {
    if (trail.is_own_descriptor()) {
      UniqueFd file = trail.open(flags);
      if (!file) return std::unexpected(cannot_read(path, errno));
      return file;
    }
    if (const auto exposed = exposure(trail.folder_path(), trail.folder(), me)) {
      return std::unexpected(refusal(path, "it can be replaced in the folder", trail.folder_path(), *exposed));
    }
    if (const auto exposed = exposure(trail.path(), trail.entry(), me)) {
      return std::unexpected(refusal(path, "strangers can change", trail.path(), *exposed));
    }
    if (trail.is_link()) {
      if (!trail.follow()) break;
      continue;
    }
    UniqueFd file = trail.open(flags);
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0) return std::unexpected(cannot_read(path, errno));
    // Once more, because this is the one that is read.
    if (const auto exposed = exposure(trail.path(), status, me)) {
      return std::unexpected(refusal(path, "strangers can change", trail.path(), *exposed));
    }
    return file;
  }
  return std::unexpected(cannot_read(path, trail.error()));
}

}  // namespace

std::string_view kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return "a file";
    case S_IFDIR: return "a folder";
    case S_IFLNK: return "a symbolic link";
    case S_IFIFO: return "a FIFO";
    case S_IFSOCK: return "a socket";
    default: return "a device";
  }
}

std::optional<Exposure> exposure(const fs::path& path, const struct stat& status, TrustedUsers trusted,
                                 std::string_view owner) {
  const mode_t mode = status.st_mode;
  if (!is_trusted(status.st_uid, trusted)) {
    const std::string_view option = S_ISLNK(mode) ? "-h " : "";
    std::string how = fmt::format("which belongs to user {}", user_name(status.st_uid));
    return Exposure{std::move(how), fmt::format("chown {}{} {}", option, owner, path.string())};
  }
  if (S_ISLNK(mode) || S_ISCHR(mode) || S_ISBLK(mode)) return std::nullopt;
  if (S_ISDIR(mode) && (mode & S_ISVTX) != 0) return std::nullopt;
  std::string who;
  if ((mode & S_IWGRP) != 0 && status.st_gid != 0) who = fmt::format("group {}", group_name(status.st_gid));
  if ((mode & S_IWOTH) != 0) who = "everybody";
  if (who.empty()) return std::nullopt;
  std::string how = fmt::format("which {} may write to (mode {:04o})", who, mode & 07777U);
  return Exposure{std::move(how), fmt::format("chmod go-w {}", path.string())};
}

// --- the way to a file ------------------------------------------------------------------------------------------

Trail::Trail(fs::path path) : here_(std::move(path)) {}

fs::path Trail::folder_path() const {
  const fs::path folder = here_.parent_path();
  return folder.empty() ? fs::path{"."} : folder;
}

bool Trail::step() {
  folder_ = UniqueFd{::open(folder_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  const fs::path name = here_.filename();
  const bool seen =
      folder_ && ::fstat(folder_.get(), &folder_status_) == 0 &&
      ::fstatat(folder_.get(), name.c_str(), &entry_status_, name.empty() ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW) == 0;
  error_ = seen ? 0 : errno;
  return seen;
}

bool Trail::is_own_descriptor() const {
  struct stat descriptors{};
  return is_link() && ::stat("/proc/self/fd", &descriptors) == 0 && descriptors.st_dev == folder_status_.st_dev &&
         descriptors.st_ino == folder_status_.st_ino;
}

UniqueFd Trail::open(int flags) const {
  const fs::path name = here_.filename();
  const int follow = is_own_descriptor() ? 0 : O_NOFOLLOW;
  return UniqueFd{::openat(folder_.get(), name.empty() ? "." : name.c_str(), flags | follow | O_CLOEXEC)};
}

bool Trail::follow() {
  std::string target(kLongestPath, '\0');
  const ssize_t size = ::readlinkat(folder_.get(), here_.filename().c_str(), target.data(), target.size());
  if (size < 0) error_ = errno;
  if (++links_ > kMostLinks) error_ = ELOOP;
  if (error_ != 0) return false;
  target.resize(static_cast<std::size_t>(size));
  here_ = folder_path() / target;  // an absolute one replaces the folder
  return true;
}

// --- files ------------------------------------------------------------------------------------------------------

std::expected<std::string, std::string> read_guarded_file(const fs::path& path) {
  const auto file = open_guarded(path, O_RDONLY);
  if (!file) return std::unexpected(file.error());
  auto text = read_whole(file->get());
  if (!text) return std::unexpected(cannot_read(path, text.error()));
  return *std::move(text);
}

std::optional<std::string> check_guarded_file(const fs::path& path) {
  const auto file = open_guarded(path, O_RDONLY | O_NONBLOCK);
  return file ? std::nullopt : std::optional{file.error()};
}

}  // namespace sdwdate::base
