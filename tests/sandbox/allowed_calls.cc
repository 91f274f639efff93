// Prints the system calls that each role may make: a line for each role, its name first.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string_view>
#include <utility>

#include "sandbox/sandbox.h"

int main() {
  using sdwdate::sandbox::Role;
  constexpr std::array<std::pair<std::string_view, Role>, 3> kRoles{
      {{"sdwdate-probe", Role::probe}, {"sdwdate-resolve", Role::resolve}, {"sdwdated", Role::service}}};
  for (const auto& [name, role] : kRoles) {
    fmt::print("{} {}\n", name, fmt::join(sdwdate::sandbox::allowed_calls(role), " "));
  }
}
