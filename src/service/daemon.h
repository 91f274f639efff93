// sdwdated's life: rounds, and the time in between.
#pragma once

#include <functional>

#include "config/config.h"
#include "service/sync.h"

namespace sdwdate::service {

/// Called after each round with what came of it and how long the wait for the next will be.
using OnRound = std::function<void(const SyncReport&, std::chrono::nanoseconds wait)>;

/// Runs rounds until the process is told to end. SIGTERM and SIGINT keep their default action: nothing is ever half
/// written, and the helpers end with their channel.
[[noreturn]] void run_daemon(const config::Config& config, const ResolveOverrides& overrides, const OnRound& on_round);

}  // namespace sdwdate::service
