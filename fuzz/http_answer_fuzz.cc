// However the bytes are cut into pieces, the answer is the same.
#include "wire/http_answer.h"

#include <algorithm>

#include "fuzz/property.h"

using namespace sdwdate::wire;
using sdwdate::base::ErrorCode;
using sdwdate::fuzz::require;
using Result = sdwdate::base::SourceResult<std::optional<HttpAnswer>>;

namespace {

/// Feeds pieces of this length until there is an answer or an error.
Result read_in_pieces(std::string_view bytes, std::size_t length) {
  AnswerReader reader{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1}};
  Result result;
  do {
    result = reader.feed(bytes.substr(0, length));
    bytes.remove_prefix(std::min(length, bytes.size()));
  } while (result && !*result && !bytes.empty());
  require(reader.closed().code == ErrorCode::http_malformed, "an end of the stream is an error of its own");
  return result;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = sdwdate::fuzz::text_of(data, size);
  const Result whole = read_in_pieces(bytes, size);
  for (const std::size_t length : {size / 64 + 1, size / 5 + 1, size / 2 + 1}) {
    const Result pieces = read_in_pieces(bytes, length);
    require(pieces.has_value() == whole.has_value(), "pieces fail when the whole does");
    if (!whole) {
      require(pieces.error() == whole.error(), "pieces fail as the whole does");
      continue;
    }
    require(pieces->has_value() == whole->has_value(), "pieces are complete when the whole is");
    if (!*whole) continue;
    require((*pieces)->date == (*whole)->date && (*pieces)->age == (*whole)->age, "pieces say what the whole says");
    require((*pieces)->reusable || !(*whole)->reusable, "what follows the header can only forbid to go on");
  }
  require(size <= kMaxHeader * (kMaxInterim + 1) || !whole || *whole, "no more is collected than allowed");
  return 0;
}
