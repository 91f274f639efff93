// What every fuzz target needs: its input as text, and a check that also holds in builds without assertions.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// What libFuzzer, or replay.cc, calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace sdwdate::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the process, and so reports a find, unless `property` holds.
inline void require(bool property, const char* sentence) {
  if (property) return;
  std::fprintf(stderr, "This does not hold: %s\n", sentence);
  std::abort();
}

}  // namespace sdwdate::fuzz
