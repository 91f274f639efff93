#include "service/disturbances.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fstream>

#include "support/temporary_directory.h"

namespace sdwdate::service {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

/// Waits for the mail, and does `meanwhile` in mid-wait.
Wake wait_for(Mailbox& mailbox, asio::io_context& context, std::chrono::nanoseconds longest,
              const std::function<void()>& meanwhile = {}) {
  std::optional<Wake> woken;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        woken = co_await mailbox.wait(longest);
        context.stop();
      },
      asio::detached);
  if (meanwhile) asio::post(context, meanwhile);
  context.restart();
  context.run_for(5s);
  return woken.value();
}

TEST(Mailbox, WaitsUntilDue) {
  asio::io_context context;
  Mailbox mailbox{context.get_executor()};
  EXPECT_EQ(wait_for(mailbox, context, 1ms), Wake::due);
}

TEST(Mailbox, IsWokenByMail) {
  asio::io_context context;
  Mailbox mailbox{context.get_executor()};
  EXPECT_EQ(wait_for(mailbox, context, 1h, [&] { mailbox.post(Wake::link_up); }), Wake::link_up);
  EXPECT_EQ(wait_for(mailbox, context, 1ms), Wake::due);
}

TEST(Mailbox, KeepsTheWeightiestMailForWhoeverWaitsNext) {
  asio::io_context context;
  Mailbox mailbox{context.get_executor()};
  mailbox.post(Wake::reload);
  mailbox.post(Wake::link_up);
  EXPECT_EQ(wait_for(mailbox, context, 1h), Wake::reload);
  EXPECT_EQ(wait_for(mailbox, context, 1ms), Wake::due);
}

class WatchFile : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream{file_} << "one";
    watch_ = watch_file(context_.get_executor(), file_, [this] { ++losses_; });
    ASSERT_TRUE(watch_);
  }

  int losses_after(const std::function<void()>& deed) {
    deed();
    context_.restart();
    context_.run_for(50ms);
    return losses_;
  }

  support::TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "socket";
  asio::io_context context_;
  Watch watch_;
  int losses_ = 0;
};

TEST_F(WatchFile, ADeletedFileIsGone) {
  EXPECT_EQ(losses_after([&] { std::filesystem::remove(file_); }), 1);
}

TEST_F(WatchFile, AReplacedFileIsGone) {
  EXPECT_EQ(losses_after([&] {
              std::ofstream{directory_.path() / "new"} << "two";
              std::filesystem::rename(directory_.path() / "new", file_);
            }),
            1);
}

TEST_F(WatchFile, ANewModeIsNoLoss) {
  EXPECT_EQ(losses_after([&] { ::chmod(file_.c_str(), 0600); }), 0);
  EXPECT_EQ(losses_after([&] { std::filesystem::remove(file_); }), 1);
}

TEST_F(WatchFile, NothingIsToldOfAWatchThatHasEnded) {
  watch_ = Watch{};
  EXPECT_EQ(losses_after([&] { std::filesystem::remove(file_); }), 0);
}

TEST(WatchFileThatIsNot, WatchesNothing) {
  asio::io_context context;
  EXPECT_FALSE(watch_file(context.get_executor(), "/nonexistent/socket", [] {}));
}

TEST(LookAtClocks, ReadsABatteryClockWhereThereIsOne) {
  const support::TemporaryDirectory directory;
  std::ofstream{directory.path() / "since_epoch"} << "1795392000\n";
  EXPECT_EQ(look_at_clocks(directory.path() / "since_epoch").rtc, std::chrono::sys_seconds{1795392000s});
  EXPECT_FALSE(look_at_clocks(directory.path() / "none").rtc);
}

}  // namespace
}  // namespace sdwdate::service
