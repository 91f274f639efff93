// What parses is formatted as the same digits, and these parse to the same time.
#include "wire/unix_time.h"

#include <algorithm>

#include "fuzz/property.h"

using sdwdate::fuzz::require;
using sdwdate::wire::format_unix_time;
using sdwdate::wire::parse_unix_time;

namespace {

/// "007.5" is 7.500000000: by text alone.
std::string canonical(std::string_view text) {
  std::string whole{text.substr(0, text.find('.'))};
  std::string decimals{text.substr(std::min(text.size(), whole.size() + 1))};
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
  decimals.resize(9, '0');
  return whole + '.' + decimals;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = sdwdate::fuzz::text_of(data, size);
  const auto time = parse_unix_time(text);
  if (!time) return 0;
  require(text.find_first_not_of("0123456789.") == std::string_view::npos, "only digits and a dot are a time");
  require(format_unix_time(*time) == canonical(text), "no digit is lost or changed");
  require(parse_unix_time(format_unix_time(*time)) == time, "what is written can be read");
  return 0;
}
