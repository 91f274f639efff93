#include "tor/tor.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "base/unix_socket.h"
#include "ipc/child.h"
#include "ipc/tor_records.h"
#include "net/connect.h"
#include "sandbox/sandbox.h"
#include "tor/controller.h"

namespace sdwdate::tor {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using Problem = std::optional<std::string>;

/// Events tell of nearly all changes; this is for the others.
constexpr auto kBetweenQuestions = std::chrono::seconds{2};
/// A Tor that does not work after so many questions may be waiting for minutes until it tries again.
constexpr int kPatientFor = 5;

Nonce random_nonce() {
  base::SystemRandom random;
  Nonce nonce{};
  for (std::byte& byte : nonce) byte = static_cast<std::byte>(random() & 0xFFU);
  return nonce;
}

/// One conversation. Everything runs on one thread, and ends when the parent loses interest.
class Watch {
 public:
  Watch(int channel, ipc::TorJob job) : job_(std::move(job)), parent_(context_, channel) {}

  int run();

 private:
  awaitable<void> watch_parent();
  awaitable<void> watch_tor();
  awaitable<void> keep_asking();
  awaitable<Problem> converse();
  awaitable<std::expected<net::Stream, std::string>> connect();
  awaitable<Problem> flush();
  /// False when the parent no longer reads.
  [[nodiscard]] bool report(const ipc::TorReport& report) { return ipc::send_record(channel(), ipc::encode(report)); }
  [[nodiscard]] int channel() { return parent_.native_handle(); }

  ipc::TorJob job_;
  asio::io_context context_{1};
  asio::posix::stream_descriptor parent_;
  std::optional<net::Stream> control_;
  std::optional<Controller> controller_;
  asio::steady_timer pause_{context_};
  std::optional<ipc::TorState> told_;
};

int Watch::run() {
  asio::co_spawn(context_, watch_parent(), asio::detached);
  asio::co_spawn(context_, watch_tor(), asio::detached);
  context_.run();
  return 0;
}

/// The parent never writes twice: anything readable here means that it is gone.
awaitable<void> Watch::watch_parent() {
  const auto [error] = co_await parent_.async_wait(asio::posix::stream_descriptor::wait_read, net::kAwait);
  static_cast<void>(error);
  context_.stop();
}

awaitable<void> Watch::watch_tor() {
  const Problem problem = co_await converse();
  if (problem) static_cast<void>(report(ipc::TorFailure{*problem}));
  context_.stop();
}

awaitable<std::expected<net::Stream, std::string>> Watch::connect() {
  if (job_.path.empty()) {
    auto stream = co_await net::connect(job_.addresses, job_.port);
    if (!stream) co_return std::unexpected(stream.error().message);
    co_return *std::move(stream);
  }
  auto socket = base::connect_unix(job_.path);
  if (!socket) {
    co_return std::unexpected(fmt::format("cannot connect to {}: {}", job_.path, base::errno_text(socket.error())));
  }
  net::Stream stream{context_, {AF_UNIX, 0}, socket->release()};
  stream.native_non_blocking(true);
  co_return stream;
}

/// Connects and reads the cookie, gives up everything else, and talks.
awaitable<Problem> Watch::converse() {
  auto stream = co_await connect();
  if (!stream) co_return stream.error();
  control_ = *std::move(stream);
  std::string cookie;
  if (!job_.cookie_file.empty()) cookie = base::read_file(job_.cookie_file, kCookieSize).value_or("");
  controller_.emplace(Credentials{std::move(cookie), std::move(job_.password)}, random_nonce());
  prepare_proofs();
  if (const auto confined = sandbox::confine_probe(std::nullopt); !confined) {
    co_return fmt::format("our own helper process {}", confined.error());
  }
  asio::co_spawn(context_, keep_asking(), asio::detached);

  std::array<char, 4096> piece{};
  while (true) {
    if (Problem problem = co_await flush()) co_return problem;
    const auto [error, size] = co_await control_->async_read_some(asio::buffer(piece), net::kAwait);
    if (error) co_return "Tor closed its control port";
    const auto reports = controller_->feed({piece.data(), size});
    if (!reports) co_return reports.error();
    for (const ipc::TorReport& one : *reports) {
      const auto* const state = std::get_if<ipc::TorState>(&one);
      if (state != nullptr && told_ == *state) continue;
      if (state != nullptr) told_ = *state;
      if (!report(one)) co_return std::nullopt;
    }
  }
}

awaitable<Problem> Watch::flush() {
  const std::string bytes = controller_->to_send();
  if (bytes.empty()) co_return std::nullopt;
  const auto [error, written] = co_await asio::async_write(*control_, asio::buffer(bytes), net::kAwait);
  if (error) co_return "Tor closed its control port";
  co_return std::nullopt;
}

awaitable<void> Watch::keep_asking() {
  for (int asked = 1;; ++asked) {
    pause_.expires_after(kBetweenQuestions);
    const auto [error] = co_await pause_.async_wait(net::kAwait);
    if (error) co_return;
    if (asked == kPatientFor && told_ && !told_->works()) controller_->reload();
    controller_->ask_again();
    const Problem problem = co_await flush();
    if (problem) co_return;
  }
}

}  // namespace

int run(int channel) {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  ipc::TorJobRecord record{};
  if (ipc::await_record(channel, record) != ipc::Received::record) return 1;
  auto job = ipc::decode_tor_job(record);
  if (!job) return 1;
  return Watch{channel, *std::move(job)}.run();
}

}  // namespace sdwdate::tor
