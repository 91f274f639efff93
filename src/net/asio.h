// How this project uses Boost.Asio: one thread, coroutines, error codes as values.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sdwdate::net {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
/// A connected stream: TCP, or UNIX to a proxy.
using Stream = asio::generic::stream_protocol::socket;

/// Completion token: `auto [error, ...] = co_await op(kAwait)`, never an exception.
inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

}  // namespace sdwdate::net
