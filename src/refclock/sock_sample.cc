#include "refclock/sock_sample.h"

#include <bit>
#include <cstring>

#include "base/build_info.h"

namespace sdwdate::refclock {
namespace {

using std::chrono::seconds;
using timecore::sys_seconds;

constexpr std::int32_t kMagic = 0x534f434b;  // "SOCK"
constexpr seconds kEra{std::int64_t{1} << 32U};
constexpr seconds kBeforeBuild = std::chrono::hours{24} * 365 * 50;
/// chrony 4.3 came out on 31 August 2022: no chronyd that we feed has an earlier window.
constexpr sys_seconds kOldestBuild = std::chrono::sys_days{std::chrono::year{2022} / 8 / 31};

template <typename T>
void put(Datagram& datagram, std::size_t position, T value) {
  const auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
  std::memcpy(datagram.data() + position, bytes.data(), bytes.size());
}

}  // namespace

std::expected<Datagram, Unacceptable> encode(const Sample& sample) {
  const base::RealTime reference = sample.taken + sample.offset.value;
  if (reference < base::build_floor() - kBeforeBuild) return std::unexpected(Unacceptable::too_early);
  if (reference > kOldestBuild - kBeforeBuild + kEra) return std::unexpected(Unacceptable::too_late);

  const auto whole = std::chrono::floor<seconds>(sample.taken);
  const auto microseconds = std::chrono::floor<std::chrono::microseconds>(sample.taken - whole);
  // What `tv` cannot hold of the nanoseconds is cut off: the offset was the same a microsecond ago.
  const std::chrono::duration<double> offset = sample.offset.value;

  Datagram datagram{};
  put(datagram, 0, std::int64_t{whole.time_since_epoch().count()});
  put(datagram, 8, std::int64_t{microseconds.count()});
  put(datagram, 16, offset.count());
  put(datagram, 24, std::int32_t{0});  // pulse: this is no pulse per second
  put(datagram, 28, std::int32_t{0});  // leap: HTTP says nothing of leap seconds
  put(datagram, 36, kMagic);           // 32 is padding
  return datagram;
}

}  // namespace sdwdate::refclock
