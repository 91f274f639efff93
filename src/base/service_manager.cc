#include "base/service_manager.h"

#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>

#include "base/unix_socket.h"

namespace sdwdate::base {
namespace {

std::optional<std::uint64_t> number_from_environment(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const std::string_view digits{text};
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

void notify_manager(std::string_view assignments) {
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  if (socket == nullptr) return;
  // Nobody could be told that telling failed.
  static_cast<void>(send_datagram(socket, std::as_bytes(std::span{assignments})));
}

std::optional<std::chrono::microseconds> watchdog_limit() {
  const auto limit = number_from_environment("WATCHDOG_USEC");
  if (!limit || *limit == 0 || *limit > INT64_MAX) return std::nullopt;
  const auto meant_for = number_from_environment("WATCHDOG_PID");
  if (meant_for && *meant_for != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
  return std::chrono::microseconds{static_cast<std::int64_t>(*limit)};
}

}  // namespace sdwdate::base
