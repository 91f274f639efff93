// Who can change what we rely on: a file whose content strangers choose says what strangers want.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace sdwdate::base {

/// Users whom we trust with a thing. Root is one of them in any case.
using TrustedUsers = std::span<const uid_t>;

/// "a folder", "a FIFO", ...
std::string_view kind_of(mode_t mode);

/// How strangers can change a file or a link, or what is in a folder ("everybody may write to it (mode 0666)"), and
/// what `path` needs against it. Pure.
struct Exposure {
  std::string how;
  std::string remedy;  ///< a command line
};

/// Nothing if only root and trusted users can. In a sticky folder, such as /tmp, strangers can only add: what belongs
/// to somebody else they can neither rename nor remove. A link has no mode, and a device keeps nothing.
/// The remedy against a stranger as the owner is `owner`.
std::optional<Exposure> exposure(const std::filesystem::path& path, const struct stat& status, TrustedUsers trusted,
                                 std::string_view owner = "root");

/// Follows a path link by link, each looked at in a folder that is held open: what was judged is what is used. Whoever
/// has told us a path answers for the folders above the one with the name; those of links count in the same way.
class Trail {
 public:
  explicit Trail(std::filesystem::path path);

  /// Looks at the next name: false if it cannot be had, with the reason in error().
  bool step();
  [[nodiscard]] int error() const { return error_; }

  /// Where the last step led, which differs from the path given once a link was followed.
  [[nodiscard]] const std::filesystem::path& path() const { return here_; }
  [[nodiscard]] std::filesystem::path folder_path() const;
  [[nodiscard]] const struct stat& folder() const { return folder_status_; }
  [[nodiscard]] const struct stat& entry() const { return entry_status_; }
  [[nodiscard]] bool is_link() const { return S_ISLNK(entry_status_.st_mode); }
  /// A descriptor of this process, which whoever started it chose (/dev/stdin, a shell's process substitution).
  [[nodiscard]] bool is_own_descriptor() const;
  /// Has a link been followed already?
  [[nodiscard]] bool was_led() const { return links_ > 0; }

  /// Opens the entry, which is followed if it is a link only if it is a descriptor of our own.
  [[nodiscard]] UniqueFd open(int flags) const;
  /// Makes where the link leads the next name.
  bool follow();

 private:
  std::filesystem::path here_;
  UniqueFd folder_;
  struct stat folder_status_{};
  struct stat entry_status_{};
  int links_ = 0;
  int error_ = 0;
};

/// The whole of a file that decides what this program does: at most 4 MiB, and nobody but root and the user who runs
/// this can write to it or put another one in its place. Otherwise a sentence that says what is wrong and what to do.
std::expected<std::string, std::string> read_guarded_file(const std::filesystem::path& path);

/// The same for a file that somebody else is going to read: what is wrong with it, if anything.
std::optional<std::string> check_guarded_file(const std::filesystem::path& path);

}  // namespace sdwdate::base
