#include "service/helper_link.h"

#include <fmt/format.h>

#include "service/await.h"

namespace sdwdate::service {

namespace asio = boost::asio;
using base::SourceError;
using ipc::Received;

namespace {}  // namespace

HelperLink::HelperLink(ipc::Child child, const asio::any_io_executor& executor, std::chrono::nanoseconds patience,
                       Interruption* interruption)
    : child_(std::move(child)),
      channel_(std::make_shared<Descriptor>(executor, child_.take_channel().release())),
      deadline_(executor),
      interruption_(interruption) {
  if (interruption_ != nullptr) interruption_->channel_ = channel_;
  wait_no_longer_than(patience);
}

void HelperLink::wait_no_longer_than(std::chrono::nanoseconds patience) {
  deadline_.expires_after(patience);
  deadline_.async_wait([weak = std::weak_ptr{channel_}](const boost::system::error_code& error) {
    if (const auto channel = weak.lock(); channel && !error) channel->cancel();
  });
}

bool HelperLink::send(std::span<const std::byte> record) const {
  return ipc::send_record(channel_->native_handle(), record);
}

asio::awaitable<Received> HelperLink::receive(std::span<std::byte> buffer) {
  while (true) {
    const Received received = ipc::receive_record(channel_->native_handle(), buffer);
    if (received != Received::nothing) co_return received;
    if (interruption_ != nullptr && interruption_->interrupted()) co_return Received::nothing;
    const auto [error] = co_await channel_->async_wait(Descriptor::wait_read, kAwait);
    if (error) co_return Received::nothing;
  }
}

SourceError HelperLink::blame(Received how) {
  const auto end = child_.finish();
  if (how == Received::nothing) return crashed("it did not end in time and was killed");
  if (how == Received::garbage) return crashed("it wrote a record of the wrong size");
  return crashed(end.value_or("it ended without a result"));
}

SourceError HelperLink::crashed(std::string_view what) {
  return {base::ErrorCode::probe_crashed, fmt::format("our own helper process failed: {}", what)};
}

}  // namespace sdwdate::service
