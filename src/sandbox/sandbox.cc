#include "sandbox/sandbox.h"

#include <fmt/format.h>

#include "sandbox/landlock.h"
#include "sandbox/privileges.h"
#include "sandbox/roles.h"

namespace sdwdate::sandbox {
namespace {

constexpr rlim_t kMebibyte = rlim_t{1024} * 1024;
/// Of data. A probe needs 3 MiB, a resolver 1 MiB.
constexpr rlim_t kHelperMemory = 64 * kMebibyte;
/// A measurement needs a hundredth of a second of processor time.
constexpr rlim_t kHelperSeconds = 5;
/// Two for each address that may be tried, and what the event loop has.
constexpr rlim_t kHelperDescriptors = 32;
constexpr std::uint16_t kDomain = 53;

Missing missing_of(const LandlockResult& landlock) {
  Missing missing;
  missing.add(Layer::files, landlock.files);
  missing.add(Layer::ports, landlock.tcp);
  missing.add(Layer::signals, landlock.signals);
  return missing;
}

/// A sanitizer's run time reserves terabytes, looks at this process in /proc and from another one, and asks the kernel
/// what it likes: all that can be had beside it is no privileges.
constexpr bool kSanitized =
#ifdef SDWDATE_SANITIZED
    true;
#else
    false;
#endif

using Done = std::expected<void, std::string>;

Done limit_helper() {
  return limit_resources({{RLIMIT_FSIZE, 0},
                          {RLIMIT_NPROC, 0},
                          {RLIMIT_CORE, 0},
                          {RLIMIT_MEMLOCK, 0},
                          {RLIMIT_MSGQUEUE, 0},
                          {RLIMIT_NOFILE, kHelperDescriptors},
                          {RLIMIT_DATA, kHelperMemory},
                          {RLIMIT_CPU, kHelperSeconds}});
}

Done limit_service() {
  return limit_resources({{RLIMIT_NPROC, 0}, {RLIMIT_CORE, 0}, {RLIMIT_MEMLOCK, 0}, {RLIMIT_MSGQUEUE, 0}});
}

/// Nothing that Landlock and namespaces could give.
Missing all_missing() { return missing_of({}); }

/// All roles but the launcher, in the one order that works.
Confined confine(Done (*limit)(), const LandlockPolicy& policy, const std::vector<Rule>& rules, Otherwise otherwise) {
  if (kSanitized) {
    const Done done = give_up_capabilities();
    return done ? Confined{all_missing()} : std::unexpected(done.error());
  }
  if (auto done = close_memory(); !done) return std::unexpected(done.error());
  if (auto done = limit(); !done) return std::unexpected(done.error());
  if (auto done = give_up_capabilities(); !done) return std::unexpected(done.error());
  const LandlockResult landlock = apply_landlock(policy);
  if (auto done = allow_only(rules, otherwise, deadly_calls()); !done) return std::unexpected(done.error());
  return missing_of(landlock);
}

}  // namespace

std::string Missing::in_words() const {
  std::string words;
  const auto name = [&](Layer layer, std::string_view what) {
    if (has(layer)) words += fmt::format("{}{}", words.empty() ? "" : ", ", what);
  };
  name(Layer::files, "files (no Landlock)");
  name(Layer::ports, "TCP ports (Landlock of Linux 6.7)");
  name(Layer::signals, "signals (Landlock of Linux 6.12)");
  name(Layer::namespaces, "own namespaces");
  return words;
}

Confined confine_probe(std::optional<std::uint16_t> port) {
  if (auto done = give_up_new_privileges(); !done) return std::unexpected(done.error());
  const bool namespaces = !kSanitized && enter_empty_namespaces();
  auto missing =
      confine(limit_helper, {.paths = {}, .restrict_tcp = true, .port = port, .restrict_abstract_sockets = true},
              probe_rules(), Otherwise::kill);
  if (missing) missing->add(Layer::namespaces, namespaces);
  return missing;
}

Confined confine_resolve() {
  if (auto done = give_up_new_privileges(); !done) return std::unexpected(done.error());
  // Where a system may keep its resolver's configuration and libraries; not home folders, /proc or /var.
  LandlockPolicy policy{.paths = {}, .restrict_tcp = true, .port = kDomain};
  for (const char* folder : {"/etc", "/run", "/usr", "/lib", "/lib64"}) policy.paths.push_back({folder, Access::read});
  return confine(limit_helper, policy, resolve_rules(), Otherwise::refuse);
}

Confined confine_launch() {
  if (auto done = give_up_new_privileges(); !done) return std::unexpected(done.error());
  if (auto done = give_up_capabilities(); !done) return std::unexpected(done.error());
  return Missing{};
}

Confined confine_service(const ServicePaths& paths) {
  if (auto done = give_up_new_privileges(); !done) return std::unexpected(done.error());
  LandlockPolicy policy{.paths = {}, .restrict_tcp = true};
  for (const auto& path : paths.read) policy.paths.push_back({path, Access::read});
  for (const auto& path : paths.write) policy.paths.push_back({path, Access::write});
  return confine(limit_service, policy, service_rules(), Otherwise::refuse);
}

std::vector<std::string> allowed_calls(Role role) {
  switch (role) {
    case Role::probe: return names_of(probe_rules());
    case Role::resolve: return names_of(resolve_rules());
    case Role::service: return names_of(service_rules());
  }
  return {};
}

}  // namespace sdwdate::sandbox
