#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sdwdate::base {

std::string printable(std::string_view text, std::size_t limit) {
  std::string clean{text.substr(0, limit)};
  std::ranges::replace_if(clean, [](char c) { return c < ' ' || c > '~'; }, '?');
  return clean;
}

std::string utc_text(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::string in_words(std::chrono::nanoseconds time) {
  using namespace std::chrono;
  struct Unit {
    std::string_view name;
    nanoseconds size;
    nanoseconds below;  ///< up to here this unit reads best
  };
  constexpr std::array<Unit, 7> kUnits{{{"us", microseconds{1}, milliseconds{1}},
                                        {"ms", milliseconds{1}, seconds{1}},
                                        {"s", seconds{1}, minutes{2}},
                                        {"min", minutes{1}, hours{2}},
                                        {"h", hours{1}, hours{48}},
                                        {"days", hours{24}, hours{24} * 730},
                                        {"years", years{1}, nanoseconds::max()}}};
  const auto* const fitting = std::ranges::find_if(kUnits, [&](const Unit& unit) { return time < unit.below; });
  const Unit& unit = fitting == kUnits.end() ? kUnits.back() : *fitting;
  const double value = static_cast<double>(time.count()) / static_cast<double>(unit.size.count());
  // Three digits: a number is never known better than the next decimal would say.
  const int whole_digits = 1 + static_cast<int>(value >= 10) + static_cast<int>(value >= 100);
  return fmt::format("{:.{}f} {}", value, 3 - whole_digits, unit.name);
}

}  // namespace sdwdate::base
