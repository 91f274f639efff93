#include "service/ask_chrony.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <filesystem>
#include <memory>

#include "base/accounts.h"
#include "base/error.h"
#include "service/await.h"
#include "service/run_to_end.h"

namespace sdwdate::service {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using Answer = std::expected<std::string, std::string>;
using boost::system::error_code;

/// Far more than chronyc says of any number of sources that a person configures.
constexpr std::size_t kLongestAnswer = std::size_t{64} * 1024;

/// The socket's systemd unit, by the names that the package gives them.
std::string unit_of(const std::string& path) {
  return fmt::format("sdwdate-chrony-{}.socket", std::filesystem::path{path}.filename().string());
}

std::string explain_permission(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return fmt::format("not permitted to look at {}: one of the folders above it is closed to this user", path);
  }
  return fmt::format("not permitted to connect to {}: it is for root and the group {}; run this as one of them", path,
                     base::group_name(status.st_gid));
}

std::string explain(const std::string& path, const error_code& error, std::chrono::nanoseconds patience) {
  switch (error.value()) {
    case ENOENT:
    case ENOTDIR:
      return fmt::format("there is no socket {}: its unit does not run; start it: systemctl enable --now {}", path,
                         unit_of(path));
    case ECONNREFUSED:
      return fmt::format("nobody listens at {}: its unit has ended; start it again: systemctl restart {}", path,
                         unit_of(path));
    case EACCES:
    case EPERM: return explain_permission(path);
    case ENOTSOCK:
    case EPROTOTYPE: return fmt::format("{} is not the socket of {}: it is of another kind", path, unit_of(path));
    case EBADF:
    case ECANCELED:
      return fmt::format("no answer from {} within {:g} s: chronyd hangs, or the machine is very busy", path,
                         std::chrono::duration<double>(patience).count());
    default: return fmt::format("cannot ask chronyd over {}: {}", path, base::errno_text(error.value()));
  }
}

asio::awaitable<Answer> read_all(stream_protocol::socket& socket, const std::string& path,
                                 std::chrono::nanoseconds patience) {
  std::string answer;
  std::array<char, 4096> piece{};
  while (answer.size() <= kLongestAnswer) {
    const auto [error, size] = co_await socket.async_read_some(asio::buffer(piece), kAwait);
    if (error == asio::error::eof) co_return answer;
    if (error) co_return std::unexpected(explain(path, error, patience));
    answer.append(piece.data(), size);
  }
  co_return std::unexpected(fmt::format("the answer from {} does not end within 64 KiB: it is not chronyc's", path));
}

}  // namespace

asio::awaitable<Answer> ask_chrony(std::string path, std::chrono::nanoseconds patience) {
  if (path.empty() || path.size() >= sizeof sockaddr_un{}.sun_path) {
    co_return std::unexpected(fmt::format("'{}' cannot be a socket's path: it must have 1 to {} characters", path,
                                          sizeof sockaddr_un{}.sun_path - 1));
  }
  const auto executor = co_await asio::this_coro::executor;
  const auto socket = std::make_shared<stream_protocol::socket>(executor);
  asio::steady_timer deadline{executor, patience};
  deadline.async_wait([weak = std::weak_ptr{socket}](const error_code& error) {
    const auto asking = weak.lock();
    // Closed, not cancelled: that also ends what is begun later.
    if (error_code ignored; asking && !error) asking->close(ignored);
  });

  if (const auto [error] = co_await socket->async_connect(stream_protocol::endpoint{path}, kAwait); error) {
    co_return std::unexpected(explain(path, error, patience));
  }
  auto answer = co_await read_all(*socket, path, patience);
  if (answer && answer->empty()) {
    co_return std::unexpected(fmt::format(
        "{} closed without an answer: others ask at the same time; see journalctl -u {}", path, unit_of(path)));
  }
  co_return answer;
}

Answer ask_chrony_and_wait(std::string path, std::chrono::nanoseconds patience) {
  return run_to_end(ask_chrony(std::move(path), patience));
}

}  // namespace sdwdate::service
