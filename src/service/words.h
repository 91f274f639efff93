// Results as people say them.
#pragma once

#include <string>

#include "service/round.h"
#include "timecore/sanity.h"

namespace sdwdate::service {

/// How far the bounds reach from the estimate, on the longer side.
std::chrono::nanoseconds reach(const timecore::RawBounds& bounds, timecore::RawOffset estimate);

/// "this machine's clock is 0.4 ms slow, give or take 5.1 ms"
std::string describe(const timecore::Agreed& result, const base::ClockPair& at);

/// "2026-11-23 04:05:06 UTC"
std::string utc(std::chrono::sys_seconds time);

/// What is wrong with a falseticker, as the end of a sentence: "late by about 400 ms: ..."
std::string describe_falseticker(const SourceReport& source, const timecore::Agreement& agreement);

/// Why a round did not agree, in a sentence.
std::string explain(const RoundReport& round, const timecore::Quorum& quorum);

}  // namespace sdwdate::service
