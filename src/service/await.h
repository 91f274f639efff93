// How src/service waits: error codes as values, never an exception.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sdwdate::service {

/// Completion token: `auto [error, ...] = co_await op(kAwait)`.
inline constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace sdwdate::service
