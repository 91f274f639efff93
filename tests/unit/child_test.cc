#include "ipc/child.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "ipc/records.h"
#include "support/helpers.h"

namespace sdwdate::ipc {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::vector<std::byte> record_of(std::size_t size) { return std::vector<std::byte>(size, std::byte{7}); }

struct SocketPair {
  SocketPair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    one = base::UniqueFd{ends[0]};
    other = base::UniqueFd{ends[1]};
  }
  base::UniqueFd one;
  base::UniqueFd other;
};

// --- records on a channel
// ---------------------------------------------------------------------------------------------

TEST(Channel, ARecordArrivesWhole) {
  const SocketPair pair;
  ASSERT_TRUE(send_record(pair.one.get(), record_of(256)));
  auto buffer = std::vector<std::byte>(256);
  EXPECT_EQ(receive_record(pair.other.get(), buffer), Received::record);
  EXPECT_EQ(buffer, record_of(256));
  EXPECT_EQ(receive_record(pair.other.get(), buffer), Received::nothing);
}

TEST(Channel, RecordsOfOtherSizesAreGarbage) {
  const SocketPair pair;
  auto buffer = std::vector<std::byte>(256);
  for (const std::size_t size : {1U, 255U, 257U, 512U, 60000U}) {
    ASSERT_TRUE(send_record(pair.one.get(), record_of(size)));
    EXPECT_EQ(receive_record(pair.other.get(), buffer), Received::garbage) << size;
  }
}

TEST(Channel, AfterTheOtherSideHasClosedRecordsThatWereSentStillArrive) {
  SocketPair pair;
  ASSERT_TRUE(send_record(pair.one.get(), record_of(256)));
  pair.one.reset();
  auto buffer = std::vector<std::byte>(256);
  EXPECT_EQ(receive_record(pair.other.get(), buffer), Received::record);
  EXPECT_EQ(receive_record(pair.other.get(), buffer), Received::ended);
}

