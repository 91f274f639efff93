// seccomp: the system calls that a process can still make, by libseccomp.
#pragma once

#include <seccomp.h>

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace sdwdate::sandbox {

/// One system call, allowed where all the conditions hold; without conditions, always.
struct Rule {
  int call;
  std::vector<scmp_arg_cmp> conditions;

  // NOLINTNEXTLINE(google-explicit-constructor): most rules are a number
  Rule(int number, std::vector<scmp_arg_cmp> when = {}) : call(number), conditions(std::move(when)) {}
};

/// What happens to a call that is not allowed.
enum class Otherwise : std::uint8_t {
  kill,    ///< the process ends by SIGSYS
  refuse,  ///< the call fails with ENOSYS, for code of others that tries one call after the other
};

/// From now on and in everything started from here. Calls that this architecture does not have are passed over. Calls
/// in `deadly` end the process in any case. The process must have given up new privileges.
std::expected<void, std::string> allow_only(const std::vector<Rule>& rules, Otherwise otherwise,
                                            const std::vector<int>& deadly = {});

/// The calls' names, sorted, each once.
std::vector<std::string> names_of(const std::vector<Rule>& rules);

}  // namespace sdwdate::sandbox
