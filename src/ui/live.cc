#include "ui/live.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace sdwdate::ui {
namespace {

using service::SourceProgress;

constexpr std::size_t kBar = 20;
constexpr std::size_t kLongestUrl = 40;
constexpr std::size_t kUsualWidth = 80;

struct Size {
  std::size_t width = kUsualWidth;
  std::size_t height = 24;
};

Size terminal_size() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

/// Full when a millisecond is open, empty when a second is: each character is a factor.
std::string bar(std::chrono::nanoseconds open) {
  const double decades = -std::log10(std::max(std::chrono::duration<double>{open}.count(), 1e-9));
  const double full = std::clamp(decades / 3, 0.0, 1.0) * static_cast<double>(kBar);
  std::string text(kBar, '.');
  std::fill_n(text.begin(), static_cast<std::ptrdiff_t>(full), '#');
  return text;
}

std::string state_of(const SourceProgress& source) {
  if (source.failed) return "failed";
  if (source.exchanges == 0) return "connecting";
  std::string answers = fmt::format("{} answer{}", source.exchanges, source.exchanges == 1 ? "" : "s");
  if (!source.bounds) return answers;
  return fmt::format("{:<10}  {}  {:>9} open{}", answers, bar(source.bounds->width()),
                     base::in_words(source.bounds->width()), source.ended ? ", done" : "");
}

}  // namespace

std::vector<std::string> live_lines(const service::Progress& progress, std::size_t width) {
  std::size_t longest = 0;
  for (const SourceProgress& source : progress.sources) longest = std::max(longest, source.url.size());
  longest = std::min(longest, kLongestUrl);
  std::vector<std::string> lines;
  if (!progress.headline.empty()) lines.push_back(progress.headline.substr(0, width));
  for (const SourceProgress& source : progress.sources) {
    const std::string line = fmt::format("{:<{}}  {}", source.url.substr(0, kLongestUrl), longest, state_of(source));
    lines.push_back(line.substr(0, width));
  }
  return lines;
}

LiveView::LiveView(bool wanted) : shown_(wanted && ::isatty(STDERR_FILENO) == 1) {}

LiveView::~LiveView() { draw({}); }

void LiveView::show(const service::Progress& progress) {
  if (!shown_) return;
  const Size size = terminal_size();
  auto lines = live_lines(progress, size.width - 1);
  // What has scrolled away could not be drawn over.
  if (lines.size() >= size.height)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(size.height - 1));
  draw(lines);
}

void LiveView::draw(const std::vector<std::string>& lines) {
  if (!shown_ || (lines.empty() && drawn_ == 0)) return;
  std::string text = drawn_ > 0 ? fmt::format("\x1b[{}F", drawn_) : "";
  text += "\x1b[J";
  for (const std::string& line : lines) text += line + '\n';
  fmt::print(stderr, "{}", text);
  static_cast<void>(std::fflush(stderr));
  drawn_ = lines.size();
}

}  // namespace sdwdate::ui
