#include "net/connect.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <memory>
#include <optional>

namespace sdwdate::net {
namespace {

using base::ErrorCode;
using base::SourceError;
using base::SourceResult;
using ipc::IpAddress;
using Error = boost::system::error_code;

constexpr auto kAttemptDelay = std::chrono::milliseconds{250};  // RFC 8305 section 8

tcp::endpoint endpoint_of(const IpAddress& address, std::uint16_t port) {
  if (address.v6) return {asio::ip::address_v6{address.bytes}, port};
  asio::ip::address_v4::bytes_type v4{};
  std::copy_n(address.bytes.begin(), v4.size(), v4.begin());
  return {asio::ip::address_v4{v4}, port};
}

/// Attempts that run at the same time. Shared with their coroutines: a loser may end after the race.
struct Race {
  explicit Race(const asio::any_io_executor& executor) : news(executor) {}

  asio::steady_timer news;  ///< cancelled whenever an attempt ends
  std::list<tcp::socket> sockets;
  tcp::socket* winner = nullptr;
  std::size_t running = 0;
  Error last_error;
};

awaitable<void> attempt(std::shared_ptr<Race> race, tcp::endpoint endpoint) {
  tcp::socket& socket = race->sockets.emplace_back(co_await asio::this_coro::executor);
  ++race->running;
  const auto [error] = co_await socket.async_connect(endpoint, kAwait);
  --race->running;
  if (error) {
    race->last_error = error;
  } else if (race->winner == nullptr) {
    race->winner = &socket;
  }
  race->news.cancel();
}

/// Waits until an attempt ends, or for `time`.
awaitable<void> wait_for_news(Race& race, std::chrono::steady_clock::duration time) {
  race.news.expires_after(time);
  const auto [cancelled] = co_await race.news.async_wait(kAwait);
  static_cast<void>(cancelled);
}

SourceError connect_error(const Error& error, const std::vector<IpAddress>& addresses, std::uint16_t port) {
  std::string tried;
  for (const IpAddress& address : addresses) {
    tried += fmt::format("{}{}", tried.empty() ? "" : ", ", ipc::to_string(address));
  }
  return {ErrorCode::connect, fmt::format("cannot connect to port {} of {}: {}", port, tried, error.message())};
}

}  // namespace

awaitable<SourceResult<Stream>> connect(const std::vector<IpAddress>& addresses, std::uint16_t port) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto race = std::make_shared<Race>(executor);
  for (const IpAddress& address : ipc::interleave(addresses)) {
    asio::co_spawn(executor, attempt(race, endpoint_of(address, port)), asio::detached);
    co_await wait_for_news(*race, kAttemptDelay);
    if (race->winner != nullptr) break;
  }
  while (race->winner == nullptr && race->running > 0) co_await wait_for_news(*race, std::chrono::hours{1});

  std::optional<tcp::socket> won;
  if (race->winner != nullptr) won = std::move(*race->winner);
  for (tcp::socket& socket : race->sockets) {
    Error ignored;
    socket.close(ignored);
  }
  if (!won) co_return std::unexpected(connect_error(race->last_error, addresses, port));

  Error ignored;
  won->set_option(tcp::no_delay{true}, ignored);
  won->native_non_blocking(true, ignored);
  co_return Stream{*std::move(won)};
}

awaitable<SourceResult<void>> connect_through(Stream& proxy, const std::string& host, std::uint16_t port,
                                              const wire::SocksCredentials& credentials) {
  wire::SocksClient client{host, port, credentials};
  std::string reply;
  while (!client.done()) {
    const auto [write_error, written] = co_await asio::async_write(proxy, asio::buffer(client.to_send()), kAwait);
    reply.resize(client.wanted());
    const auto [read_error, read] = co_await asio::async_read(proxy, asio::buffer(reply), kAwait);
    if (write_error || read_error) {
      const Error error = write_error ? write_error : read_error;
      co_return std::unexpected(SourceError{
          ErrorCode::proxy, fmt::format("the proxy broke off the SOCKS5 conversation: {}", error.message())});
    }
    if (auto fed = client.feed(reply); !fed) {
      fed.error().message = fmt::format("the proxy: {}", fed.error().message);
      co_return std::unexpected(fed.error());
    }
  }
  co_return SourceResult<void>{};
}

}  // namespace sdwdate::net
