// Log lines with fields: to systemd's journal where it listens, else as text to standard error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sdwdate::base {

/// syslog's levels, of which so many are used.
enum class Priority : std::uint8_t { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// One line: a sentence for people, and fields for programs (upper-case names: systemd.journal-fields(7)).
struct LogEntry {
  struct Field {
    std::string name;
    std::string value;
  };
  Priority priority = Priority::info;
  std::string message;
  std::vector<Field> fields;
};

/// The datagram of the journal's native protocol for an entry.
std::string journal_datagram(const LogEntry& entry);

/// Writes the entry. The journal is used if this process's standard error is connected to it, as in a service.
void log(const LogEntry& entry);

}  // namespace sdwdate::base
