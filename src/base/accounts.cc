#include "base/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <cstdio>
#include <memory>

namespace sdwdate::base {
namespace {

struct CloseFile {
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): this is the owner's deleter
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};

/// The name of the entry with this number, read by glibc without the name service: that would load libraries.
template <typename Entry>
std::string name_in(const char* path, Entry* (*next)(std::FILE*), auto number_of, auto name_of, unsigned number) {
  const std::unique_ptr<std::FILE, CloseFile> file{std::fopen(path, "re")};
  while (file) {
    const Entry* const entry = next(file.get());
    if (entry == nullptr) break;
    if (entry->*number_of == number) return entry->*name_of;
  }
  return std::to_string(number);
}

}  // namespace

std::optional<uid_t> user_number(std::string_view name) {
  const std::unique_ptr<std::FILE, CloseFile> file{std::fopen(kUsersFile, "re")};
  while (file) {
    const passwd* const entry = ::fgetpwent(file.get());
    if (entry == nullptr) break;
    if (entry->pw_name == name) return entry->pw_uid;
  }
  return std::nullopt;
}

std::string user_name(uid_t user) { return name_in(kUsersFile, ::fgetpwent, &passwd::pw_uid, &passwd::pw_name, user); }

std::string group_name(gid_t group) {
  return name_in(kGroupsFile, ::fgetgrent, &::group::gr_gid, &::group::gr_name, group);
}

}  // namespace sdwdate::base
