#include "service/disturbances.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>
#include <limits>

#include "base/files.h"
#include "base/unique_fd.h"
#include "service/await.h"

namespace sdwdate::service {
namespace {

namespace asio = boost::asio;
using Descriptor = Watch::Descriptor;
using Shared = std::shared_ptr<Descriptor>;

/// After an interface comes its address, after that its routes.
constexpr auto kSettling = std::chrono::seconds{1};

Shared share(const asio::any_io_executor& executor, base::UniqueFd descriptor) {
  return std::make_shared<Descriptor>(executor, descriptor.release());
}

/// Waits; false when the watch has ended.
asio::awaitable<bool> readable(Descriptor& descriptor) {
  const auto [error] = co_await descriptor.async_wait(Descriptor::wait_read, kAwait);
  co_return !error && descriptor.is_open();
}

// --- the system clock -------------------------------------------------------------------------------------------

bool arm(int timer) {
  itimerspec never{};
  never.it_value.tv_sec = std::numeric_limits<time_t>::max() / std::nano::den;  // on the system clock, in 2262
  return ::timerfd_settime(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr) == 0;
}

asio::awaitable<void> tell_of_settings(Shared timer, std::function<void()> on_set) {
  while (co_await readable(*timer)) {
    std::uint64_t expirations = 0;
    const bool set = ::read(timer->native_handle(), &expirations, sizeof expirations) < 0 && errno == ECANCELED;
    if (!arm(timer->native_handle())) co_return;
    if (set) on_set();
  }
}

// --- the network ------------------------------------------------------------------------------------------------

/// Could what happened be the beginning of a working network?
bool brings_hope(const nlmsghdr& message) {
  switch (message.nlmsg_type) {
    case RTM_NEWADDR:
    case RTM_NEWROUTE: return true;
    case RTM_NEWLINK: {
      if (message.nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg))) return false;
      const auto* const link = static_cast<const ifinfomsg*>(NLMSG_DATA(&message));
      return (link->ifi_flags & IFF_RUNNING) != 0;
    }
    default: return false;
  }
}

/// Reads all there is. An overrun says that much has happened.
bool hope_in(int netlink) {
  alignas(nlmsghdr) std::array<char, 16384> buffer{};
  bool hope = false;
  while (true) {
    const ssize_t size = ::recv(netlink, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == ENOBUFS) {
      hope = true;
      continue;
    }
    if (size <= 0) return hope;
    auto left = static_cast<unsigned>(size);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): netlink's messages are made that way
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      hope = hope || brings_hope(*message);
    }
  }
}

asio::awaitable<void> tell_of_links(Shared netlink, std::function<void()> on_up) {
  asio::steady_timer settling{netlink->get_executor()};
  while (co_await readable(*netlink)) {
    if (!hope_in(netlink->native_handle())) continue;
    settling.expires_after(kSettling);
    co_await settling.async_wait(kAwait);
    if (!netlink->is_open()) co_return;
    hope_in(netlink->native_handle());
    on_up();
  }
}

// --- a file -----------------------------------------------------------------------------------------------------

struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const Identity&) const = default;
};

std::optional<Identity> identity(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

asio::awaitable<void> tell_of_loss(Shared inotify, std::filesystem::path path, Identity was,
                                   std::function<void()> on_gone) {
  while (co_await readable(*inotify)) {
    alignas(inotify_event) std::array<char, 1024> events{};
    [[maybe_unused]] const auto taken = ::read(inotify->native_handle(), events.data(), events.size());
    // A change of owner or mode is no loss.
    if (identity(path) == was) continue;
    on_gone();
    co_return;
  }
}

}  // namespace

void Watch::stop() {
  if (!descriptor_) return;
  boost::system::error_code ignored;
  descriptor_->close(ignored);
}

void Mailbox::post(Wake wake) {
  posted_ = std::max(posted_.value_or(Wake::due), wake);
  timer_.cancel();
}

asio::awaitable<Wake> Mailbox::wait(std::chrono::nanoseconds longest) {
  if (!posted_) {
    timer_.expires_after(longest);
    co_await timer_.async_wait(kAwait);
  }
  co_return std::exchange(posted_, std::nullopt).value_or(Wake::due);
}

timecore::Look look_at_clocks(const std::filesystem::path& rtc) {
  constexpr std::size_t kMost = 24;
  timecore::Look look;
  // The battery clock first: reading it takes longest.
  if (const auto text = base::read_file(rtc, kMost)) {
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    if (error == std::errc{}) look.rtc = std::chrono::sys_seconds{std::chrono::seconds{seconds}};
  }
  look.asleep = base::time_asleep();
  look.clocks = base::read_clock_pair();
  return look;
}

Watch watch_clock(const asio::any_io_executor& executor, std::function<void()> on_set) {
  base::UniqueFd timer{::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)};
  if (!timer || !arm(timer.get())) return {};
  const Shared shared = share(executor, std::move(timer));
  asio::co_spawn(executor, tell_of_settings(shared, std::move(on_set)), asio::detached);
  return Watch{shared};
}

base::UniqueFd open_links() {
  base::UniqueFd netlink{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
  if (!netlink) return {};
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API is made that way
  if (::bind(netlink.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return netlink;
}

Watch watch_links(const asio::any_io_executor& executor, const base::UniqueFd& links, std::function<void()> on_up) {
  base::UniqueFd own{::fcntl(links.get(), F_DUPFD_CLOEXEC, 0)};
  if (!own) return {};
  hope_in(own.get());
  const Shared shared = share(executor, std::move(own));
  asio::co_spawn(executor, tell_of_links(shared, std::move(on_up)), asio::detached);
  return Watch{shared};
}

Watch watch_file(const asio::any_io_executor& executor, const std::filesystem::path& path,
                 std::function<void()> on_gone) {
  base::UniqueFd inotify{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  if (!inotify || ::inotify_add_watch(inotify.get(), path.c_str(), IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) < 0) {
    return {};
  }
  const auto now = identity(path);
  if (!now) return {};
  const Shared shared = share(executor, std::move(inotify));
  asio::co_spawn(executor, tell_of_loss(shared, path, *now, std::move(on_gone)), asio::detached);
  return Watch{shared};
}

}  // namespace sdwdate::service
