#include "service/compat.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace sdwdate::service {
namespace {

using base::UniqueFd;

/// sdwdate-gui cuts off what is beyond, and its frames have a limit.
constexpr std::size_t kLongestMessage = 1000;
/// The readers are other users; the umask has no say.
constexpr mode_t kMode = 0644;

constexpr const char* kFirstSuccess = "first_success";

/// JSON's escapes for what is printable ASCII already.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

/// Into a regular file and nowhere else. Returns errno, or 0.
int put(int file, std::string_view text) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return EINVAL;
  ::fchmod(file, kMode);
  const ssize_t written = ::write(file, text.data(), text.size());
  if (written < 0) return errno;
  return static_cast<std::size_t>(written) == text.size() ? 0 : ENOSPC;
}

CompatFiles::Trouble trouble_with(const std::filesystem::path& path, int error) {
  return fmt::format("cannot keep {} for programs made for the Python sdwdate ({})", path.string(),
                     base::errno_text(error));
}

/// One directory, opened once: nothing outside it can be reached. The first trouble is kept.
class Folder {
 public:
  explicit Folder(const std::filesystem::path& path)
      : path_(path), descriptor_(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
    if (!descriptor_) blame(path_, errno);
  }

  [[nodiscard]] bool has(const char* name) const {
    return descriptor_ && ::faccessat(descriptor_.get(), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  }

  /// Its whole content by one write, the inode as it was.
  void rewrite(const char* name, std::string_view text) {
    if (!descriptor_) return;
    // Without O_NONBLOCK a FIFO would be waited for.
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    const UniqueFd file{::openat(descriptor_.get(), name, kFlags, kMode)};
    const int failed = file ? put(file.get(), text) : errno;
    if (failed != 0) blame(path_ / name, failed);
  }

  /// An empty file, made unless it is there.
  void make(const char* name) {
    if (!descriptor_) return;
    const UniqueFd file{::openat(descriptor_.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode)};
    if (file) {
      ::fchmod(file.get(), kMode);
    } else if (errno != EEXIST) {
      blame(path_ / name, errno);
    }
  }

  void remove(const char* name) {
    if (descriptor_ && ::unlinkat(descriptor_.get(), name, 0) != 0 && errno != ENOENT) blame(path_ / name, errno);
  }

  [[nodiscard]] const CompatFiles::Trouble& trouble() const { return trouble_; }

 private:
  void blame(const std::filesystem::path& path, int error) {
    if (!trouble_) trouble_ = trouble_with(path, error);
  }

  std::filesystem::path path_;
  UniqueFd descriptor_;
  CompatFiles::Trouble trouble_;
};

void say(Folder& folder, std::string_view icon, std::string_view message) {
  const std::string shown = base::printable(message, kLongestMessage);
  folder.rewrite("status", fmt::format(R"({{"icon": "{}", "message": "{}"}})", icon, escaped(shown)));
  folder.rewrite("msg", shown);
}

}  // namespace

CompatFiles::Trouble CompatFiles::busy(std::string_view message) const {
  Folder runtime{runtime_};
  runtime.remove("fail");
  say(runtime, runtime.has(kFirstSuccess) ? "success" : "busy", message);
  return runtime.trouble();
}

CompatFiles::Trouble CompatFiles::success(std::string_view message, std::chrono::sys_seconds past) const {
  Trouble trouble;
  const auto keep = [&](const char* name, std::string_view text) {
    const int failed = base::replace_file(state_ / name, text, kMode, base::Keep::for_ever);
    if (failed != 0 && !trouble) trouble = trouble_with(state_ / name, failed);
  };
  keep("time-replay-protection-utc-unixtime", std::to_string(past.time_since_epoch().count()));
  keep("time-replay-protection-utc-humanreadable", base::utc_text(past));

  Folder runtime{runtime_};
  runtime.remove("fail");
  say(runtime, "success", message);
  runtime.make("success");
  // Last: whoever waits for it finds the rest in place.
  runtime.make(kFirstSuccess);
  return runtime.trouble() ? runtime.trouble() : trouble;
}

CompatFiles::Trouble CompatFiles::failure(std::string_view message) const {
  Folder runtime{runtime_};
  say(runtime, "error", message);
  runtime.make("fail");
  return runtime.trouble();
}

CompatFiles::Trouble CompatFiles::stopped(std::string_view message) const {
  Folder runtime{runtime_};
  say(runtime, "error", message);
  return runtime.trouble();
}

}  // namespace sdwdate::service
