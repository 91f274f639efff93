#include "machine/processes.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "ipc/address.h"

namespace sdwdate::machine {
namespace {

namespace fs = std::filesystem;

template <typename T>
std::optional<T> number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::vector<std::string_view> words(std::string_view line) {
  constexpr std::string_view kBlank = " \t";
  std::vector<std::string_view> found;
  for (std::size_t start = line.find_first_not_of(kBlank); start < line.size();) {
    const std::size_t end = std::min(line.find_first_of(kBlank, start), line.size());
    found.push_back(line.substr(start, end - start));
    start = line.find_first_not_of(kBlank, end);
  }
  return found;
}

fs::path folder_of(const fs::path& proc, pid_t pid) { return proc / std::to_string(pid); }

// --- processes ---------------------------------------------------------------------------------------------------

/// The words after "KEY:" in /proc/PID/status.
std::vector<std::string_view> values_of(std::string_view status, std::string_view key) {
  while (!status.empty()) {
    const std::string_view line = take_line(status);
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ':') {
      return words(line.substr(key.size() + 1));
    }
  }
  return {};
}

std::vector<std::string> arguments_of(std::string_view line) {
  std::vector<std::string> arguments;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find('\0'), line.size());
    arguments.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return arguments;
}

std::optional<Process> read_process(const fs::path& proc, pid_t pid) {
  const auto status = base::read_trusted_file(folder_of(proc, pid) / "status");
  if (!status) return std::nullopt;  // it has ended meanwhile
  // A process in a PID namespace below ours has an id there, too.
  if (values_of(*status, "NSpid").size() > 1) return std::nullopt;
  Process process;
  process.pid = pid;
  const auto parent = values_of(*status, "PPid");
  process.parent = parent.empty() ? 0 : number<pid_t>(parent.front()).value_or(0);
  process.name = base::read_trusted_file(folder_of(proc, pid) / "comm").value_or("");
  while (process.name.ends_with('\n')) process.name.pop_back();
  process.arguments = arguments_of(base::read_trusted_file(folder_of(proc, pid) / "cmdline").value_or(""));
  return process;
}

// --- sockets -----------------------------------------------------------------------------------------------------

/// "0100007F:0143" or the same with 32 digits: 32-bit words in the machine's order, and a port.
std::optional<OpenSocket> local_end(std::string_view text) {
  constexpr std::size_t kWord = 8;
  const std::size_t colon = text.find(':');
  if (colon != kWord && colon != 4 * kWord) return std::nullopt;
  ipc::IpAddress address;
  address.v6 = colon != kWord;
  for (std::size_t at = 0; at < colon; at += kWord) {
    const auto word = number<std::uint32_t>(text.substr(at, kWord), 16);
    if (!word) return std::nullopt;
    std::memcpy(address.bytes.data() + at / 2, &*word, sizeof *word);
  }
  const auto port = number<std::uint16_t>(text.substr(colon + 1), 16);
  if (!port) return std::nullopt;
  return OpenSocket{"", ipc::to_string(address), *port, false};
}

bool is_connected(std::string_view remote) { return remote.find_first_not_of("0:") != std::string_view::npos; }

struct Table {
  const char* file;
  const char* protocol;
};
constexpr std::array<Table, 12> kInetTables{{{"tcp", "TCP"},
                                             {"tcp6", "TCP"},
                                             {"udp", "UDP"},
                                             {"udp6", "UDP"},
                                             {"udplite", "UDP-Lite"},
                                             {"udplite6", "UDP-Lite"},
                                             {"raw", "raw"},
                                             {"raw6", "raw"},
                                             {"icmp", "ICMP"},
                                             {"icmp6", "ICMP"},
                                             {"dccp", "DCCP"},
                                             {"dccp6", "DCCP"}}};
constexpr std::size_t kPacketInode = 8;
constexpr std::size_t kUnixInode = 6;
constexpr std::size_t kNetlinkInode = 9;

/// Every socket of the namespace that is in one of its tables; those that lead nowhere have no protocol.
SocketTable sockets_of_namespace(const fs::path& net) {
  SocketTable table;
  for (const Table& kind : kInetTables) {
    table.merge(parse_inet_sockets(base::read_trusted_file(net / kind.file).value_or(""), kind.protocol));
  }
  for (const std::uint64_t inode : parse_inodes(base::read_trusted_file(net / "packet").value_or(""), kPacketInode)) {
    table.try_emplace(inode, OpenSocket{"packet", "", 0, false});
  }
  for (const std::uint64_t inode : parse_inodes(base::read_trusted_file(net / "unix").value_or(""), kUnixInode)) {
    table.try_emplace(inode);
  }
  for (const std::uint64_t inode : parse_inodes(base::read_trusted_file(net / "netlink").value_or(""), kNetlinkInode)) {
    table.try_emplace(inode);
  }
  return table;
}

std::string cannot_look(pid_t pid, const std::error_code& error) {
  const int number = error.value();
  if (number == EACCES || number == EPERM) return "needs root";
  if (number == ENOENT || number == ESRCH) return fmt::format("process {} has ended", pid);
  return fmt::format("cannot look at process {}: {}", pid, base::errno_text(number));
}

