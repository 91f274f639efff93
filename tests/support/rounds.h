// Rounds of the bad probe: no network, no resolver, a host's name says what its probe does.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/build_info.h"
#include "service/round.h"
#include "service/run_to_end.h"
#include "support/helpers.h"

namespace sdwdate::support {

inline service::SourceSpec spec(const std::string& host, const std::string& pool = "pool") {
  return {wire::parse_url("https://" + host + "/").value(), pool, host};
}

inline service::MeasureOptions options_for(const std::vector<std::string>& hosts) {
  service::MeasureOptions options;
  options.timeout = std::chrono::seconds{1};
  // The tests' own clock may be anything after 1970: the bad probe takes it for the truth.
  const auto now = std::chrono::floor<std::chrono::seconds>(base::real_now());
  options.limits = timecore::limits_from(now - std::chrono::hours{24}, 20);
  options.launcher = bad_launcher();
  for (const std::string& host : hosts) options.overrides[{host, 443}] = {*ipc::parse_address("127.0.0.1")};
  return options;
}

/// A whole round, waited for.
inline service::RoundReport round_with(service::Lineup lineup, const service::MeasureOptions& options,
                                       const timecore::Quorum& quorum, service::OnProgress on_progress = {}) {
  return service::run_to_end(service::run_round(std::move(lineup), options, quorum, std::move(on_progress)));
}

/// All of them at the same time, each its own operator.
inline service::RoundReport round_of(const std::vector<std::string>& hosts, const service::MeasureOptions& options) {
  service::Lineup lineup;
  for (const std::string& host : hosts) lineup.add({spec(host)}, 1);
  return round_with(std::move(lineup), options, {3, 1, std::chrono::seconds{2}});
}

}  // namespace sdwdate::support
