#include "service/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/build_info.h"
#include "base/error.h"
#include "base/files.h"
#include "timecore/offset.h"
#include "wire/unix_time.h"

namespace sdwdate::service {
namespace {

using std::chrono::sys_seconds;

constexpr const char* kFile = "last-agreed";

std::string unreadable(const std::filesystem::path& file, int error) {
  return fmt::format("cannot read the last agreed time from {} ({}); going on with this build's day as the floor",
                     file.string(), base::errno_text(error));
}

}  // namespace

Floor load_floor(const std::filesystem::path& directory) {
  const sys_seconds built = base::build_floor();
  const std::filesystem::path path = directory / kFile;
  constexpr std::size_t kMost = 64;
  const auto text = base::read_file(path, kMost);
  if (!text) {
    if (text.error() == ENOENT || text.error() == ENOTDIR) return {built, std::nullopt};
    return {built, unreadable(path, text.error())};
  }
  std::string_view saved = *text;
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
  const int failed = base::replace_file(directory / kFile, fmt::format("{}\n", time.time_since_epoch().count()), 0644,
                                        base::Keep::for_ever);
  if (failed == 0) return std::nullopt;
  return fmt::format("cannot save the agreed time in {} ({}); the older one stays in force", directory.string(),
                     base::errno_text(failed));
}

}  // namespace sdwdate::service
