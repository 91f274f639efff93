// One source measured by helper processes, which are never trusted to end, to answer, or to make sense.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "service/source.h"

namespace sdwdate::service {

/// Called with the number of exchanges after each.
using OnExchange = std::function<void(std::size_t exchanges)>;

/// Resolves (direct mode only), starts a probe, collects its reports. Always ends: a little after the timeout at the
/// latest, with every process it started gone. `spec` and `options` must outlive it.
boost::asio::awaitable<Reading> measure(const SourceSpec& spec, const MeasureOptions& options, OnExchange on_exchange);

}  // namespace sdwdate::service
