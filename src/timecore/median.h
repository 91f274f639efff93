// Order statistics that several measures share. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

namespace sdwdate::timecore {

/// The median of values, of which there must be one at least; of an even number the upper of the two in the middle, so
/// that it is a value that was there.
template <typename T>
T upper_median(std::vector<T> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// What one in so many values, or more, are no smaller than. There must be one at least.
template <typename T>
T reached_by_one_in(std::size_t count, std::vector<T> values) {
  const auto which = values.begin() + static_cast<std::ptrdiff_t>(values.size() / count);
  std::ranges::nth_element(values, which, std::ranges::greater{});
  return *which;
}

}  // namespace sdwdate::timecore
