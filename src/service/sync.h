// One configured round from the draw to chrony: what `sdwdate sync` and each turn of sdwdated do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "service/round.h"

namespace sdwdate::service {

/// How a configuration's sources are asked. `overrides` come from the command line.
MeasureOptions measure_options(const config::Config& config, const timecore::TimeLimits& limits,
                               const ResolveOverrides& overrides);

/// What is the matter with a configuration as a whole that no single line shows, if anything.
std::optional<base::UserError> check(const config::Config& config);

struct SyncReport {
  RoundReport round;
  /// The agreed result after the sanity check, at round.at; set if the round agreed and is sane.
  std::optional<timecore::Agreed> result;
  bool fed = false;
  base::ExitCode code = base::ExitCode::no_agreement;
  /// Why not done, in a sentence; empty when done.
  std::string refusal;
  /// What else a person should know.
  std::vector<std::string> warnings;
};

/// Draws, measures, agrees, checks, feeds chrony, saves the floor.
SyncReport sync(const config::Config& config, const ResolveOverrides& overrides, const OnProgress& on_progress);

/// Why a round did not agree, in a sentence.
std::string explain(const RoundReport& round, const timecore::Quorum& quorum);

}  // namespace sdwdate::service
