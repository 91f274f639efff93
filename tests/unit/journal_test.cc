#include "base/journal.h"

#include <gmock/gmock.h>

#include "base/service_manager.h"
#include "base/unix_socket.h"
#include "support/datagrams.h"
#include "support/temporary_directory.h"

namespace sdwdate::base {
namespace {

using namespace std::chrono_literals;
using support::DatagramListener;
using testing::HasSubstr;

/// An environment variable for the time of one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST(Journal, AnEntryIsOneFieldALine) {
  const std::string datagram = journal_datagram({Priority::warning, "careful", {{"SDWDATE_EVENT", "test"}}});
  EXPECT_THAT(datagram, testing::StartsWith("PRIORITY=4\nSYSLOG_IDENTIFIER="));
  EXPECT_THAT(datagram, testing::EndsWith("\nMESSAGE=careful\nSDWDATE_EVENT=test\n"));
}

TEST(Journal, AValueOfSeveralLinesIsPrecededByItsLength) {
  using namespace std::string_literals;
  const std::string datagram = journal_datagram({Priority::info, "two\nlines", {}});
  EXPECT_THAT(datagram, HasSubstr("MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\n"s));
}

TEST(UnixDatagram, ArrivesAtAPathAndAtAnAbstractName) {
  const support::TemporaryDirectory directory;
  const std::string text = "hello";
  for (const std::string& name : {(directory.path() / "socket").string(), "@" + directory.path().string()}) {
    DatagramListener listener{name};
    EXPECT_EQ(send_datagram(name, std::as_bytes(std::span{text})), 0) << name;
    EXPECT_EQ(listener.receive(), text);
  }
}

TEST(UnixDatagram, SaysWhyItCannotBeSent) {
  EXPECT_EQ(send_datagram("/nonexistent/socket", {}), ENOENT);
  EXPECT_EQ(send_datagram("", {}), ENAMETOOLONG);
  EXPECT_EQ(send_datagram(std::string(108, 'x'), {}), ENAMETOOLONG);
}

TEST(ServiceManager, IsToldWhatItAskedToBeTold) {
  const support::TemporaryDirectory directory;
  const std::string path = (directory.path() / "notify").string();
  DatagramListener manager{path};
  notify_manager("nobody asked");
  const Variable variable{"NOTIFY_SOCKET", path};
  notify_manager("READY=1\nSTATUS=well");
  EXPECT_EQ(manager.receive(), "READY=1\nSTATUS=well");
}

TEST(ServiceManager, WatchesWhomItMeans) {
  EXPECT_FALSE(watchdog_limit());
  const Variable limit{"WATCHDOG_USEC", "180000000"};
  EXPECT_EQ(watchdog_limit(), 180s);
  {
    const Variable other{"WATCHDOG_PID", "1"};
    EXPECT_FALSE(watchdog_limit());
  }
  const Variable us{"WATCHDOG_PID", std::to_string(::getpid())};
  EXPECT_EQ(watchdog_limit(), 180s);
  for (const char* nonsense : {"", "0", "-5", "3 s", "99999999999999999999"}) {
    const Variable wrong{"WATCHDOG_USEC", nonsense};
    EXPECT_FALSE(watchdog_limit()) << nonsense;
  }
}

}  // namespace
}  // namespace sdwdate::base
