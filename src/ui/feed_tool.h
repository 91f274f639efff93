// What unixtime-to-chrony-socket does.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "base/error.h"
#include "ui/options.h"

namespace sdwdate::ui {

/// The first that exists of the sockets this project and the founding notes name; the first when none does.
std::string default_socket();

/// Tells one chronyd times, and a person or a program what became of them.
class FeedTool {
 public:
  FeedTool(std::string socket, OutputOptions output, std::ostream& results, std::ostream& errors)
      : socket_(std::move(socket)), output_(output), results_(results), errors_(errors) {}

  /// Reads `text` as UNIX time and tells chronyd that it is this time now.
  base::ExitCode feed(std::string_view text) { return feed(text, ""); }

  /// The same for each line, at once when it comes; empty lines are passed over. A bad line loses only itself.
  /// Returns the first failure's code, or done.
  base::ExitCode feed_lines(std::istream& lines);

 private:
  /// `where` is put before a complaint.
  base::ExitCode feed(std::string_view text, std::string_view where);

  std::string socket_;
  OutputOptions output_;
  std::ostream& results_;
  std::ostream& errors_;
};

}  // namespace sdwdate::ui
