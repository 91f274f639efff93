#include "base/journal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/unix_socket.h"

namespace sdwdate::base {
namespace {

constexpr std::string_view kJournal = "/run/systemd/journal/socket";

/// Is standard error the stream that the service manager has connected to the journal? It tells a service which one
/// that is, as DEVICE:INODE.
bool stderr_is_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino) == stream;
}

/// NAME=value, or where the value has several lines: the name, 64 bits of length (little endian), the value.
void append(std::string& datagram, std::string_view name, std::string_view value) {
  datagram += name;
  if (value.find('\n') == std::string_view::npos) {
    datagram += '=';
  } else {
    datagram += '\n';
    for (int byte = 0; byte < 8; ++byte) datagram += static_cast<char>((value.size() >> (8 * byte)) & 0xffU);
  }
  datagram += value;
  datagram += '\n';
}

}  // namespace

std::string journal_datagram(const LogEntry& entry) {
  std::string datagram;
  append(datagram, "PRIORITY", std::to_string(static_cast<int>(entry.priority)));
  append(datagram, "SYSLOG_IDENTIFIER", ::program_invocation_short_name);
  append(datagram, "MESSAGE", entry.message);
  for (const LogEntry::Field& field : entry.fields) append(datagram, field.name, field.value);
  return datagram;
}

void log(const LogEntry& entry) {
  static const bool journal = stderr_is_journal();
  if (journal) {
    const std::string datagram = journal_datagram(entry);
    if (send_datagram(kJournal, std::as_bytes(std::span{datagram})) == 0) return;
  }
  const std::string line = entry.message + '\n';
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace sdwdate::base
