// Results as people say them.
#pragma once

#include <string>
#include <string_view>

#include "service/round.h"
#include "timecore/floor.h"
#include "timecore/rough.h"
#include "timecore/sanity.h"

namespace sdwdate::service {

/// How far the bounds reach from the estimate, on the longer side.
std::chrono::nanoseconds reach(const timecore::RawBounds& bounds, timecore::RawOffset estimate);

/// "this machine's clock is 0.4 ms slow, give or take 5.1 ms"
std::string describe(const timecore::Agreed& result, const base::ClockPair& at);

/// "By Tor's consensus it is about 2026-11-23 04:05 UTC, and this machine's clock is 3.0 days slow."
std::string describe(const timecore::RoughTime& rough, const base::ClockPair& now);

/// Whose word a floor is: "two rounds said so, the first noted at ..."
std::string describe(const timecore::SavedFloor& floor);

/// What heals a floor that is from the future.
inline constexpr std::string_view kForgetFloor = "sudo sdwdate floor --reset";

/// "2026-11-23 04:05:06 UTC"
std::string utc(std::chrono::sys_seconds time);

/// Why a round did not agree, in a sentence.
std::string explain(const RoundReport& round, const timecore::Quorum& quorum);

/// By what a source's clock was read: "date", "x-httpstime", "x-timer"; "-" if it was not.
std::string_view evidence_name(const SourceReport& source);

/// What else there is to say of a source of `round` that was heard: how a falseticker disagrees, which evidence was not
/// used. Mostly nothing.
std::string note(const SourceReport& source, const RoundReport& round);

}  // namespace sdwdate::service
