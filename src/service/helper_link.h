// A running helper process as its parent sees it: records, a deadline, and words for how it failed.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"
#include "ipc/child.h"

namespace sdwdate::service {

/// Ends a wait for helpers from outside, whichever is waited for.
class Interruption {
 public:
  void interrupt() {
    interrupted_ = true;
    if (const auto channel = channel_.lock()) channel->cancel();
  }
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  friend class HelperLink;
  bool interrupted_ = false;
  std::weak_ptr<boost::asio::posix::stream_descriptor> channel_;
};

/// Helpers are never trusted to end, to answer, or to make sense.
class HelperLink {
 public:
  /// After `patience` waiting ends, or when it is interrupted; `interruption` must outlive it.
  HelperLink(ipc::Child child, const boost::asio::any_io_executor& executor, std::chrono::nanoseconds patience,
             Interruption* interruption = nullptr);

  [[nodiscard]] bool send(std::span<const std::byte> record) const;

  /// From now on, waiting ends after `patience`.
  void wait_no_longer_than(std::chrono::nanoseconds patience);

  /// Waits for a record; `nothing` means that the deadline has passed, or an interruption.
  boost::asio::awaitable<ipc::Received> receive(std::span<std::byte> buffer);

  /// Ends the helper and says why it failed us: `probe_crashed`.
  base::SourceError blame(ipc::Received how);

  /// The same for any other reason.
  static base::SourceError crashed(std::string_view what);

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;

  ipc::Child child_;
  std::shared_ptr<Descriptor> channel_;
  boost::asio::steady_timer deadline_;
  Interruption* interruption_;
};

}  // namespace sdwdate::service
