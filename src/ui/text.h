// Results for people.
#pragma once

#include <iosfwd>
#include <string>

#include "service/sync.h"

namespace sdwdate::ui {

/// "Agreed by 3 of 4 sources: this machine's clock is ...", or what it comes to with one source alone.
std::string conclusion(const service::RoundReport& round, const timecore::Agreed& result);

/// A table of the sources, then a line for each one that failed or disagrees. `verbose` adds bounds and bytes.
void print_sources(std::ostream& out, const service::RoundReport& round, bool verbose);

/// The same for whole pools: sources by their operator, what came of each pool, and what all say together.
void print_survey(std::ostream& out, const service::RoundReport& round, bool verbose);

/// All about one round that was to feed chrony: sources, agreement, what chrony got, warnings.
void print_sync(std::ostream& out, const service::SyncReport& report, const std::string& socket, bool verbose);

}  // namespace sdwdate::ui
