#include "refclock/sock_feeder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "base/unique_fd.h"
#include "support/temporary_directory.h"
#include "ui/feed_tool.h"

namespace sdwdate::refclock {
namespace {

using namespace std::chrono_literals;
using support::TemporaryDirectory;
using testing::AllOf;
using testing::HasSubstr;

constexpr base::RealTime kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 12h;
constexpr uid_t kStranger = 4'000'000'001;
const Sample kSample{kNow, timecore::Offset{250ms}};

/// Listens as chronyd does.
class FakeChronyd {
 public:
  explicit FakeChronyd(const std::filesystem::path& path, int type = SOCK_DGRAM)
      : socket_(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    text.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  /// The next datagram; empty when there is none.
  [[nodiscard]] std::vector<std::byte> receive() const {
    std::vector<std::byte> datagram(200);
    const ssize_t size = ::recv(socket_.get(), datagram.data(), datagram.size(), 0);
    datagram.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return datagram;
  }

 private:
  base::UniqueFd socket_;
};

FeedError not_fed(const std::filesystem::path& path) {
  const auto fed = feed(path.string(), kSample);
  EXPECT_FALSE(fed);
  return fed ? FeedError{} : fed.error();
}

TEST(SockFeeder, WhatIsSentIsTheEncodedSample) {
  const TemporaryDirectory directory;
  const FakeChronyd chronyd{directory.path() / "sock"};
  ASSERT_TRUE(feed(directory.path() / "sock", kSample));
  const auto expected = encode(kSample);
  ASSERT_TRUE(expected);
  EXPECT_EQ(chronyd.receive(), std::vector<std::byte>(expected->begin(), expected->end()));
  EXPECT_TRUE(chronyd.receive().empty()) << "one sample is one datagram";
}

TEST(SockFeeder, AMissingSocketIsExplainedByTheLineToAdd) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "missing.sock";
  const FeedError error = not_fed(path);
  EXPECT_EQ(error.kind, FeedError::Kind::not_fed);
  EXPECT_THAT(error.message, AllOf(HasSubstr(path.string()), HasSubstr(refclock_line(path))));
}

TEST(SockFeeder, TheLineNamesTheSocket) {
  EXPECT_THAT(refclock_line("/run/x.sock"), testing::StartsWith("refclock SOCK /run/x.sock "));
}

TEST(SockFeeder, ARegularFileIsNotChronysSocket) {
  const TemporaryDirectory directory;
  const auto path = directory.write("file", "content");
  EXPECT_THAT(not_fed(path).message, HasSubstr(path.string()));
  EXPECT_EQ(directory.read("file"), "content");
}

TEST(SockFeeder, ASocketThatNobodyListensAtIsSaidSo) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "stale";
  {
    const FakeChronyd gone{path};
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_THAT(not_fed(path).message, AllOf(HasSubstr("nobody listens"), HasSubstr("refclock SOCK")));
}

TEST(SockFeeder, AStreamSocketIsOfAnotherKind) {
  const TemporaryDirectory directory;
  const FakeChronyd other{directory.path() / "stream", SOCK_STREAM};
  EXPECT_THAT(not_fed(directory.path() / "stream").message, HasSubstr("of another kind"));
}

TEST(SockFeeder, WhatIsNoSocketIsNamedAndLeftAlone) {
  const TemporaryDirectory directory;
  const auto fifo = directory.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  const base::UniqueFd reader{::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  EXPECT_THAT(not_fed(fifo).message, AllOf(HasSubstr("is a FIFO"), HasSubstr("remove it and restart chronyd")));
  std::array<char, 8> read{};
  EXPECT_EQ(::read(reader.get(), read.data(), read.size()), 0);
  EXPECT_THAT(not_fed(directory.path()).message, HasSubstr("is a folder"));
  EXPECT_THAT(not_fed(directory.write("file", "")).message, HasSubstr("is a file"));
  EXPECT_THAT(not_fed("/dev/null").message, HasSubstr("is a device"));
}

TEST(SockFeeder, ALinkOfOursIsFollowed) {
  const TemporaryDirectory directory;
  const TemporaryDirectory elsewhere;
  const FakeChronyd chronyd{elsewhere.path() / "sock"};
  const auto link = directory.path() / "link";
  std::filesystem::create_symlink(elsewhere.path() / "sock", link);
  EXPECT_TRUE(feed(link, kSample));
  EXPECT_FALSE(chronyd.receive().empty());
}

TEST(SockFeeder, ALinkToNothingIsSaidSo) {
  const TemporaryDirectory directory;
  const auto link = directory.path() / "link";
  std::filesystem::create_symlink(directory.path() / "none", link);
  EXPECT_THAT(not_fed(link).message,
              AllOf(HasSubstr(link.string()), HasSubstr("symbolic link to " + directory.path().string() + "/none")));
  std::filesystem::create_symlink("loop", directory.path() / "loop");
  EXPECT_THAT(not_fed(directory.path() / "loop").message, HasSubstr("Too many levels"));
}

TEST(SockFeeder, ALinkThatStrangersCanChangeIsNotFollowed) {
  const TemporaryDirectory directory;
  const TemporaryDirectory elsewhere;
  const FakeChronyd chronyd{elsewhere.path() / "sock"};
  const auto link = directory.path() / "link";
  std::filesystem::create_symlink(elsewhere.path() / "sock", link);
  std::filesystem::permissions(directory.path(), std::filesystem::perms{0777});
  EXPECT_THAT(not_fed(link).message, AllOf(HasSubstr("not followed"), HasSubstr("everybody may write to")));
  std::filesystem::permissions(directory.path(), std::filesystem::perms{0755});
  if (::geteuid() == 0) {
    ASSERT_EQ(::lchown(link.c_str(), kStranger, 0), 0);
    EXPECT_THAT(not_fed(link).message, AllOf(HasSubstr("not followed"), HasSubstr("user 4000000001")));
  }
  EXPECT_TRUE(chronyd.receive().empty());
}

TEST(SockFeeder, AStrangersSocketIsRefusedWhereStrangersCanMakeOne) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give things away";
  const TemporaryDirectory directory;
  const auto path = directory.path() / "sock";
  const FakeChronyd chronyd{path};
  ASSERT_EQ(::chown(path.c_str(), kStranger, 0), 0);
  EXPECT_TRUE(feed(path, kSample)) << "in a folder of root's it is there by root's leave";
  EXPECT_FALSE(chronyd.receive().empty());
  for (const mode_t mode : {0777U, 01777U}) {
    std::filesystem::permissions(directory.path(), std::filesystem::perms{mode});
    EXPECT_THAT(not_fed(path).message, AllOf(HasSubstr("user 4000000001"), HasSubstr("need not be chronyd's")));
  }
  EXPECT_TRUE(chronyd.receive().empty());
  ASSERT_EQ(::chown(path.c_str(), 0, 0), 0);
  EXPECT_TRUE(feed(path, kSample)) << "root's is root's";
}

TEST(SockFeeder, PathsThatFitNoSocketAddressAreRefused) {
  EXPECT_THAT(not_fed("/" + std::string(200, 'x')).message, HasSubstr("1 to 107 characters"));
  EXPECT_THAT(not_fed("").message, HasSubstr("1 to 107 characters"));
}

TEST(SockFeeder, TheLongestPathThatFitsIsNotCut) {
  const TemporaryDirectory directory;
  const std::string start = directory.path().string() + "/";
  const std::string longest = start + std::string(107 - start.size(), 'x');
  const FakeChronyd chronyd{longest};
  EXPECT_TRUE(feed(longest, kSample));
  EXPECT_FALSE(chronyd.receive().empty());
}

TEST(SockFeeder, AFolderThatIsClosedToUsIsSaidSo) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may enter every folder";
  const TemporaryDirectory directory;
  const auto closed = directory.path() / "closed";
  std::filesystem::create_directory(closed);
  std::filesystem::permissions(closed, std::filesystem::perms::none);
  EXPECT_THAT(not_fed(closed / "sock").message, AllOf(HasSubstr("not permitted"), HasSubstr("folders above")));
  std::filesystem::permissions(closed, std::filesystem::perms::owner_all);
}

TEST(SockFeeder, ASocketThatIsClosedToUsIsExplainedByItsOwner) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write to every socket";
  const TemporaryDirectory directory;
  const auto path = directory.path() / "sock";
  const FakeChronyd chronyd{path};
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  EXPECT_THAT(not_fed(path).message, AllOf(HasSubstr("belongs to user"), HasSubstr("mode 0000"), HasSubstr("chgrp")));
}

