#include "ipc/launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "ipc/child.h"
#include "ipc/records.h"
#include "support/helpers.h"

namespace sdwdate::ipc {
namespace {

using testing::HasSubstr;

/// A process that does what sdwdate-launch does, with the bad probe for every helper.
class Launching : public testing::Test {
 protected:
  void SetUp() override {
    auto ends = make_channel();
    ASSERT_TRUE(ends);
    server_ = ::fork();
    if (server_ == 0) {
      ends->ours.reset();
      serve_launcher(ends->theirs.get(), *support::bad_launcher());
      ::_exit(support::no_child_left() ? 0 : 1);
    }
    launcher_ = std::make_shared<RemoteLauncher>(std::move(ends->ours));
  }

  /// Lets it end, if it has not, and says how it did.
  int end() {
    launcher_.reset();
    int status = -1;
    if (server_ > 0) ::waitpid(server_, &status, 0);
    server_ = 0;
    return status;
  }

  void TearDown() override { end(); }

  /// A child with this job.
  Child start(const std::string& host, base::UniqueFd& channel) {
    auto child = start_child(launcher_, Helper::probe);
    EXPECT_TRUE(child) << child.error();
    channel = child->take_channel();
    ProbeJob job;
    job.host = host;
    EXPECT_TRUE(send_record(channel.get(), *encode(job)));
    return *std::move(child);
  }

  std::shared_ptr<RemoteLauncher> launcher_;
  pid_t server_ = 0;
};

bool readable(const base::UniqueFd& channel) {
  pollfd waiting{channel.get(), POLLIN, 0};
  return ::poll(&waiting, 1, 10'000) == 1;
}

TEST_F(Launching, AHelperWorksAsIfItWereOurs) {
  {
    base::UniqueFd channel;
    Child child = start("a.honest.test", channel);
    ASSERT_TRUE(readable(channel));
    ProbeReportRecord record{};
    ASSERT_EQ(receive_record(channel.get(), record), Received::record);
    EXPECT_TRUE(decode_probe_report(record));
    EXPECT_THAT(child.finish().value_or(""), HasSubstr("killed by signal 9"));
  }
  EXPECT_EQ(end(), 0);
}

TEST_F(Launching, ItsEndIsToldInTheSameWords) {
  for (const auto& [host, words] : std::vector<std::pair<std::string, std::string>>{
           {"dies.test", "killed by signal 6 (Aborted)"}, {"exits.test", "exit status 3"}, {"ends.test", ""}}) {
    base::UniqueFd channel;
    Child child = start(host, channel);
    ASSERT_TRUE(readable(channel));
    EXPECT_EQ(child.finish().value_or(""), words) << host;
  }
  EXPECT_EQ(end(), 0);
}

TEST_F(Launching, AHelperOfALauncherThatIsGoneIsSaidSo) {
  base::UniqueFd channel;
  Child child = start("hangs.test", channel);
  ::kill(server_, SIGKILL);
  EXPECT_THAT(child.finish().value_or(""), HasSubstr("sdwdate-launch"));
}

TEST_F(Launching, NoHelperIsLeftWhenTheDaemonIsGone) {
  auto channel = make_channel();
  ASSERT_TRUE(channel);
  ASSERT_TRUE(launcher_->start(Helper::probe, channel->theirs.get()));
  channel->theirs.reset();
  ProbeJob job;
  job.host = "stubborn.test";
  ASSERT_TRUE(send_record(channel->ours.get(), *encode(job)));
  EXPECT_EQ(end(), 0);
  EXPECT_TRUE(readable(channel->ours)) << "the helper's end of the channel is closed";
}

TEST_F(Launching, OnlyItsOwnHelpersAreEnded) {
  EXPECT_FALSE(launcher_->finish(::getpid())) << "and this process still runs";
  EXPECT_FALSE(launcher_->works()) << "whoever asks for that is not to be served any further";
}

TEST_F(Launching, WithoutItNothingStarts) {
  ::kill(server_, SIGKILL);
  ::waitpid(server_, nullptr, 0);
  server_ = 0;
  const auto child = start_child(launcher_, Helper::probe);
  ASSERT_FALSE(child);
  EXPECT_THAT(child.error(), HasSubstr("sdwdate-launch"));
  EXPECT_FALSE(launcher_->works());
}

TEST(Launcher, NonsenseEndsIt) {
  for (const std::string& nonsense : {std::string(16, 'x'), std::string(5, 'x'), std::string(100, '\1'),
                                      std::string("\1") + std::string(15, '\0'),     // to start, without a channel
                                      std::string("\3") + std::string(15, '\1')}) {  // more than a process ID
    auto ends = make_channel();
    ASSERT_TRUE(ends);
    ASSERT_TRUE(send_record(ends->ours.get(), std::as_bytes(std::span{nonsense})));
    serve_launcher(ends->theirs.get(), *support::bad_launcher());
    EXPECT_TRUE(support::no_child_left());
  }
}

TEST(Launcher, AMissingProgramIsNamed) {
  const auto launcher = RemoteLauncher::make("/nonexistent/sdwdate-launch");
  ASSERT_FALSE(launcher);
  EXPECT_THAT(launcher.error(), HasSubstr("/nonexistent/sdwdate-launch"));
}

}  // namespace
}  // namespace sdwdate::ipc
