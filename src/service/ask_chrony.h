// Asking chronyd over sockets behind which systemd runs one fixed chronyc command for each connection.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <expected>
#include <string>

namespace sdwdate::service {

/// How long chronyc may take, started by systemd.
inline constexpr auto kChronycPatience = std::chrono::seconds{10};

/// Connects to `path` and reads until the other side closes; sends nothing, for there is nothing to choose. Ends after
/// `patience` at the latest. The error is a sentence: what is wrong and what to do.
boost::asio::awaitable<std::expected<std::string, std::string>> ask_chrony(std::string path,
                                                                           std::chrono::nanoseconds patience);

/// The same for commands that do nothing else meanwhile.
std::expected<std::string, std::string> ask_chrony_and_wait(std::string path, std::chrono::nanoseconds patience);

}  // namespace sdwdate::service