TEST(SockFeeder, AFullQueueIsNotWaitedFor) {
  const TemporaryDirectory directory;
  const auto path = (directory.path() / "sock").string();
  const FakeChronyd busy{path};
  const auto start = std::chrono::steady_clock::now();
  std::expected<void, FeedError> fed;
  for (int i = 0; i < 2000 && fed; ++i) fed = feed(path, kSample);
  ASSERT_FALSE(fed) << "the kernel queues only so many";
  EXPECT_THAT(fed.error().message, HasSubstr(path));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST(SockFeeder, ATimeThatChronydWouldRefuseIsNotSent) {
  const TemporaryDirectory directory;
  const FakeChronyd chronyd{directory.path() / "sock"};
  const auto fed = feed(directory.path() / "sock", {kNow, timecore::Offset{-kNow.time_since_epoch()}});
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, FeedError::Kind::unacceptable);
  EXPECT_THAT(fed.error().message, AllOf(HasSubstr("1970-01-01 00:00:00"), HasSubstr("before")));
  EXPECT_TRUE(chronyd.receive().empty());
}

TEST(SockFeeder, TimesFarBefore1970AreExplainedToo) {
  const auto fed = feed("/nonexistent", {base::RealTime{-1s}, timecore::Offset{-24h}});
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, FeedError::Kind::unacceptable);
  EXPECT_THAT(fed.error().message, HasSubstr("1969-12-30"));
}

