#include "sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace sdwdate::sandbox {
namespace {

// Newer than Debian 12's headers: include/uapi/linux/landlock.h of Linux 6.12.
constexpr std::uint64_t kTruncate = 1ULL << 14;
constexpr std::uint64_t kIoctlDevice = 1ULL << 15;
constexpr std::uint64_t kBindTcp = 1ULL << 0;
constexpr std::uint64_t kConnectTcp = 1ULL << 1;
constexpr std::uint64_t kScopeAbstractSockets = 1ULL << 0;
constexpr std::uint64_t kScopeSignals = 1ULL << 1;
constexpr int kRuleNetPort = 2;

/// What the kernel calls landlock_ruleset_attr. Older kernels take the longer form if what they do not know is zero.
struct Handled {
  std::uint64_t files = 0;
  std::uint64_t net = 0;
  std::uint64_t scoped = 0;
};

struct PortRule {
  std::uint64_t access = 0;
  std::uint64_t port = 0;
};

// The interface's versions that brought something (landlock(7)).
constexpr int kSinceRefer = 2;
constexpr int kSinceTruncate = 3;
constexpr int kSinceTcp = 4;
constexpr int kSinceIoctl = 5;
constexpr int kSinceScopes = 6;

constexpr std::uint64_t kReading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWriting =
    kReading | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE | kTruncate;
/// What makes sense for something that is no folder.
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   LANDLOCK_ACCESS_FS_EXECUTE | kTruncate | kIoctlDevice;

std::uint64_t rights(Access access) {
  switch (access) {
    case Access::read: return kReading;
    case Access::read_and_execute: return kReading | LANDLOCK_ACCESS_FS_EXECUTE;
    case Access::write: return kWriting;
  }
  return 0;
}

std::uint64_t all_rights(int version) {
  std::uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (version >= kSinceRefer) all |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= kSinceTruncate) all |= kTruncate;
  if (version >= kSinceIoctl) all |= kIoctlDevice;
  return all;
}

void allow(int ruleset, const LandlockPolicy::Path& rule, std::uint64_t handled) {
  const base::UniqueFd place{::open(rule.path.c_str(), O_PATH | O_CLOEXEC)};
  struct stat status{};
  if (!place || ::fstat(place.get(), &status) != 0) return;
  landlock_path_beneath_attr beneath{};
  beneath.allowed_access = rights(rule.access) & handled & (S_ISDIR(status.st_mode) ? ~0ULL : kOfFiles);
  beneath.parent_fd = place.get();
  // What cannot be allowed stays forbidden.
  static_cast<void>(::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0));
}

}  // namespace

LandlockResult apply_landlock(const LandlockPolicy& policy) {
  const auto version =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (version < 1) return {};
  const LandlockResult result{policy.restrict_files, policy.restrict_tcp && version >= kSinceTcp,
                              policy.restrict_signals && version >= kSinceScopes};
  Handled handled;
  if (result.files) handled.files = all_rights(version);
  if (result.tcp) handled.net = kBindTcp | kConnectTcp;
  if (result.signals) handled.scoped |= kScopeSignals;
  if (policy.restrict_abstract_sockets && version >= kSinceScopes) handled.scoped |= kScopeAbstractSockets;

  const base::UniqueFd ruleset{static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0U))};
  if (!ruleset) return {};
  for (const LandlockPolicy::Path& path : policy.paths) allow(ruleset.get(), path, handled.files);
  if (result.tcp && policy.port) {
    const PortRule rule{kConnectTcp, *policy.port};
    static_cast<void>(::syscall(SYS_landlock_add_rule, ruleset.get(), kRuleNetPort, &rule, 0));
  }
  return ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0 ? result : LandlockResult{};
}

}  // namespace sdwdate::sandbox
