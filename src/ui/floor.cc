// `sdwdate floor`: which time is held to be past, on whose word, and how to change that.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/build_info.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "config/config.h"
#include "service/state.h"
#include "service/words.h"
#include "timecore/sanity.h"
#include "ui/subcommand.h"
#include "wire/unix_time.h"

namespace sdwdate::ui {
namespace {

using nlohmann::ordered_json;
using service::Floor;
using service::utc;
using std::chrono::sys_seconds;
using timecore::PastTime;

struct FloorOptions {
  std::string config;
  std::string set;
  bool reset = false;
  bool json = false;
};

// --- reading a time ---------------------------------------------------------------------------------------------

/// Takes two digits or four, and then what ends them.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  int number = 0;
  const std::string_view part = text.substr(0, digits);
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
  if (part.size() != digits || !base::is_digit(part.front()) || error != std::errc{} ||
      end != part.data() + part.size()) {
    return std::nullopt;
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::chrono::sys_days> take_day(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date};
}

/// " 12:00" or "T12:00:30"; midnight if nothing is left.
std::optional<std::chrono::seconds> take_clock(std::string_view& text) {
  if (text.empty()) return std::chrono::seconds{0};
  if (!take(text, ' ') && !take(text, 'T')) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  const bool has_seconds = take(text, ':');
  const auto second = has_seconds ? take_number(text, 2) : std::optional<int>{0};
  if (!minute || !second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second};
}

/// A UNIX time, or "2026-11-25", "2026-11-25 12:00", "2026-11-25T12:00:30Z", in UTC.
std::optional<sys_seconds> read_time(std::string_view text) {
  if (const auto unix_time = wire::parse_unix_time(text)) return std::chrono::floor<std::chrono::seconds>(*unix_time);
  for (const std::string_view zone : {" UTC", "Z"}) {
    if (!text.ends_with(zone)) continue;
    text.remove_suffix(zone.size());
    break;
  }
  const auto day = take_day(text);
  if (!day) return std::nullopt;
  const auto clock = take_clock(text);
  if (!clock || !text.empty()) return std::nullopt;
  return *day + *clock;
}

// --- showing ----------------------------------------------------------------------------------------------------

std::string agreed_on_by(const PastTime& past) {
  return past.by.empty() ? "" : fmt::format("            agreed on by {}\n", past.by);
}

std::string text_of(const Floor& floor) {
  const std::string file = floor.file.string();
  std::string text = fmt::format("floor       {}\n", utc(floor.time));
  if (floor.is_saved()) {
    text += fmt::format("            saved in {}: {}\n", file, service::describe(*floor.saved.floor));
    text += agreed_on_by(floor.saved.floor->past);
  } else {
    text += fmt::format("            the day of this version; {} {}\n", file,
                        floor.saved.floor ? "has an earlier one" : "has none");
  }
  if (const auto& last = floor.saved.last_round; last && last->time > floor.time) {
    text += fmt::format("last round  {}\n            not in force until another round says that it is past\n",
                        utc(last->time));
    if (last->noted) text += fmt::format("            noted at {} by this machine's clock\n", utc(*last->noted));
    text += agreed_on_by(*last);
  }
  return text + fmt::format("version     {}, of {}\n", base::version(), utc(base::build_floor()));
}

ordered_json json_of(const PastTime& past) {
  return {{"time", past.time.time_since_epoch().count()},
          {"noted", past.noted ? ordered_json(past.noted->time_since_epoch().count()) : ordered_json(nullptr)},
          {"by", past.by.empty() ? ordered_json(nullptr) : ordered_json(past.by)}};
}

std::string json_of(const Floor& floor) {
  constexpr std::array<std::string_view, 3> kVouchers{"rounds", "administrator", "old_version"};
  ordered_json saved = nullptr;
  if (floor.saved.floor) {
    saved = json_of(floor.saved.floor->past);
    saved["voucher"] = kVouchers.at(static_cast<std::size_t>(floor.saved.floor->voucher));
  }
  const ordered_json json{
      {"schema", 1},
      {"floor", floor.time.time_since_epoch().count()},
      {"from", floor.is_saved() ? "file" : "build"},
      {"file", floor.file.string()},
      {"saved", saved},
      {"last_round", floor.saved.last_round ? json_of(*floor.saved.last_round) : ordered_json(nullptr)},
      {"build", base::build_floor().time_since_epoch().count()},
      {"warning", floor.warning ? ordered_json(*floor.warning) : ordered_json(nullptr)}};
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

// --- changing ---------------------------------------------------------------------------------------------------

std::expected<sys_seconds, std::string> time_to_set(const FloorOptions& options, const config::Config& config) {
  const auto time = read_time(options.set);
  if (!time) {
    return std::unexpected(fmt::format("--set {}: write a UNIX time, or UTC as in 2026-11-25 or '2026-11-25 12:00:00'",
                                       base::printable(options.set, 100)));
  }
  if (*time <= base::build_floor()) {
    return std::unexpected(
        fmt::format("--set {}: this version is of {}, before which no time is believed anyway; "
                    "--reset forgets what was saved",
                    utc(*time), utc(base::build_floor())));
  }
  const auto ceiling = timecore::limits_from(base::build_floor(), config.ceiling_years).ceiling;
  if (*time > ceiling) {
    return std::unexpected(
        fmt::format("--set {}: no time after {} is believed ([sanity] ceiling_years)", utc(*time), utc(ceiling)));
  }
  return *time;
}

std::expected<void, std::string> change(const FloorOptions& options, const config::Config& config) {
  if (options.reset) return service::forget_floor(config.state_directory);
  const auto time = time_to_set(options, config);
  if (!time) return std::unexpected(time.error());
  const auto now = std::chrono::floor<std::chrono::seconds>(base::real_now());
  if (auto set = service::set_floor(config.state_directory, {*time, now, {}}); !set) return set;
  if (*time > now) {
    std::cerr << fmt::format("warning: that is after what this machine's clock shows, {}\n", utc(now));
  }
  return {};
}

int run_floor(const FloorOptions& options) {
  base::survive_file_size_limit();
  const auto config = options.config.empty() ? config::load(config::system_files()) : config::load({options.config});
  if (!config) return complain(config.error());
  const bool changes = options.reset || !options.set.empty();
  if (changes) {
    if (const auto changed = change(options, *config); !changed) return complain({changed.error()});
  }
  const Floor floor = service::load_floor(config->state_directory, config->ceiling_years);
  std::cout << (options.json ? json_of(floor) : text_of(floor));
  if (changes && !options.json) std::cout << "sdwdated goes by this from its next round on.\n";
  if (floor.warning) std::cerr << "warning: " << *floor.warning << '\n';
  return status(floor.warning ? base::ExitCode::no_agreement : base::ExitCode::done);
}

}  // namespace

Subcommand add_floor(CLI::App& parent) {
  CLI::App* parser =
      parent.add_subcommand("floor", "Say which time is held to be past, and on whose word; or change it");
  auto options = std::make_shared<FloorOptions>();
  parser->add_option("--config", options->config, "Read only this file instead of the system's configuration")
      ->type_name("FILE");
  auto* set = parser->add_option("--set", options->set, "Hold this time to be past, whatever was saved (root)")
                  ->type_name("TIME");
  parser->add_flag("--reset", options->reset, "Forget what was saved: the day of this version counts (root)")
      ->excludes(set);
  parser->add_flag("--json", options->json, "Print it as JSON, for programs");
  parser->footer(
      "TIME is a UNIX time, or UTC as in 2026-11-25 or '2026-11-25 12:00:00'.\n"
      "Exit status: 0 done, 1 what is saved cannot be used, 2 not allowed, or a mistake.");
  return {parser, [options] { return run_floor(*options); }};
}

}  // namespace sdwdate::ui
