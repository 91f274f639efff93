#include "machine/processes.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <rapidcheck/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"
#include "support/generators.h"
#include "support/temporary_directory.h"

namespace sdwdate::machine {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

// As Linux 6.1 on amd64 writes them: a name server, chronyd on its usual ports, a connection.
constexpr std::string_view kUdp =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer "
    "drops\n"
    "  363: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 15043 2 "
    "0000000000000000 0\n"
    "  651: 0100007F:0143 00000000:0000 07 00000000:00000000 00:00000000 00000000   105        0 18801 2 "
    "0000000000000000 0\n"
    "  999: 0A00020F:A001 010200C0:007B 01 00000000:00000000 00:00000000 00000000   105        0 18999 2 "
    "0000000000000000 0\n";
constexpr std::string_view kUdp6 =
    "  sl  local_address                         remote_address                        st tx_queue rx_queue tr "
    "tm->when "
    "retrnsmt   uid  timeout inode ref pointer drops\n"
    "15767: 00000000000000000000000000000000:007B 00000000000000000000000000000000:0000 07 00000000:00000000 "
    "00:00000000 "
    "00000000     0        0 836066 2 000000003474cdfb 0\n"
    "15768: B80D0120000000000000000001000000:007B 00000000000000000000000000000000:0000 07 00000000:00000000 "
    "00:00000000 "
    "00000000     0        0 836067 2 000000003474cdfb 0\n";

TEST(Sockets, AddressesArePutInOrder) {
  const SocketTable table = parse_inet_sockets(kUdp, "UDP");
  ASSERT_EQ(table.size(), 3U);
  EXPECT_EQ(to_string(table.at(15043)), "UDP 127.0.0.53:53");
  EXPECT_EQ(to_string(table.at(18801)), "UDP 127.0.0.1:323");
  EXPECT_FALSE(table.at(18801).connected);
  EXPECT_EQ(to_string(table.at(18999)), "UDP 15.2.0.10:40961");
  EXPECT_TRUE(table.at(18999).connected);
}

TEST(Sockets, Ipv6AddressesToo) {
  const SocketTable table = parse_inet_sockets(kUdp6, "UDP");
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(to_string(table.at(836066)), "UDP [::]:123");
  EXPECT_EQ(to_string(table.at(836067)), "UDP [2001:db8::1]:123");
}

TEST(Sockets, HeadingsAndNonsenseAreNoSockets) {
  EXPECT_TRUE(parse_inet_sockets("", "UDP").empty());
  EXPECT_TRUE(parse_inet_sockets("a b c d e f g h i j k\n", "UDP").empty());
  EXPECT_TRUE(parse_inet_sockets("0: 0100007F 00000000:0000 07 0:0 0:0 0 0 0 12\n", "UDP").empty());
}

RC_GTEST_PROP(Sockets, NoTextCrashes, ()) {
  const std::string text = *rc::gen::oneOf(support::any_bytes(), support::any_text_of("0123456789ABCDEF: \n"));
  parse_inet_sockets(text, "UDP");
  parse_inodes(text, 6);
  parse_interfaces(text);
}

TEST(Sockets, TablesWithoutAddressesHaveInodes) {
  EXPECT_THAT(parse_inodes("sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"
                           "0000000000000000 3      3    0003   2     1 0      0      23456\n",
                           8),
              ElementsAre(23456));
  EXPECT_THAT(parse_inodes("Num       RefCount Protocol Flags    Type St Inode Path\n"
                           "0000000000000000: 00000002 00000000 00010000 0001 01 16384 /run/chrony/chronyd.sock\n"
                           "0000000000000000: 00000002 00000000 00000000 0002 01 16385\n",
                           6),
              ElementsAre(16384, 16385));
}

TEST(Interfaces, AreTheWordsBeforeTheColon) {
  EXPECT_THAT(parse_interfaces("Inter-|   Receive                            |  Transmit\n"
                               " face |bytes    packets errs drop fifo frame compressed multicast|bytes\n"
                               "    lo:  123 4 0 0 0 0 0 0 123 4 0 0 0 0 0 0\n"
                               "enp0s3:123456 4 0 0 0 0 0 0 123 4 0 0 0 0 0 0\n"),
              ElementsAre("lo", "enp0s3"));
  EXPECT_THAT(parse_interfaces(""), IsEmpty());
}

// --- this process ------------------------------------------------------------------------------------------------

/// Bound to a free port of loopback.
base::UniqueFd loopback_socket(int type) {
  base::UniqueFd socket{::socket(AF_INET, type | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(type != SOCK_STREAM || ::listen(socket.get(), 1) == 0);
  return socket;
}

std::vector<std::string> protocols() {
  const auto sockets = network_sockets(::getpid());
  EXPECT_TRUE(sockets) << sockets.error();
  std::vector<std::string> found;
  for (const OpenSocket& socket : *sockets) found.push_back(socket.protocol);
  std::ranges::sort(found);
  return found;
}

TEST(OwnSockets, ThoseOfTheNetworkAreSeenAndOthersAreNot) {
  const auto before = protocols();
  {
    const base::UniqueFd unix_socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const base::UniqueFd netlink{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)};
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    ASSERT_EQ(::bind(netlink.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(protocols(), before);
  }
  const base::UniqueFd udp = loopback_socket(SOCK_DGRAM);
  const base::UniqueFd tcp = loopback_socket(SOCK_STREAM);
  auto expected = before;
  expected.insert(expected.end(), {"TCP", "UDP"});
  std::ranges::sort(expected);
  EXPECT_EQ(protocols(), expected);
  const auto sockets = network_sockets(::getpid());
  EXPECT_TRUE(std::ranges::any_of(*sockets, [](const OpenSocket& socket) { return socket.address == "127.0.0.1"; }));
}

TEST(OwnSockets, OneThatIsInNoTableIsUnknownAndNotHarmless) {
  const auto before = protocols();
  const base::UniqueFd unbound{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};  // the kernel lists it nowhere
  auto expected = before;
  expected.emplace_back("unknown");
  std::ranges::sort(expected);
  EXPECT_EQ(protocols(), expected);
}

TEST(Processes, ThisOneIsAmongThem) {
  const auto all = processes();
  const auto self = std::ranges::find(all, ::getpid(), &Process::pid);
  ASSERT_NE(self, all.end());
  EXPECT_EQ(self->parent, ::getppid());
  EXPECT_EQ(self->name, "unit_tests");
  ASSERT_FALSE(self->arguments.empty());
  EXPECT_EQ(fs::path{self->arguments.front()}.filename(), "unit_tests");
}

TEST(Processes, ThisOneSharesTheNetworkOfItself) {
  const auto ways = ways_out(::getpid());
  ASSERT_TRUE(ways);
  EXPECT_THAT(ways->interfaces, testing::Not(Contains("lo")));
}

// --- a made-up /proc ---------------------------------------------------------------------------------------------

class Proc {
 public:
  void put(const std::string& path, std::string_view content) const {
    fs::create_directories((directory_.path() / path).parent_path());
    std::ofstream{directory_.path() / path} << content;
  }
  void process(int pid, const std::string& name, std::string_view ids) const {
    const std::string folder = std::to_string(pid);
    put(folder + "/status", "Name:\t" + name + "\nPPid:\t1\nNSpid:\t" + std::string{ids} + "\n");
    put(folder + "/comm", name + "\n");
    put(folder + "/cmdline", std::string{"/usr/sbin/chronyd\0-f\0/etc/x.conf\0", 33});
  }
  [[nodiscard]] const fs::path& path() const { return directory_.path(); }

 private:
  support::TemporaryDirectory directory_;
};

TEST(MadeUpProc, ProcessesInContainersAreLeftOut) {
  const Proc proc;
  proc.process(12, "chronyd", "12");
  proc.process(90, "chronyd", "90\t7");
  proc.put("self/status", "Name:\tx\n");
  const auto found = processes(proc.path());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].pid, 12);
  EXPECT_EQ(found[0].parent, 1);
  EXPECT_EQ(found[0].name, "chronyd");
  EXPECT_THAT(found[0].arguments, ElementsAre("/usr/sbin/chronyd", "-f", "/etc/x.conf"));
}

TEST(MadeUpProc, AWayOutIsAnInterfaceAndMoreSoWithARoute) {
  const Proc proc;
  proc.put("5/net/dev", "a|b\n    lo: 1 2\n  sit0: 0 0\n  eth0: 1 2\n  eth1: 1 2\n");
  proc.put("5/net/route", "Iface\tDestination\tGateway\neth0\t00000000\t0202000A\n");
  proc.put("5/net/if_inet6", "fe80000000000000021122fffe334455 02 40 20 80     eth1\n");
  const auto ways = ways_out(5, proc.path());
  ASSERT_TRUE(ways);
  EXPECT_THAT(ways->interfaces, ElementsAre("sit0", "eth0", "eth1"));
  EXPECT_THAT(ways->routed, ElementsAre("eth0", "eth1"));
}

TEST(MadeUpProc, TheNetworkIsItsOwnIfTheFirstProcessHasAnother) {
  const Proc proc;
  const auto link = [&](const std::string& pid, const char* target) {
    fs::create_directories(proc.path() / pid / "ns");
    fs::create_symlink(target, proc.path() / pid / "ns" / "net");
  };
  link("1", "net:[100]");
  link("5", "net:[100]");
  link("6", "net:[200]");
  EXPECT_EQ(has_own_network(5, proc.path()), false);
  EXPECT_EQ(has_own_network(6, proc.path()), true);
}

TEST(MadeUpProc, AProcessThatHasEndedIsSaidSo) {
  const Proc proc;
  EXPECT_EQ(network_sockets(77, proc.path()).error(), "process 77 has ended");
  EXPECT_EQ(ways_out(77, proc.path()).error(), "process 77 has ended");
  EXPECT_EQ(has_own_network(77, proc.path()).error(), "process 77 has ended");
}

}  // namespace
}  // namespace sdwdate::machine
