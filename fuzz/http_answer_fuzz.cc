// However the bytes are cut into pieces, the answer is the same.
#include "wire/http_answer.h"

#include <algorithm>
#include <string>

#include "base/cache_age.h"
#include "fuzz/property.h"

using namespace sdwdate::wire;
using namespace std::chrono_literals;
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

/// A header as it is after mending is mended no more: nothing in it can be read in another way.
void mended_headers_stay(std::string_view bytes) {
  HeaderReader first;
  if (!first.take(bytes).value_or(false)) return;
  const std::string mended{first.text()};
  require(mended.find("\r\n\r\n") == mended.size() - 4, "a header ends with its only empty line");
  HeaderReader second;
  std::string_view rest = mended;
  const auto again = second.take(rest);
  if (mended.size() > kMaxHeader) return;  // bytes were added
  require(again && *again && rest.empty() && second.text() == mended, "mending twice is mending once");
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
    require((*pieces)->date == (*whole)->date && (*pieces)->spread == (*whole)->spread &&
                (*pieces)->age == (*whole)->age && (*pieces)->fine == (*whole)->fine,
            "pieces say what the whole says");
    require((*pieces)->reusable || !(*whole)->reusable, "what follows the header can only forbid to go on");
  }
  require(size < kMaxHeader || !whole || *whole, "no more is collected than allowed");
  if (whole && *whole) {
    require((*whole)->spread >= 0s && (*whole)->spread <= sdwdate::base::kMaxDateSpread, "Dates lie close together");
    require(!(*whole)->age || ((*whole)->age >= 0s && (*whole)->age <= sdwdate::base::kAgeUnknown),
            "ages are in range");
  }
  mended_headers_stay(bytes);
  return 0;
}
