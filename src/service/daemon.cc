#include "service/daemon.h"

#include <thread>

#include "base/random.h"
#include "timecore/schedule.h"

namespace sdwdate::service {

void run_daemon(const config::Config& config, const ResolveOverrides& overrides, const OnRound& on_round) {
  timecore::Schedule schedule{config.schedule};
  base::SystemRandom random;
  while (true) {
    const SyncReport report = sync(config, overrides, {});
    const bool done = report.code == base::ExitCode::done;
    const auto wait = done ? schedule.after_success(random()) : schedule.after_failure(random());
    on_round(report, wait);
    std::this_thread::sleep_for(wait);
  }
}

}  // namespace sdwdate::service
