#include "ui/feed_tool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "refclock/sock_feeder.h"
#include "ui/commands.h"
#include "ui/subcommand.h"
#include "wire/unix_time.h"

namespace sdwdate::ui {
namespace {

using base::ExitCode;
using wire::UnixTimeError;

constexpr std::size_t kShownText = 60;
constexpr std::array<const char*, 2> kSockets{"/run/chrony.sdwdate.sock", "/run/chrony.ttyS0.sock"};

std::string explain(std::string_view text, UnixTimeError error) {
  const std::string shown = base::printable(text, kShownText);
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

/// What became of one time; no complaint when done.
struct Handover {
  ExitCode code = ExitCode::done;
  std::string complaint;
};

Handover hand_over(const std::string& socket, std::string_view text) {
  const auto given = wire::parse_unix_time(text);
  if (!given) {
    const bool too_late = given.error() == UnixTimeError::out_of_range;
    return {too_late ? ExitCode::insane : ExitCode::usage, explain(text, given.error())};
  }
  // Whole microseconds, as the datagram has them: time and offset then add up to what was given, to the nanosecond.
  const base::RealTime now = std::chrono::floor<std::chrono::microseconds>(base::real_now());
  const auto fed = refclock::feed(socket, refclock::Sample{now, timecore::Offset{*given - now}});
  if (fed) return {};
  const bool refused = fed.error().kind == refclock::FeedError::Kind::unacceptable;
  return {refused ? ExitCode::insane : ExitCode::not_fed, fed.error().message};
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

ExitCode FeedTool::feed(std::string_view text, std::string_view where) {
  const Handover outcome = hand_over(socket_, text);
  if (output_.json) {
    const nlohmann::ordered_json json{{"schema", 1},
                                      {"time", base::printable(text, kShownText)},
                                      {"socket", socket_},
                                      {"fed", outcome.code == ExitCode::done},
                                      {"error", outcome.complaint.empty() ? nlohmann::ordered_json(nullptr)
                                                                          : nlohmann::ordered_json(outcome.complaint)}};
    results_ << json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n' << std::flush;
  } else if (output_.verbose && outcome.code == ExitCode::done) {
    results_ << fmt::format("told chronyd at {} that it is {}\n", socket_, text) << std::flush;
  }
  if (!outcome.complaint.empty()) errors_ << where << outcome.complaint << '\n' << std::flush;
  return outcome.code;
}

ExitCode FeedTool::feed_lines(std::istream& lines) {
  ExitCode first_failure = ExitCode::done;
  std::string line;
  for (unsigned number = 1; std::getline(lines, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    const ExitCode code = feed(line, fmt::format("line {}: ", number));
    if (first_failure == ExitCode::done) first_failure = code;
  }
  return first_failure;
}

int run_unixtime_to_chrony_socket(int argc, char** argv) {
  CLI::App app{"Tells chronyd, through its refclock SOCK driver, what time it is now.", "unixtime-to-chrony-socket"};
  std::string socket = default_socket();
  std::string time;
  app.add_option("--socket", socket, "chronyd's socket")->type_name("PATH")->capture_default_str();
  app.add_option("UNIXTIME", time, "Seconds since 1970, up to 9 decimals; - reads one from each line of standard input")
      ->required();
  app.footer("Exit status: 0 sent, 2 not a time, 3 chrony could not be fed, 4 a time chrony would refuse.");
  OutputOptions output;
  add_output_options(app, output);
  if (const auto code = parse(app, argc, argv)) return *code;
  FeedTool tool{socket, output, std::cout, std::cerr};
  return status(time == "-" ? tool.feed_lines(std::cin) : tool.feed(time));
}

}  // namespace sdwdate::ui
