// What unixtime-to-chrony-socket does.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sdwdate::ui {

/// The first that exists of the sockets this project and the founding notes name; the first when none does.
std::string default_socket();

/// Reads `text` as UNIX time and tells the chronyd at `socket` that it is this time now. Complains on `errors`.
base::ExitCode feed_unix_time(const std::string& socket, std::string_view text, std::ostream& errors);

/// The same for each line, at once when it comes; empty lines are passed over. A bad line loses only itself.
/// Returns the first failure's code, or done.
base::ExitCode feed_lines(const std::string& socket, std::istream& lines, std::ostream& errors);

}  // namespace sdwdate::ui