TEST(Channel, SendingToAClosedOrFullChannelFailsWithoutSignalAndWithoutWaiting) {
  SocketPair pair;
  int sent = 0;
  while (sent < 10'000 && send_record(pair.one.get(), record_of(256))) ++sent;
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, 10'000);
  pair.other.reset();
  EXPECT_FALSE(send_record(pair.one.get(), record_of(256)));
}

// --- children
// -----------------------------------------------------------------------------------------------------------

/// The bad probe, waiting for its job.
Child start() {
  auto child = start_child(support::bad_launcher(), Helper::probe);
  EXPECT_TRUE(child) << child.error();
  return *std::move(child);
}

base::UniqueFd send_job(Child& child, const std::string& host) {
  base::UniqueFd channel = child.take_channel();
  ProbeJob job;
  job.host = host;
  EXPECT_TRUE(send_record(channel.get(), *encode(job)));
  return channel;
}

/// The next report, or nothing if it takes longer than ten seconds.
std::optional<ProbeReport> next_report(int channel) {
  pollfd readable{channel, POLLIN, 0};
  if (::poll(&readable, 1, 10'000) != 1) return std::nullopt;
  ProbeReportRecord record{};
  if (receive_record(channel, record) != Received::record) return std::nullopt;
  return decode_probe_report(record);
}

/// How a child with this job ends when it is left alone.
std::optional<std::string> end_of(const std::string& host) {
  Child child = start();
  const base::UniqueFd channel = send_job(child, host);
  pollfd readable{channel.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&readable, 1, 10'000), 1);
  return child.finish();
}

std::string message_of(const std::string& host) {
  Child child = start();
  const base::UniqueFd channel = send_job(child, host);
  const auto report = next_report(channel.get());
  const auto* failure = report ? std::get_if<Failure>(&*report) : nullptr;
  return failure != nullptr ? failure->message : "";
}

TEST(Child, ASilentEndIsNoComplaint) { EXPECT_EQ(end_of("ends.test"), std::nullopt); }

TEST(Child, AnEndByASignalIsNamed) {
  EXPECT_EQ(end_of("dies.test"), "killed by signal 6 (Aborted)");
  EXPECT_TRUE(support::no_child_left());
}

TEST(Child, AnExitStatusIsNamed) { EXPECT_EQ(end_of("exits.test"), "exit status 3"); }

TEST(Child, OneThatDoesNotEndIsKilled) {
  for (const char* host : {"hangs.test", "stubborn.test", "stops.test"}) {
    Child child = start();
    const base::UniqueFd channel = send_job(child, host);
    pollfd readable{channel.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&readable, 1, 100), 0) << "time to begin its misdeed";
    EXPECT_EQ(child.finish(), "killed by signal 9 (Killed)");
    EXPECT_TRUE(support::no_child_left());
  }
}

TEST(Child, DestroyingItEndsAndReapsTheProcessAndClosesTheChannel) {
  const auto before = support::open_descriptors();
  {
    const Child child = start();
    EXPECT_FALSE(support::no_child_left());
  }
  EXPECT_TRUE(support::no_child_left());
  EXPECT_EQ(support::open_descriptors(), before);
}

TEST(Child, MovingItLeavesOneOwner) {
  {
    Child child = start();
    const Child moved = std::move(child);
  }
  EXPECT_TRUE(support::no_child_left());
}

TEST(Child, ItHasOneSocketAsItsThreeDescriptorsAndNoOther) {
  // Without O_CLOEXEC, as a careless library would open it; one close by and one far away.
  const base::UniqueFd careless{::open("/dev/null", O_RDONLY)};
  const base::UniqueFd far{::fcntl(careless.get(), F_DUPFD, 900)};
  ASSERT_TRUE(careless && far);
  Child child = start();
  const base::UniqueFd channel = send_job(child, "descriptors.test");
  const auto report = next_report(channel.get());
  ASSERT_TRUE(report);
  const auto* failure = std::get_if<Failure>(&*report);
  EXPECT_EQ(failure, nullptr) << failure->message;
}

TEST(Child, ItStartsAlsoWhenOurOwnStandardDescriptorsAreClosed) {
  // A daemon may be started with 0, 1 and 2 closed: then the channel's ends have these very numbers.
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    for (const int descriptor : {0, 1, 2}) ::close(descriptor);
    auto child = start_child(support::bad_launcher(), Helper::probe);
    if (!child) ::_exit(1);
    const base::UniqueFd channel = send_job(*child, "descriptors.test");
    const auto report = next_report(channel.get());
    ::_exit(report && std::holds_alternative<ExchangeReport>(*report) ? 0 : 2);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(daemon, &status, 0), daemon);
  EXPECT_EQ(status, 0);
}

TEST(Child, OfTheEnvironmentItInheritsWhatDecidesWhichCodeRunsAndNoMore) {
  ::setenv("SDWDATE_TEST_SECRET", "x", 1);
  ::setenv("HTTPS_PROXY", "x", 1);
  ::setenv("LC_ALL", "C", 1);
  ::setenv("OPENSSL_CONF", "x", 1);
  ::setenv("SSL_CERT_FILE", "/nonexistent", 1);
  ::setenv("FAKETIME_TEST", "x", 1);
  const std::string names = message_of("environment.test");
  EXPECT_THAT(names, HasSubstr("SSL_CERT_FILE"));
  EXPECT_THAT(names, HasSubstr("FAKETIME_TEST"));
  for (const char* hidden : {"SECRET", "PROXY", "LC_ALL", "OPENSSL_CONF", "PATH ", "HOME"}) {
    EXPECT_THAT(names, testing::Not(HasSubstr(hidden)));
  }
}

TEST(Child, AnExecutableThatIsMissingIsNamed) {
  const auto before = support::open_descriptors();
  const auto nowhere = std::make_shared<ParentLauncher>(Helpers{"/nonexistent/sdwdate-probe", {}, {}, {}});
  const auto child = start_child(nowhere, Helper::probe);
  ASSERT_FALSE(child);
  EXPECT_THAT(child.error(), HasSubstr("/nonexistent/sdwdate-probe"));
  EXPECT_THAT(child.error(), HasSubstr("No such file"));
  EXPECT_TRUE(support::no_child_left());
  EXPECT_EQ(support::open_descriptors(), before);
}

}  // namespace
}  // namespace sdwdate::ipc
