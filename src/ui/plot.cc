#include "ui/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ostream>
#include <span>
#include <utility>

#include "base/text.h"

namespace sdwdate::ui {
namespace {

using service::SourceReport;
using std::chrono::nanoseconds;

constexpr double kNearest = 1e-4;
constexpr double kFarthest = 2;
/// Number of the answer, brackets, width in words.
constexpr std::size_t kBeside = 4 + 2 + 11;
constexpr std::size_t kNarrowest = 20;

/// How many characters from the middle a distance is drawn.
std::size_t column(nanoseconds distance, std::size_t half) {
  const double seconds = std::clamp(std::chrono::duration<double>{distance}.count(), kNearest, kFarthest);
  const double share = std::log(seconds / kNearest) / std::log(kFarthest / kNearest);
  return static_cast<std::size_t>(std::lround(share * static_cast<double>(half)));
}

/// Marks at decades on both sides, where there is room.
std::string scale(std::size_t half) {
  constexpr std::array<std::pair<nanoseconds, std::string_view>, 4> kMarks{{{std::chrono::milliseconds{1}, "1ms"},
                                                                            {std::chrono::milliseconds{10}, "10ms"},
                                                                            {std::chrono::milliseconds{100}, "100ms"},
                                                                            {std::chrono::seconds{1}, "1s"}}};
  std::string line(2 * half + 1, ' ');
  line[half] = '|';
  for (const auto& [distance, text] : kMarks) {
    const std::size_t away = column(distance, half);
    const std::size_t right = std::min(half + away, line.size() - text.size());
    const std::size_t left = half - std::min(away, half);
    line.replace(right, text.size(), text);
    line.replace(left, text.size(), text);
  }
  return line;
}

std::string row(nanoseconds below, nanoseconds above, std::size_t half) {
  std::string line(2 * half + 1, ' ');
  const std::size_t from = half - column(below, half);
  const std::size_t to = half + column(above, half);
  std::fill(line.begin() + static_cast<std::ptrdiff_t>(from), line.begin() + static_cast<std::ptrdiff_t>(to), '-');
  line[from] = '[';
  line[to] = ']';
  line[half] = '|';
  return line;
}

void print_source(std::ostream& out, const SourceReport& source, const timecore::TransferOptions& options,
                  base::RawTime at, std::size_t half) {
  out << fmt::format("\n{}\n    {}\n", source.spec.url.text, scale(half));
  const std::span all{source.reading.exchanges};
  for (std::size_t count = 1; count <= all.size(); ++count) {
    const auto bounds = timecore::combine(all.first(count), options, at);
    if (!bounds) continue;  // a cache alone, or a contradiction that later answers did not make
    const nanoseconds below = source.estimate.offset - bounds->lower;
    const nanoseconds above = bounds->upper - source.estimate.offset;
    out << fmt::format("{:>3} {} {:>9}\n", count, row(below, above, half), base::in_words(bounds->width()));
  }
}

}  // namespace

void print_plot(std::ostream& out, const service::RoundReport& round, const timecore::TransferOptions& options,
                std::size_t width) {
  const std::size_t half = (std::max(width, kBeside + kNarrowest) - kBeside) / 2;
  for (const SourceReport& source : round.sources) {
    if (source.claim) print_source(out, source, source.spec.transfer(options), round.at.raw, half);
  }
}

}  // namespace sdwdate::ui
