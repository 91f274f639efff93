// Writing and reading the fields of a fixed-size record, one after the other, big-endian.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace sdwdate::ipc {

/// Fills a zeroed buffer. What does not fit sets failed(), and nothing more is written.
class FieldWriter {
 public:
  explicit FieldWriter(std::span<std::byte> buffer) : rest_(buffer) {}

  template <std::integral T>
  void number(T value) {
    auto bits = static_cast<std::uint64_t>(value);
    if (!room_for(sizeof(T))) return;
    for (std::size_t i = sizeof(T); i-- > 0; bits >>= 8U) rest_[i] = static_cast<std::byte>(bits & 0xFFU);
    rest_ = rest_.subspan(sizeof(T));
  }

  void duration(std::chrono::nanoseconds value) { number(std::int64_t{value.count()}); }
  void time(std::chrono::sys_seconds value) { number(std::int64_t{value.time_since_epoch().count()}); }

  void bytes(std::span<const std::uint8_t> value) {
    if (!room_for(value.size())) return;
    std::ranges::transform(value, rest_.begin(), [](std::uint8_t byte) { return std::byte{byte}; });
    rest_ = rest_.subspan(value.size());
  }

  /// A length and the text.
  void text(std::string_view value) {
    if (!room_for(sizeof(std::uint16_t) + value.size())) return;
    number(static_cast<std::uint16_t>(value.size()));
    std::ranges::transform(value, rest_.begin(), [](char c) { return static_cast<std::byte>(c); });
    rest_ = rest_.subspan(value.size());
  }

  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool room_for(std::size_t size) {
    if (rest_.size() < size) failed_ = true;
    return !failed_;
  }

  std::span<std::byte> rest_;
  bool failed_ = false;
};

/// The inverse. Reading past the end, or a flag that is neither 0 nor 1, makes it fail and yields zeroes.
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::byte> buffer) : rest_(buffer) {}

  template <std::integral T>
  T number() {
    std::uint64_t bits = 0;
    if (!room_for(sizeof(T))) return T{};
    for (std::size_t i = 0; i < sizeof(T); ++i) bits = bits << 8U | std::to_integer<std::uint64_t>(rest_[i]);
    rest_ = rest_.subspan(sizeof(T));
    return static_cast<T>(bits);
  }

  bool flag() {
    const auto value = number<std::uint8_t>();
    if (value > 1) failed_ = true;
    return value == 1;
  }

  std::chrono::nanoseconds duration() { return std::chrono::nanoseconds{number<std::int64_t>()}; }
  std::chrono::sys_seconds time() { return std::chrono::sys_seconds{std::chrono::seconds{number<std::int64_t>()}}; }

  void bytes(std::span<std::uint8_t> value) {
    if (!room_for(value.size())) return;
    std::ranges::transform(rest_.first(value.size()), value.begin(), std::to_integer<std::uint8_t>);
    rest_ = rest_.subspan(value.size());
  }

  std::string text() {
    const auto size = number<std::uint16_t>();
    if (!room_for(size)) return {};
    std::string value(size, '\0');
    std::ranges::transform(rest_.first(size), value.begin(), [](std::byte byte) { return static_cast<char>(byte); });
    rest_ = rest_.subspan(size);
    return value;
  }

  /// Did every field make sense, and does nothing but zeroes follow the last one?
  [[nodiscard]] bool complete() const {
    return !failed_ && std::ranges::all_of(rest_, [](std::byte byte) { return byte == std::byte{0}; });
  }

 private:
  bool room_for(std::size_t size) {
    if (rest_.size() < size) failed_ = true;
    return !failed_;
  }

  std::span<const std::byte> rest_;
  bool failed_ = false;
};

}  // namespace sdwdate::ipc
