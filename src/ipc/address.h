// IP addresses as they cross the process boundary.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sdwdate::ipc {

struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  ///< network order; an IPv4 address uses the first four

  bool operator==(const IpAddress&) const = default;
};

/// "192.0.2.1" or "2001:db8::1", without brackets.
std::optional<IpAddress> parse_address(std::string_view text);
std::string to_string(const IpAddress& address);

/// RFC 8305 section 4: the resolver's order kept within each family, the families taking turns, and the family that
/// came first going first. Whoever cuts a list of addresses short must do this before: else there may be one family
/// left.
std::vector<IpAddress> interleave(const std::vector<IpAddress>& addresses);

}  // namespace sdwdate::ipc
