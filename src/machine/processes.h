// What runs on this machine, and what of the network it can use: read from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sdwdate::machine {

/// A fact, or a sentence that says why it is not known.
template <typename T>
using Known = std::expected<T, std::string>;

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  std::string name;                    ///< the kernel's, at most 15 characters
  std::vector<std::string> arguments;  ///< the program first; may be empty
};

/// All processes that are not in a container of their own: those answer for their own clock's daemons.
std::vector<Process> processes(const std::filesystem::path& proc = "/proc");

struct OpenSocket {
  std::string protocol;  ///< "UDP", "TCP", "raw", "packet"; "unknown" for what the namespace's tables do not have
  std::string address;
  std::uint16_t port = 0;
  bool connected = false;

  bool operator==(const OpenSocket&) const = default;
};

/// "UDP 192.0.2.1:123"
std::string to_string(const OpenSocket& socket);

/// The sockets of a process that can reach another machine; UNIX and netlink sockets cannot. Needs root, or to be the
/// process' own user.
Known<std::vector<OpenSocket>> network_sockets(pid_t pid, const std::filesystem::path& proc = "/proc");

/// What leads out of a network namespace.
struct WaysOut {
  std::vector<std::string> interfaces;  ///< but for loopback
  std::vector<std::string> routed;      ///< those of them that have an address or a route
};

Known<WaysOut> ways_out(pid_t pid, const std::filesystem::path& proc = "/proc");

/// Has this process another network namespace than the first process? Needs root.
Known<bool> has_own_network(pid_t pid, const std::filesystem::path& proc = "/proc");

/// The tables of /proc/PID/net, by inode.
using SocketTable = std::unordered_map<std::uint64_t, OpenSocket>;

/// One of tcp, tcp6, udp, udp6, raw, ...: a heading, then a socket on each line. Lines that make no sense are passed
/// over: a socket without a line is "unknown", which no check takes for harmless.
SocketTable parse_inet_sockets(std::string_view text, std::string_view protocol);

/// The inodes in column `column` (0 is the first) of the tables that have no addresses: packet, unix, netlink.
std::vector<std::uint64_t> parse_inodes(std::string_view text, std::size_t column);

/// The interfaces in /proc/PID/net/dev.
std::vector<std::string> parse_interfaces(std::string_view text);

/// The words in a column of a table, heading included if it has one.
std::vector<std::string_view> column_of(std::string_view text, std::size_t column);

}  // namespace sdwdate::machine
