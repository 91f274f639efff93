// Random numbers from the kernel's CSPRNG.
#pragma once

#include <cstdint>
#include <limits>

namespace sdwdate::base {

/// A UniformRandomBitGenerator over getrandom(2), for std::shuffle and the like.
class SystemRandom {
 public:
  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();
};

}  // namespace sdwdate::base