// --- unixtime-to-chrony-socket
// -----------------------------------------------------------------------------------------

double offset_in(const std::vector<std::byte>& datagram) {
  double offset = 0;
  if (datagram.size() == kDatagramSize) std::memcpy(&offset, datagram.data() + 16, sizeof offset);
  return offset;
}

/// unixtime-to-chrony-socket and all it says.
struct Tool {
  explicit Tool(const std::filesystem::path& socket, ui::OutputOptions output = {})
      : tool(socket.string(), output, results, errors) {}
  std::ostringstream results;
  std::ostringstream errors;
  ui::FeedTool tool;
};

TEST(FeedTool, ATimeIsSentAsItsOffsetFromNow) {
  const TemporaryDirectory directory;
  const FakeChronyd chronyd{directory.path() / "sock"};
  Tool told{directory.path() / "sock"};
  const base::RealTime given{1893456000s + 864804506ns};  // 2030
  const auto before = given - base::real_now();
  ASSERT_EQ(told.tool.feed("1893456000.864804506"), base::ExitCode::done);
  const auto after = given - base::real_now();
  const double offset = offset_in(chronyd.receive());
  EXPECT_LE(offset, std::chrono::duration<double>(before).count() + 1e-6);
  EXPECT_GE(offset, std::chrono::duration<double>(after).count() - 1e-6);
  EXPECT_EQ(told.errors.str(), "");
  EXPECT_EQ(told.results.str(), "") << "no news is good news";
}

TEST(FeedTool, MistakesHaveTheirExitCodesAndAreNotSent) {
  const TemporaryDirectory directory;
  const FakeChronyd chronyd{directory.path() / "sock"};
  const auto code = [&](const char* name, const char* text) {
    Tool told{directory.path() / name};
    const auto ended = told.tool.feed(text);
    EXPECT_NE(told.errors.str(), "") << text;
    return ended;
  };
  EXPECT_EQ(code("sock", "now"), base::ExitCode::usage);
  EXPECT_EQ(code("sock", "1893456000.8648045061"), base::ExitCode::usage);
  EXPECT_EQ(code("sock", "0"), base::ExitCode::insane);
  EXPECT_EQ(code("sock", "99999999999999999999"), base::ExitCode::insane);
  EXPECT_EQ(code("missing", "1893456000"), base::ExitCode::not_fed);
  EXPECT_TRUE(chronyd.receive().empty());
}

TEST(FeedTool, ABadLineLosesOnlyItself) {
  const TemporaryDirectory directory;
  const FakeChronyd chronyd{directory.path() / "sock"};
  std::istringstream lines{"1893456000\n\nnonsense\n1893456001.5\r\n0\n"};
  Tool told{directory.path() / "sock"};
  EXPECT_EQ(told.tool.feed_lines(lines), base::ExitCode::usage) << "the first failure's";
  EXPECT_EQ(chronyd.receive().size(), kDatagramSize);
  EXPECT_EQ(chronyd.receive().size(), kDatagramSize);
  EXPECT_TRUE(chronyd.receive().empty());
  EXPECT_THAT(told.errors.str(), AllOf(HasSubstr("line 3: 'nonsense'"), HasSubstr("line 5: ")));
}

TEST(FeedTool, ResultsForProgramsAreOneLineEach) {
  const TemporaryDirectory directory;
  const FakeChronyd chronyd{directory.path() / "sock"};
  ui::OutputOptions output;
  output.json = true;
  Tool told{directory.path() / "sock", output};
  std::istringstream lines{"1893456000\nnonsense\n"};
  told.tool.feed_lines(lines);
  EXPECT_THAT(told.results.str(),
              AllOf(HasSubstr("\"fed\":true,\"error\":null}\n"), HasSubstr("\"fed\":false,\"error\":\"")));
}

}  // namespace
}  // namespace sdwdate::refclock
