// What is claimed of a result's error, the path's share included. Pure.
#pragma once

#include "service/round.h"

namespace sdwdate::service {

/// The standard error that is claimed of a source's estimate: what the answers leave open, and what a path of this
/// length can do that is not as long one way as the other. Zero for one without a claim.
std::chrono::nanoseconds standard_error(const SourceReport& source);

/// Of a round's: the truechimers' median. More of them do not make it smaller, for they may share what is wrong with
/// their paths: the first mile.
std::chrono::nanoseconds standard_error(const RoundReport& round);

/// How long a round's paths are: the median of its truechimers' smallest delays.
std::chrono::nanoseconds typical_delay(const RoundReport& round);

}  // namespace sdwdate::service
