#include "service/state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/accounts.h"
#include "base/build_info.h"
#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "service/floor_file.h"
#include "timecore/sanity.h"

namespace sdwdate::service {
namespace {

using std::chrono::sys_seconds;
namespace fs = std::filesystem;

constexpr const char* kFloorFile = "last-agreed";
/// The service runs as this user. Root and others who run a round by hand take its state for what it is.
constexpr const char* kServiceUser = "sdwdate";
/// No build is used for longer, even where the ceiling of a round is lower.
constexpr int kLongestUse = 20;

constexpr const char* kBuildsDay = "going on with this build's day as the floor";

/// What strangers could do to the state, or to the directory that it is in.
std::optional<base::Exposure> exposure(const fs::path& path, const struct stat& status) {
  const auto service = base::user_number(kServiceUser);
  std::vector<uid_t> trusted{::geteuid()};
  if (service) trusted.push_back(*service);
  return base::exposure(path, status, trusted, service ? kServiceUser : base::user_name(::geteuid()));
}

/// A directory that state can be kept in, or why not. Neither if there is nothing of that name: nothing is installed.
struct Directory {
  bool usable = false;
  std::optional<std::string> trouble;
};

Directory look_at(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return {false, fmt::format("cannot look at the state directory {}: {}", path.string(), base::errno_text(errno))};
  }
  if (!S_ISDIR(status.st_mode)) {
    return {false, fmt::format("the state directory {} is {}: no agreed time can be kept there; remove it and make a "
                               "folder",
                               path.string(), base::kind_of(status.st_mode))};
  }
  // Sticky or not: strangers could put a time here before there is one.
  status.st_mode &= ~static_cast<mode_t>(S_ISVTX);
  if (const auto exposed = exposure(path, status)) {
    return {false, fmt::format("no agreed time is read from or saved in the state directory {}, {}: strangers could "
                               "put any time there. Empty it, then: {}",
                               path.string(), exposed->how, exposed->remedy)};
  }
  return {true, std::nullopt};
}

/// What the file says, nothing if there is none, or what is wrong with it.
std::expected<std::optional<std::string>, std::string> saved_text(const fs::path& path) {
  const auto cannot_read = [&](int error) {
    return std::unexpected(
        fmt::format("cannot read the last agreed time from {} ({})", path.string(), base::errno_text(error)));
  };
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return cannot_read(errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected(fmt::format("the last agreed time is not read from {}, which is {}", path.string(),
                                       base::kind_of(status.st_mode)));
  }
  if (const auto exposed = exposure(path, status)) {
    return std::unexpected(fmt::format("the last agreed time is not read from {}, {}", path.string(), exposed->how));
  }
  // In this directory nobody else can have exchanged it meanwhile.
  auto text = base::read_file(path, kLongestFloorText);
  if (!text) return cannot_read(text.error());
  return *std::move(text);
}

std::expected<timecore::FloorMemory, std::string> parse(std::string_view text, const fs::path& path,
                                                        sys_seconds latest) {
  auto memory = parse_floor(text);
  if (!memory) {
    return std::unexpected(fmt::format("{} does not hold a UNIX time as this program saves it", path.string()));
  }
  if (memory->floor && memory->floor->past.time > latest) {
    return std::unexpected(fmt::format("{} holds a time after {} UTC, on which no round can have agreed", path.string(),
                                       base::utc_text(latest)));
  }
  if (memory->last_round && memory->last_round->time > latest) memory->last_round.reset();
  return *std::move(memory);
}

/// Why this user may not change what is kept there, if so. Whoever owns a directory of their own may.
std::expected<void, std::string> may_change(const fs::path& directory) {
  struct stat status{};
  if (::stat(directory.c_str(), &status) != 0) {
    return std::unexpected(fmt::format("the state directory {} cannot be used ({}): no floor is kept there",
                                       directory.string(), base::errno_text(errno)));
  }
  const uid_t user = ::geteuid();
  if (user != 0 && user != status.st_uid && user != base::user_number(kServiceUser)) {
    return std::unexpected(
        fmt::format("only root and user {} may change the floor in {}: use sudo", kServiceUser, directory.string()));
  }
  if (const Directory kept = look_at(directory); !kept.usable) return std::unexpected(*kept.trouble);
  return {};
}

}  // namespace

bool Floor::is_saved() const { return saved.floor && saved.floor->past.time > base::build_floor(); }

sys_seconds Floor::vouched() const {
  const bool counts = is_saved() && saved.floor->voucher == timecore::Voucher::rounds;
  return counts ? saved.floor->past.time : base::build_floor();
}

Floor load_floor(const fs::path& directory, int ceiling_years) {
  const sys_seconds built = base::build_floor();
  const fs::path path = directory / kFloorFile;
  const auto builds_day = [&](std::optional<std::string> warning = {}) {
    return Floor{built, path, {}, std::move(warning)};
  };
  const Directory kept = look_at(directory);
  if (kept.trouble) return builds_day(fmt::format("{}; {}", *kept.trouble, kBuildsDay));
  if (!kept.usable) return builds_day();
  const sys_seconds latest = timecore::limits_from(built, std::max(ceiling_years, kLongestUse)).ceiling;
  const auto without = [&](std::string_view why) {
    std::error_code error;
    const bool stays = fs::is_directory(fs::symlink_status(path, error));
    return builds_day(
        fmt::format("{}; {}. {}", why, kBuildsDay, stays ? "Remove it" : "The next agreed time replaces it"));
  };
  const auto text = saved_text(path);
  if (!text) return without(text.error());
  if (!*text) return builds_day();
  const auto saved = parse(**text, path, latest);
  if (!saved) return without(saved.error());
  const sys_seconds time = saved->floor ? std::max(built, saved->floor->past.time) : built;
  return {time, path, *saved, std::nullopt};
}

std::optional<std::string> save_floor(const fs::path& directory, int ceiling_years, const timecore::PastTime& round) {
  if (!look_at(directory).usable) return std::nullopt;  // load_floor() says why, in each round
  const timecore::FloorMemory memory = timecore::remember(load_floor(directory, ceiling_years).saved, round);
  const int failed = base::replace_file(directory / kFloorFile, floor_text(memory), 0644, base::Keep::for_ever);
  if (failed == 0) return std::nullopt;
  return fmt::format("cannot save the agreed time in {} ({}); the older one stays in force", directory.string(),
                     base::errno_text(failed));
}

std::expected<void, std::string> set_floor(const fs::path& directory, const timecore::PastTime& past) {
  if (auto may = may_change(directory); !may) return may;
  const fs::path path = directory / kFloorFile;
  const std::string text = floor_text(timecore::floor_by(timecore::Voucher::administrator, past));
  const int failed = base::replace_file(path, text, 0644, base::Keep::for_ever);
  if (failed == 0) return {};
  return std::unexpected(fmt::format("cannot write {}: {}", path.string(), base::errno_text(failed)));
}

std::expected<void, std::string> forget_floor(const fs::path& directory) {
  if (auto may = may_change(directory); !may) return may;
  const fs::path path = directory / kFloorFile;
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return std::unexpected(fmt::format("cannot remove {}: {}", path.string(), base::errno_text(errno)));
}

}  // namespace sdwdate::service
