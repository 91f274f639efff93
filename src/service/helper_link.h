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

/// Helpers are never trusted to end, to answer, or to make sense.
class HelperLink {
 public:
  /// After `patience` waiting ends.
  HelperLink(ipc::Child child, const boost::asio::any_io_executor& executor, std::chrono::nanoseconds patience);

  [[nodiscard]] bool send(std::span<const std::byte> record) const;

  /// From now on, waiting ends after `patience`.
  void wait_no_longer_than(std::chrono::nanoseconds patience);

  /// Waits for a record; `nothing` means that the deadline has passed.
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
};

}  // namespace sdwdate::service
