// Results for programs: schema 1.
#pragma once

#include <optional>
#include <string>

#include "service/daemon.h"

namespace sdwdate::ui {

/// A round as one line of JSON, without a line feed. All times in seconds, as doubles.
std::string to_json(const service::RoundReport& round);

/// Of the same, a heading and a record for each source, as in RFC 4180 but for its line ends, which are line feeds.
/// Instead of the error its code, no note; what is null there is empty.
std::string to_csv(const service::RoundReport& round);

/// The same with `fed`, and with the result as it was after the sanity check.
std::string to_json(const service::SyncReport& report);

/// What sdwdated writes into report.json for `sdwdate status`: UNIX times in whole seconds.
std::string to_json(const service::DaemonState& state);

}  // namespace sdwdate::ui
