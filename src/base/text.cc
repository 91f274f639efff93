#include "base/text.h"

#include <algorithm>

namespace sdwdate::base {

std::string printable(std::string_view text, std::size_t limit) {
  std::string clean{text.substr(0, limit)};
  std::ranges::replace_if(clean, [](char c) { return c < ' ' || c > '~'; }, '?');
  return clean;
}

}  // namespace sdwdate::base
