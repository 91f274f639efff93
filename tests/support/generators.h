// Generators that several property tests share.
#pragma once

#include <rapidcheck.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace sdwdate::support {

/// Uniform in [least, most] whatever RapidCheck's size is: early cases are no tamer than late ones.
template <typename T>
rc::Gen<T> uniform(T least, T most) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<T>(least, static_cast<T>(most + 1)));
}

inline rc::Gen<std::chrono::nanoseconds> duration(std::chrono::nanoseconds least, std::chrono::nanoseconds most) {
  return rc::gen::map(uniform<std::int64_t>(least.count(), most.count()),
                      [](std::int64_t count) { return std::chrono::nanoseconds{count}; });
}

/// From nothing to 17 s, every order of magnitude equally likely: mostly small, sometimes huge.
inline rc::Gen<std::chrono::nanoseconds> heavy_tailed() {
  return rc::gen::mapcat(uniform(0, 34), [](int bits) {
    return duration(std::chrono::nanoseconds{0}, std::chrono::nanoseconds{std::int64_t{1} << bits});
  });
}

/// Any bytes, NUL among them.
inline rc::Gen<std::string> any_bytes() {
  return rc::gen::container<std::string>(
      rc::gen::map(uniform(0, 255), [](int byte) { return static_cast<char>(byte); }));
}

/// Characters of `alphabet` in any order.
inline rc::Gen<std::string> any_text_of(const std::string& alphabet) {
  return rc::gen::container<std::string>(rc::gen::elementOf(alphabet));
}

}  // namespace sdwdate::support
