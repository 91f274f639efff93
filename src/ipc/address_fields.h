// IP addresses as fields of a record.
#pragma once

#include <optional>
#include <vector>

#include "ipc/address.h"
#include "ipc/fields.h"

namespace sdwdate::ipc {

inline void write_addresses(FieldWriter& writer, const std::vector<IpAddress>& addresses) {
  writer.number(static_cast<std::uint8_t>(addresses.size()));
  for (const IpAddress& address : addresses) {
    writer.number(static_cast<std::uint8_t>(address.v6));
    writer.bytes(address.bytes);
  }
}

/// Empty on more than `most`.
inline std::optional<std::vector<IpAddress>> read_addresses(FieldReader& reader, std::size_t most) {
  const auto count = reader.number<std::uint8_t>();
  if (count > most) return std::nullopt;
  std::vector<IpAddress> addresses(count);
  for (IpAddress& address : addresses) {
    address.v6 = reader.flag();
    reader.bytes(address.bytes);
  }
  return addresses;
}

}  // namespace sdwdate::ipc
