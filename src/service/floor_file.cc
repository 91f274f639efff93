#include "service/floor_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "base/text.h"
#include "wire/unix_time.h"

namespace sdwdate::service {
namespace {

using std::chrono::sys_seconds;
using timecore::FloorMemory;
using timecore::PastTime;
using timecore::SavedFloor;
using timecore::Voucher;

constexpr std::size_t kLongestNames = 300;
constexpr std::string_view kFloor = "floor";
constexpr std::string_view kRound = "round";
/// In the order of Voucher.
constexpr std::array<std::string_view, 3> kVouchers{"rounds", "hand", "old"};
constexpr std::string_view kUnknown = "-";

std::string text_of(const PastTime& past) {
  const bool noted = past.noted && *past.noted >= timecore::kEarliestDate;
  return fmt::format("{} {}", noted ? std::to_string(past.noted->time_since_epoch().count()) : std::string{kUnknown},
                     past.by.empty() ? std::string{kUnknown} : base::printable(past.by, kLongestNames));
}

/// Takes the text up to the next space, which goes, too.
std::string_view take_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

std::optional<sys_seconds> time_of(std::string_view word) {
  const auto time = wire::parse_unix_time(word);
  if (!time) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*time);
}

/// What text_of() has written.
std::optional<PastTime> past_time(std::optional<sys_seconds> time, std::string_view line) {
  const std::string_view noted = take_word(line);
  PastTime past{.time = {}, .noted = time_of(noted), .by = {}};
  if (!time || line.empty() || (!past.noted && noted != kUnknown)) return std::nullopt;
  past.time = *time;
  if (line != kUnknown) past.by = base::printable(line, kLongestNames);
  return past;
}

std::optional<SavedFloor> floor_of(std::string_view line) {
  const auto time = time_of(take_word(line));
  const auto* const voucher = std::ranges::find(kVouchers, take_word(line));
  const auto past = past_time(time, line);
  if (!past || voucher == kVouchers.end()) return std::nullopt;
  return SavedFloor{*past, static_cast<Voucher>(voucher - kVouchers.begin())};
}

/// Adds what a line says; false if it makes no sense there.
bool add(FloorMemory& memory, std::string_view line) {
  const std::string_view what = take_word(line);
  if (what == kFloor && !memory.floor) {
    memory.floor = floor_of(line);
    return memory.floor.has_value();
  }
  if (what == kRound && !memory.last_round) {
    const auto time = time_of(take_word(line));
    memory.last_round = past_time(time, line);
    return memory.last_round.has_value();
  }
  return false;
}

}  // namespace

std::string floor_text(const FloorMemory& memory) {
  std::string text;
  if (memory.floor) {
    text += fmt::format("{} {} {} {}\n", kFloor, memory.floor->past.time.time_since_epoch().count(),
                        kVouchers.at(static_cast<std::size_t>(memory.floor->voucher)), text_of(memory.floor->past));
  }
  if (memory.last_round) {
    text += fmt::format("{} {} {}\n", kRound, memory.last_round->time.time_since_epoch().count(),
                        text_of(*memory.last_round));
  }
  return text;
}

std::optional<FloorMemory> parse_floor(std::string_view text) {
  // Without the end of the line, what is there may have been cut short.
  if (!text.ends_with('\n')) return std::nullopt;
  text.remove_suffix(1);
  if (const auto old = time_of(text)) return timecore::floor_by(Voucher::old_version, {*old, std::nullopt, {}});
  FloorMemory memory;
  for (const auto part : std::views::split(text, '\n')) {
    if (!add(memory, std::string_view{part})) return std::nullopt;
  }
  if (memory == FloorMemory{}) return std::nullopt;
  return memory;
}

}  // namespace sdwdate::service
