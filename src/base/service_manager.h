// What systemd asks of a service of Type=notify: the readiness protocol of sd_notify(3), and its watchdog.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sdwdate::base {

/// Sends assignments such as "READY=1\nSTATUS=..." to whoever started us; does nothing if nobody asked for them.
void notify_manager(std::string_view assignments);

/// How often the manager wants to hear WATCHDOG=1 at least; empty if it does not.
std::optional<std::chrono::microseconds> watchdog_limit();

}  // namespace sdwdate::base
