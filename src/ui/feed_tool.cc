#include "ui/feed_tool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <istream>
#include <ostream>
#include <sstream>

#include "base/text.h"
#include "refclock/sock_feeder.h"
#include "wire/unix_time.h"

namespace sdwdate::ui {
namespace {

using base::ExitCode;
using wire::UnixTimeError;

constexpr std::array<const char*, 2> kSockets{"/run/chrony.sdwdate.sock", "/run/chrony.ttyS0.sock"};

std::string explain(std::string_view text, UnixTimeError error) {
  const std::string shown = base::printable(text, 60);
  switch (error) {
    case UnixTimeError::not_a_number:
      return fmt::format(
          "'{}' is not a UNIX time: write seconds since 1970, such as 1654420510 or "
          "1654420510.864804506",
          shown);
    case UnixTimeError::too_many_decimals:
      return fmt::format("'{}' has more than 9 decimals: nanoseconds are the finest", shown);
    case UnixTimeError::out_of_range: break;
  }
  return fmt::format("chronyd would refuse the time {}: it is after what NTP can express", shown);
}

}  // namespace

std::string default_socket() {
  const auto exists = [](const char* path) {
    std::error_code error;
    return std::filesystem::exists(path, error);
  };
  const auto* const found = std::ranges::find_if(kSockets, exists);
  return found == kSockets.end() ? kSockets.front() : *found;
}

ExitCode feed_unix_time(const std::string& socket, std::string_view text, std::ostream& errors) {
  const auto given = wire::parse_unix_time(text);
  if (!given) {
    errors << explain(text, given.error()) << '\n';
    return given.error() == UnixTimeError::out_of_range ? ExitCode::insane : ExitCode::usage;
  }
  const base::RealTime now = base::real_now();
  const auto fed = refclock::feed(socket, refclock::Sample{now, timecore::Offset{*given - now}});
  if (fed) return ExitCode::done;
  errors << fed.error().message << '\n';
  return fed.error().kind == refclock::FeedError::Kind::unacceptable ? ExitCode::insane : ExitCode::not_fed;
}

ExitCode feed_lines(const std::string& socket, std::istream& lines, std::ostream& errors) {
  ExitCode worst = ExitCode::done;
  std::string line;
  for (unsigned number = 1; std::getline(lines, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    std::ostringstream complaint;
    const ExitCode code = feed_unix_time(socket, line, complaint);
    if (code == ExitCode::done) continue;
    errors << fmt::format("line {}: {}", number, complaint.str()) << std::flush;
    if (worst == ExitCode::done) worst = code;
  }
  return worst;
}

}  // namespace sdwdate::ui
