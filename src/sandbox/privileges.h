// What a process can do without for ever: privileges, resources, the sight of the rest of the machine.
#pragma once

#include <sys/resource.h>

#include <expected>
#include <initializer_list>
#include <string>

namespace sdwdate::sandbox {

/// No program started from here gains privileges.
std::expected<void, std::string> give_up_new_privileges();

/// No process of the same user may look into this one's memory, and none of it is written to disk.
std::expected<void, std::string> close_memory();

/// Every capability in every set, also of whoever is root.
std::expected<void, std::string> give_up_capabilities();

struct Limit {
  __rlimit_resource resource;
  rlim_t most;
};

/// Hard limits, so that there is no way back.
std::expected<void, std::string> limit_resources(std::initializer_list<Limit> limits);

/// Own user, mount, IPC, UTS and cgroup namespaces, with an empty folder as root. False where that is forbidden.
bool enter_empty_namespaces();

}  // namespace sdwdate::sandbox
