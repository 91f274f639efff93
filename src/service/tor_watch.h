// Waiting for Tor, by its control port: a round over a Tor that does not work yet would only burn its failure budget.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "ipc/launcher.h"
#include "ipc/tor_records.h"
#include "timecore/rough.h"

namespace sdwdate::service {

/// What Tor's control port said.
struct TorFacts {
  std::optional<ipc::TorState> state;  ///< the newest
  /// Clocks of relays that Tor found to differ from ours, in the order in which it said so.
  std::vector<timecore::RelayClock> relays;
  /// Why Tor could not be asked, in a sentence; empty if it was.
  std::string unavailable;

  /// Known not to work; not knowing is no reason to wait.
  [[nodiscard]] bool known_not_to_work() const { return state && !state->works(); }
  [[nodiscard]] timecore::RoughEvidence evidence() const;
};

/// "Tor is at 40 % (Loading authority key certs)"
std::string describe(const ipc::TorState& state);

/// Called with each new state while waiting.
using OnTorState = std::function<void(const ipc::TorState&)>;

/// Asked whether these facts show that Tor cannot work: then it is not waited for much longer.
using IsHopeless = std::function<bool(const TorFacts&)>;

/// Wakes Tor if it sleeps, and asks how it is; ends when it works, when it cannot be asked, or after `patience`,
/// which is shorter while it `is_hopeless`.
/// `config` must name a control port and outlive this.
boost::asio::awaitable<TorFacts> await_tor(const config::Config& config, std::shared_ptr<ipc::Launcher> launcher,
                                           OnTorState on_state, IsHopeless is_hopeless,
                                           std::chrono::nanoseconds patience);

}  // namespace sdwdate::service
