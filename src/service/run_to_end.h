// A coroutine where a command waits for a result.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>

namespace sdwdate::service {

/// Runs `work` on an event loop of its own until it is done.
template <typename T>
T run_to_end(boost::asio::awaitable<T> work) {
  boost::asio::io_context context{1};
  std::optional<T> result;
  boost::asio::co_spawn(context, std::move(work), [&](const std::exception_ptr& error, T value) {
    if (error) std::rethrow_exception(error);
    result.emplace(std::move(value));
  });
  context.run();
  return std::move(result).value();
}

}  // namespace sdwdate::service
