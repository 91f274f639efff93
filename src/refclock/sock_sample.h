// The datagram of chrony's `refclock SOCK` driver (refclock_sock.c in chrony's source).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>

#include "timecore/offset.h"

namespace sdwdate::refclock {

/// One sample: at `taken` on the system clock, the reference was `offset` ahead of it.
struct Sample {
  base::RealTime taken;
  timecore::Offset offset;
};

/// Why chronyd would drop a sample without a word (UTI_IsTimeOffsetSane in chrony's util.c).
enum class Unacceptable : std::uint8_t {
  too_early,  ///< before the window of 2^32 s to which chronyd maps NTP time
  too_late,   ///< after it
};

/// Two 64-bit words of time, an offset in seconds as a double, four ints: native byte order and layout.
inline constexpr std::size_t kDatagramSize = 40;
using Datagram = std::array<std::byte, kDatagramSize>;

/// Refuses what chronyd would refuse. The window's place depends on the day chronyd was built, 50 years after
/// its start; here it is what is common to every chronyd from version 4.3 up to one built with this program.
std::expected<Datagram, Unacceptable> encode(const Sample& sample);

}  // namespace sdwdate::refclock
