// What a round looks like while it runs, on a terminal.
#pragma once

#include <string>
#include <vector>

#include "service/round.h"

namespace sdwdate::ui {

/// A line for each source: how many answers, how much is still open, and a bar that fills as that shrinks. No line is
/// longer than `width`.
std::vector<std::string> live_lines(const service::Progress& progress, std::size_t width);

/// Draws those lines on a terminal's standard error, again and again in the same place, and nothing elsewhere; wipes
/// them when destroyed.
class LiveView {
 public:
  explicit LiveView(bool wanted);
  ~LiveView();
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;

  void show(const service::Progress& progress);

 private:
  void draw(const std::vector<std::string>& lines);

  bool shown_;
  std::size_t drawn_ = 0;
};

}  // namespace sdwdate::ui
