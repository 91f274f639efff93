#include "sandbox/privileges.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"

namespace sdwdate::sandbox {
namespace {

std::unexpected<std::string> refused(std::string_view what) {
  return std::unexpected(fmt::format("cannot {}: {}", what, base::errno_text(errno)));
}

/// Changes the root to a new file system with nothing in it that can never be written, and lets go of the old one.
bool enter_empty_root() {
  // Any folder would do: the new root is mounted on it, and then on top of the old root (pivot_root(2), "notes").
  constexpr const char* kPlace = "/usr";
  constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("nothing", kPlace, "tmpfs", kFlags, "size=4k,nr_inodes=1") == 0 && ::chdir(kPlace) == 0 &&
         ::syscall(SYS_pivot_root, ".", ".") == 0 && ::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0;
}

}  // namespace

std::expected<void, std::string> give_up_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("give up new privileges");
  return {};
}

std::expected<void, std::string> close_memory() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return refused("close the memory to other processes");
  return {};
}

std::expected<void, std::string> give_up_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Only who has CAP_SETPCAP can lower the bounding set; without new privileges it means nothing to others.
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return refused("look at capabilities");
  // Who started us may have seen to that already, and have forbidden the call.
  const bool none = std::ranges::all_of(
      sets, [](const auto& part) { return part.effective == 0 && part.permitted == 0 && part.inheritable == 0; });
  sets = {};
  if (!none && ::syscall(SYS_capset, &header, sets.data()) != 0) return refused("give up capabilities");
  return {};
}

std::expected<void, std::string> limit_resources(std::initializer_list<Limit> limits) {
  for (const Limit& limit : limits) {
    rlimit now{};
    if (::getrlimit(limit.resource, &now) != 0) return refused("read a resource limit");
    // Whoever is limited more already stays so.
    const rlim_t most = std::min(limit.most, now.rlim_max);
    const rlimit wanted{most, most};
    if (::setrlimit(limit.resource, &wanted) != 0) return refused("lower a resource limit");
  }
  return {};
}

bool enter_empty_namespaces() {
  return ::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) == 0 &&
         enter_empty_root();
}

}  // namespace sdwdate::sandbox