/// "socket:[12345]"
std::optional<std::uint64_t> socket_inode(std::string_view target) {
  constexpr std::string_view kStart = "socket:[";
  if (!target.starts_with(kStart) || !target.ends_with(']')) return std::nullopt;
  return number<std::uint64_t>(target.substr(kStart.size(), target.size() - kStart.size() - 1));
}

}  // namespace

std::vector<Process> processes(const fs::path& proc) {
  std::vector<Process> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{proc, error}) {
    const auto pid = number<pid_t>(entry.path().filename().string());
    if (!pid) continue;
    if (auto process = read_process(proc, *pid)) found.push_back(*std::move(process));
  }
  std::ranges::sort(found, {}, &Process::pid);
  return found;
}

std::string to_string(const OpenSocket& socket) {
  if (socket.address.empty()) return socket.protocol;
  const bool brackets = socket.address.contains(':');
  return fmt::format("{} {}{}{}:{}", socket.protocol, brackets ? "[" : "", socket.address, brackets ? "]" : "",
                     socket.port);
}

Known<std::vector<OpenSocket>> network_sockets(pid_t pid, const fs::path& proc) {
  std::error_code error;
  std::vector<std::uint64_t> inodes;
  for (fs::directory_iterator entry{folder_of(proc, pid) / "fd", error}, end; !error && entry != end;
       entry.increment(error)) {
    std::error_code closed;  // meanwhile
    const fs::path target = fs::read_symlink(entry->path(), closed);
    if (const auto inode = socket_inode(target.string())) inodes.push_back(*inode);
  }
  if (error) return std::unexpected(cannot_look(pid, error));

  const SocketTable table = sockets_of_namespace(folder_of(proc, pid) / "net");
  std::vector<OpenSocket> sockets;
  for (const std::uint64_t inode : inodes) {
    const auto entry = table.find(inode);
    if (entry == table.end()) {
      sockets.push_back({"unknown", "", 0, false});
    } else if (!entry->second.protocol.empty()) {
      sockets.push_back(entry->second);
    }
  }
  return sockets;
}

Known<WaysOut> ways_out(pid_t pid, const fs::path& proc) {
  const fs::path net = folder_of(proc, pid) / "net";
  const auto devices = base::read_trusted_file(net / "dev");
  if (!devices) {
    return std::unexpected(cannot_look(pid, std::error_code{devices.error(), std::generic_category()}));
  }
  WaysOut ways;
  for (std::string& name : parse_interfaces(*devices)) {
    if (name != "lo") ways.interfaces.push_back(std::move(name));
  }
  // The interface is the first word of an IPv4 route, the last of an IPv6 one and of an IPv6 address.
  std::set<std::string> routed;
  constexpr std::size_t kInterfaceOfRoute6 = 9;
  constexpr std::size_t kInterfaceOfAddress6 = 5;
  const auto add = [&](const char* file, std::size_t column) {
    const std::string text = base::read_trusted_file(net / file).value_or("");
    for (const std::string_view name : column_of(text, column)) routed.emplace(name);
  };
  add("route", 0);
  add("ipv6_route", kInterfaceOfRoute6);
  add("if_inet6", kInterfaceOfAddress6);
  std::ranges::copy_if(ways.interfaces, std::back_inserter(ways.routed),
                       [&](const std::string& name) { return routed.contains(name); });
  return ways;
}

Known<bool> has_own_network(pid_t pid, const fs::path& proc) {
  std::error_code error;
  const fs::path theirs = fs::read_symlink(folder_of(proc, pid) / "ns" / "net", error);
  if (error) return std::unexpected(cannot_look(pid, error));
  const fs::path first = fs::read_symlink(folder_of(proc, 1) / "ns" / "net", error);
  if (error) return std::unexpected(cannot_look(1, error));
  return theirs != first;
}

SocketTable parse_inet_sockets(std::string_view text, std::string_view protocol) {
  constexpr std::size_t kLocal = 1;
  constexpr std::size_t kRemote = 2;
  constexpr std::size_t kInode = 9;
  SocketTable table;
  while (!text.empty()) {
    const auto fields = words(take_line(text));
    if (fields.size() <= kInode) continue;
    auto socket = local_end(fields[kLocal]);
    const auto inode = number<std::uint64_t>(fields[kInode]);
    if (!socket || !inode) continue;
    socket->protocol = protocol;
    socket->connected = is_connected(fields[kRemote]);
    table.insert_or_assign(*inode, *std::move(socket));
  }
  return table;
}

std::vector<std::string_view> column_of(std::string_view text, std::size_t column) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const auto fields = words(take_line(text));
    if (fields.size() > column) found.push_back(fields[column]);
  }
  return found;
}

std::vector<std::uint64_t> parse_inodes(std::string_view text, std::size_t column) {
  std::vector<std::uint64_t> inodes;
  for (const std::string_view field : column_of(text, column)) {
    if (const auto inode = number<std::uint64_t>(field)) inodes.push_back(*inode);
  }
  return inodes;
}

std::vector<std::string> parse_interfaces(std::string_view text) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::size_t colon = line.rfind(':');  // an alias such as eth0:1 is never listed, but a name may have one
    if (colon == std::string_view::npos || line.contains('|')) continue;
    for (const std::string_view name : words(line.substr(0, colon))) found.emplace_back(name);
  }
  return found;
}

}  // namespace sdwdate::machine
