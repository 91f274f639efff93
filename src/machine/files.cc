#include "machine/files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/files.h"

namespace sdwdate::machine {
namespace {

namespace fs = std::filesystem;
using Done = std::expected<void, std::string>;

constexpr mode_t kReadable = 0644;

Done failed(std::string_view what, const fs::path& path, int error) {
  return std::unexpected(fmt::format("cannot {} {}: {}", what, path.string(), base::errno_text(error)));
}

Done make_folder_of(const fs::path& path) {
  std::error_code error;
  const bool made = fs::create_directories(path.parent_path(), error);
  if (made) fs::permissions(path.parent_path(), fs::perms{0755}, error);
  if (error) return failed("make the folder", path.parent_path(), error.value());
  return {};
}

}  // namespace

Done replace_file(const fs::path& path, std::string_view content) {
  if (auto made = make_folder_of(path); !made) return made;
  if (const int error = base::replace_file(path, content, kReadable, base::Keep::for_ever); error != 0) {
    return failed("write", path, error);
  }
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
