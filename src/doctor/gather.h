// Gathering the doctor's facts: reads files, asks systemd and chronyd, changes nothing. As an ordinary user some facts
// stay unknown, and say so.
#pragma once

#include "base/error.h"
#include "config/config.h"
#include "doctor/facts.h"

namespace sdwdate::doctor {

/// What concerns chronyd alone.
ChronyFacts gather_chrony(const config::Config& config);

/// Everything. Without a configuration, the places are those of its defaults.
Facts gather(const config::ConfigResult<config::Config>& config);

/// The sources of a configuration, counted.
SourceFacts count_sources(const config::Config& config);

/// sdwdated's report.json.
Known<DaemonReport> parse_daemon_report(std::string_view text);

/// The configuration that a chronyd's arguments name; empty if none.
std::string configuration_of(const machine::Process& chronyd);

/// Those that chronyds started themselves are not among them.
std::vector<machine::Process> chronyds_of(const std::vector<machine::Process>& processes);

}  // namespace sdwdate::doctor
