#include "service/ask_chrony.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/unique_fd.h"
#include "support/temporary_directory.h"

namespace sdwdate::service {
namespace {

using namespace std::chrono_literals;
using support::TemporaryDirectory;
using testing::AllOf;
using testing::HasSubstr;

/// A socket as systemd's unit has it, with `answer` in place of what the unit runs; it gets one connection.
class FakeUnit {
 public:
  FakeUnit(const std::filesystem::path& path, std::function<void(int connection)> answer)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket_.get(), 1), 0);
    thread_ = std::jthread{[this, answer = std::move(answer)] {
      const base::UniqueFd connection{::accept(socket_.get(), nullptr, nullptr)};
      answer(connection.get());
    }};
  }

 private:
  base::UniqueFd socket_;
  std::jthread thread_;
};

void say(int connection, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// Waits until the other side closes; returns what it sent, which should be nothing.
std::string hear(int connection) {
  std::string heard;
  char byte = 0;
  while (::recv(connection, &byte, 1, 0) == 1) heard += byte;
  return heard;
}

std::string error_of(const std::filesystem::path& path, std::chrono::nanoseconds patience = 10s) {
  const auto answer = ask_chrony_and_wait(path, patience);
  EXPECT_FALSE(answer);
  return answer ? "" : answer.error();
}

TEST(AskChrony, TheAnswerIsReadToItsEndAndNothingIsSent) {
  const TemporaryDirectory directory;
  std::string heard = "nothing was heard";
  {
    const FakeUnit unit{directory.path() / "report", [&](int connection) {
                          say(connection, "one,");
                          std::this_thread::sleep_for(20ms);
                          say(connection, "two\n");
                          ::shutdown(connection, SHUT_WR);
                          heard = hear(connection);
                        }};
    EXPECT_EQ(ask_chrony_and_wait(directory.path() / "report", 10s), "one,two\n");
  }
  EXPECT_EQ(heard, "");
}

TEST(AskChrony, ASilentUnitIsWaitedForOnlySoLong) {
  const TemporaryDirectory directory;
  const FakeUnit unit{directory.path() / "report", [](int connection) { hear(connection); }};
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(error_of(directory.path() / "report", 200ms), HasSubstr("within 0.2 s"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST(AskChrony, AnAnswerThatStopsHalfWayIsWaitedForOnlySoLong) {
  const TemporaryDirectory directory;
  const FakeUnit unit{directory.path() / "report", [](int connection) {
                        say(connection, "half");
                        hear(connection);
                      }};
  EXPECT_THAT(error_of(directory.path() / "report", 200ms), HasSubstr("no answer"));
}

TEST(AskChrony, AnEndlessAnswerIsCutOff) {
  const TemporaryDirectory directory;
  const FakeUnit unit{directory.path() / "report",
                      [](int connection) { say(connection, std::string(1'000'000, 'x')); }};
  EXPECT_THAT(error_of(directory.path() / "report"), HasSubstr("64 KiB"));
}

TEST(AskChrony, AnEmptyAnswerIsNone) {
  const TemporaryDirectory directory;
  const FakeUnit unit{directory.path() / "report", [](int) {}};
  EXPECT_THAT(error_of(directory.path() / "report"), HasSubstr("without an answer"));
}

TEST(AskChrony, AMissingSocketNamesTheUnitToStart) {
  const TemporaryDirectory directory;
  EXPECT_THAT(error_of(directory.path() / "reset"),
              AllOf(HasSubstr((directory.path() / "reset").string()),
                    HasSubstr("systemctl enable --now sdwdate-chrony-reset.socket")));
  EXPECT_THAT(error_of(directory.path() / "no folder" / "report"), HasSubstr("there is no socket"));
}

TEST(AskChrony, AnAbandonedSocketIsSaidSo) {
  const TemporaryDirectory directory;
  {
    const FakeUnit gone{directory.path() / "report", [](int) {}};
    ask_chrony_and_wait(directory.path() / "report", 10s);
  }
  EXPECT_THAT(error_of(directory.path() / "report"), HasSubstr("nobody listens"));
}

TEST(AskChrony, WhatIsNoSocketIsSaidSo) {
  const TemporaryDirectory directory;
  const auto file = directory.write("report", "");
  EXPECT_THAT(error_of(file), AllOf(HasSubstr(file.string()), testing::Not(HasSubstr("there is no socket"))));
}

TEST(AskChrony, ASocketThatIsClosedToUsNamesItsGroup) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may connect to every socket";
  const TemporaryDirectory directory;
  const auto path = directory.path() / "reset";
  const base::UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  EXPECT_THAT(error_of(path), AllOf(HasSubstr("not permitted"), HasSubstr("group")));
}

TEST(AskChrony, PathsThatFitNoSocketAddressAreRefused) {
  EXPECT_THAT(error_of(""), HasSubstr("1 to 107 characters"));
  EXPECT_THAT(error_of("/" + std::string(200, 'x')), HasSubstr("1 to 107 characters"));
}

}  // namespace
}  // namespace sdwdate::service
