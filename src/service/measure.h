// One source measured by helper processes, which are never trusted to end, to answer, or to make sense.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "service/helper_link.h"
#include "service/source.h"

namespace sdwdate::service {

/// A source's place in its round.
struct Turn {
  std::chrono::nanoseconds first_phase;  ///< how far into the raw clock's second the first request is to arrive
  base::RawTime round_started;
  std::size_t number = 0;  ///< of the sources that have been asked before it
  /// By which the measurement can be ended early; what was heard until then is the result.
  Interruption* interruption = nullptr;
};

/// Called after each exchange with all so far.
using OnExchange = std::function<void(const std::vector<timecore::Exchange>& exchanges)>;

/// When in its second a first request may come if it is to tell nothing of the local clock: at any time.
std::chrono::nanoseconds any_phase();

/// Resolves (direct mode only), starts a probe, collects its reports. Always ends: a little after the timeout at the
/// latest, and at once when interrupted, with every process it started gone. `spec` and `options` must outlive it.
boost::asio::awaitable<Reading> measure(const SourceSpec& spec, const MeasureOptions& options, Turn turn,
                                        OnExchange on_exchange);

}  // namespace sdwdate::service
