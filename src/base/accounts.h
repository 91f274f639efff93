// The names of users and groups.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace sdwdate::base {

inline constexpr const char* kUsersFile = "/etc/passwd";
inline constexpr const char* kGroupsFile = "/etc/group";

/// The number of the user with this name.
std::optional<uid_t> user_number(std::string_view name);

/// The name of a user, or the number if it has none.
std::string user_name(uid_t user);

/// The same of a group.
std::string group_name(gid_t group);

}  // namespace sdwdate::base
