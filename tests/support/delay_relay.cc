// A path of a given length, for tests and benchmarks: this kernel's loopback has none.
//
//   delay_relay PORT SERVER-PORT THERE-MS BACK-MS JITTER-PERCENT SEED
//
// Carries each connection to 127.0.0.1 from one port to another, every piece so much later, in order. With jitter each
// piece takes an amount of its own, normally distributed. Connecting to it takes no time; the first answer does.
#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <random>
#include <string>

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

/// How long each piece takes one way.
class Delay {
 public:
  Delay(double milliseconds, double jitter_percent, std::uint64_t seed)
      : usual_(milliseconds), jitter_(jitter_percent / 100), random_(seed) {}

  Clock::duration draw() {
    const double varied = usual_.count() * (1 + jitter_ * std::normal_distribution{}(random_));
    return std::chrono::round<Clock::duration>(std::chrono::duration<double, std::milli>{std::max(varied, 0.0)});
  }

 private:
  std::chrono::duration<double, std::milli> usual_;
  double jitter_;
  std::mt19937_64 random_;
};

/// One direction of one connection.
struct Pipe {
  struct Piece {
    Clock::time_point due;
    std::string bytes;  ///< empty: the end
  };

  explicit Pipe(const asio::any_io_executor& executor) : news(executor, Clock::time_point::max()) {}

  std::deque<Piece> pieces;
  asio::steady_timer news;  ///< cancelled when there is a new piece
};

using Socket = std::shared_ptr<tcp::socket>;

awaitable<void> take(Socket from, std::shared_ptr<Pipe> pipe, Delay& delay) {
  std::array<char, 65536> buffer{};
  Clock::time_point last{};
  while (true) {
    const auto [error, size] = co_await from->async_read_some(asio::buffer(buffer), kAwait);
    last = std::max(last, Clock::now() + delay.draw());  // TCP keeps the order
    pipe->pieces.push_back({last, std::string{buffer.data(), error ? 0 : size}});
    pipe->news.cancel();
    if (error) co_return;
  }
}

awaitable<void> give(Socket into, std::shared_ptr<Pipe> pipe) {
  asio::steady_timer timer{into->get_executor()};
  while (true) {
    if (pipe->pieces.empty()) {
      co_await pipe->news.async_wait(kAwait);
      continue;
    }
    const Pipe::Piece piece = std::move(pipe->pieces.front());
    pipe->pieces.pop_front();
    timer.expires_at(piece.due);
    co_await timer.async_wait(kAwait);
    if (piece.bytes.empty()) break;
    const auto [error, size] = co_await asio::async_write(*into, asio::buffer(piece.bytes), kAwait);
    static_cast<void>(size);
    if (error) break;
  }
  boost::system::error_code ignored;
  into->shutdown(tcp::socket::shutdown_send, ignored);
}

void carry(const Socket& from, const Socket& into, Delay& delay) {
  const auto executor = from->get_executor();
  const auto pipe = std::make_shared<Pipe>(executor);
  asio::co_spawn(executor, take(from, pipe, delay), asio::detached);
  asio::co_spawn(executor, give(into, pipe), asio::detached);
}

awaitable<void> serve(tcp::acceptor& acceptor, std::uint16_t to, Delay& there, Delay& back) {
  while (true) {
    auto [refused, accepted] = co_await acceptor.async_accept(kAwait);
    if (refused) continue;
    const auto client = std::make_shared<tcp::socket>(std::move(accepted));
    const auto server = std::make_shared<tcp::socket>(acceptor.get_executor());
    const auto [error] = co_await server->async_connect({asio::ip::address_v4::loopback(), to}, kAwait);
    if (error) continue;
    client->set_option(tcp::no_delay{true});
    server->set_option(tcp::no_delay{true});
    carry(client, server, there);
    carry(server, client, back);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    static_cast<void>(std::fputs("delay_relay PORT SERVER-PORT THERE-MS BACK-MS JITTER-PERCENT SEED\n", stderr));
    return 2;
  }
  const auto port = [&](int argument) { return static_cast<std::uint16_t>(std::atoi(argv[argument])); };
  const double jitter = std::atof(argv[5]);
  const auto seed = static_cast<std::uint64_t>(std::atoll(argv[6]));

  asio::io_context context{1};
  tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), port(1)}};
  Delay there{std::atof(argv[3]), jitter, seed};
  Delay back{std::atof(argv[4]), jitter, seed + 1};
  asio::co_spawn(context, serve(acceptor, port(2), there, back), asio::detached);
  context.run();
  return 0;
}
