#include "sandbox/system_calls.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <set>

#include "base/error.h"

namespace sdwdate::sandbox {
namespace {

struct ReleaseFilter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};

std::unexpected<std::string> refused(int error) {
  return std::unexpected(fmt::format("cannot restrict system calls by seccomp: {}", base::errno_text(-error)));
}

}  // namespace

std::expected<void, std::string> allow_only(const std::vector<Rule>& rules, Otherwise otherwise,
                                            const std::vector<int>& deadly) {
  const std::uint32_t fate = otherwise == Otherwise::kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS);
  const std::unique_ptr<void, ReleaseFilter> filter{::seccomp_init(fate)};
  if (!filter) return refused(-ENOMEM);
  // The calls of another architecture (32 bits on a 64-bit kernel) have other numbers.
  if (const int error = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS); error != 0) {
    return refused(error);
  }
  for (const Rule& rule : rules) {
    if (rule.call < 0) continue;
    const int error = ::seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, rule.call,
                                               static_cast<unsigned>(rule.conditions.size()), rule.conditions.data());
    if (error != 0) return refused(error);
  }
  for (const int call : deadly) {
    if (call < 0 || otherwise == Otherwise::kill) continue;
    if (const int error = ::seccomp_rule_add_array(filter.get(), SCMP_ACT_KILL_PROCESS, call, 0, nullptr); error != 0) {
      return refused(error);
    }
  }
  if (const int error = ::seccomp_load(filter.get()); error != 0) return refused(error);
  return {};
}

std::vector<std::string> names_of(const std::vector<Rule>& rules) {
  struct Free {
    // NOLINTNEXTLINE(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory): libseccomp's interface
    void operator()(char* text) const { std::free(text); }
  };
  std::set<std::string> names;
  for (const Rule& rule : rules) {
    const std::unique_ptr<char, Free> name{::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, rule.call)};
    if (rule.call >= 0 && name) names.insert(name.get());
  }
  return {names.begin(), names.end()};
}

}  // namespace sdwdate::sandbox
