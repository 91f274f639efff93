// What can end the wait between rounds before its time. Nothing here wakes the process unless something happened.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "base/unique_fd.h"
#include "timecore/watch.h"

namespace sdwdate::service {

/// Why a wait ended.
enum class Wake : std::uint8_t {
  due,        ///< its time has come
  link_up,    ///< an interface, an address or a route appeared
  disturbed,  ///< a clock jumped, or chronyd was started anew
  reload,     ///< SIGHUP
};

/// One waiter, and what it is to be woken for; what is posted while nobody waits is kept.
class Mailbox {
 public:
  explicit Mailbox(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  /// A weightier reason takes the place of a lighter one.
  void post(Wake wake);
  /// Waits so long at most.
  boost::asio::awaitable<Wake> wait(std::chrono::nanoseconds longest);

 private:
  boost::asio::steady_timer timer_;
  std::optional<Wake> posted_;
};

/// The kernel's view of the battery clock.
inline constexpr const char* kBatteryClock = "/sys/class/rtc/rtc0/since_epoch";

/// Every clock of this machine, now. `rtc` is where to read the battery clock.
timecore::Look look_at_clocks(const std::filesystem::path& rtc);

/// Something that is watched until this is destroyed. An empty one watches nothing.
class Watch {
 public:
  using Descriptor = boost::asio::posix::stream_descriptor;

  Watch() = default;
  explicit Watch(std::shared_ptr<Descriptor> descriptor) : descriptor_(std::move(descriptor)) {}
  ~Watch() { stop(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  Watch(Watch&&) noexcept = default;
  Watch& operator=(Watch&& other) noexcept {
    stop();
    descriptor_ = std::move(other.descriptor_);
    return *this;
  }

  explicit operator bool() const { return descriptor_ != nullptr; }

 private:
  /// Ends the coroutine that waits on it.
  void stop();

  std::shared_ptr<Descriptor> descriptor_;
};

/// Calls `on_set` whenever the system clock was set, by anyone, or the machine has resumed (timerfd_create(2),
/// TFD_TIMER_CANCEL_ON_SET). Empty if the kernel refuses.
Watch watch_clock(const boost::asio::any_io_executor& executor, std::function<void()> on_set);

/// What the kernel tells of interfaces, addresses and routes (rtnetlink(7)), for watch_links(). Empty if it refuses.
base::UniqueFd open_links();

/// Calls `on_up` when an interface, an address or a route has appeared and a moment has passed; what was told earlier
/// does not count. Empty if `links` is.
Watch watch_links(const boost::asio::any_io_executor& executor, const base::UniqueFd& links,
                  std::function<void()> on_up);

/// Calls `on_gone`, once, when the file at `path` is deleted or replaced (inotify(7)). Empty if there is none.
Watch watch_file(const boost::asio::any_io_executor& executor, const std::filesystem::path& path,
                 std::function<void()> on_gone);

}  // namespace sdwdate::service
