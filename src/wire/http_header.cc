#include "wire/http_header.h"

#include <fmt/format.h>

#include <algorithm>

namespace sdwdate::wire {
namespace {

using base::ErrorCode;
using base::SourceError;
using base::SourceResult;

constexpr std::string_view kVersion10 = "HTTP/1.0 ";
constexpr std::string_view kVersion11 = "HTTP/1.1 ";
constexpr std::string_view kEndOfLine = "\r\n";
constexpr std::size_t kStatusDigits = 3;

std::unexpected<SourceError> fail(std::string message) {
  return std::unexpected(SourceError{ErrorCode::http_malformed, std::move(message)});
}

std::unexpected<SourceError> not_http() { return fail("the answer does not begin with HTTP/1.0 or HTTP/1.1"); }

/// Is this how a status line begins or, if it is shorter, could it become one?
bool begins_as_http(std::string_view line) {
  const std::size_t length = std::min(line.size(), kVersion11.size());
  const std::string_view begin = line.substr(0, length);
  return begin == kVersion10.substr(0, length) || begin == kVersion11.substr(0, length);
}

/// Nothing but version and status: the space before the reason is missing, too.
bool lacks_reason(std::string_view status_line) { return status_line.size() == kVersion11.size() + kStatusDigits; }

}  // namespace

SourceResult<bool> HeaderReader::take(std::string_view& bytes) {
  while (!bytes.empty() && taken_ < kMaxHeader) {
    const std::size_t end = bytes.substr(0, kMaxHeader - taken_).find('\n');
    const std::size_t length = end == std::string_view::npos ? std::min(bytes.size(), kMaxHeader - taken_) : end + 1;
    text_.append(bytes.substr(0, length));
    bytes.remove_prefix(length);
    taken_ += length;
    if (end == std::string_view::npos) break;
    const auto ended = end_line();
    if (!ended || *ended) return ended;
  }
  // A carriage return may belong to an empty line.
  if (in_status_line() && line() != "\r" && !begins_as_http(line())) return not_http();
  if (taken_ == kMaxHeader) return fail(fmt::format("the answer's header is longer than {} bytes", kMaxHeader));
  return false;
}

SourceResult<bool> HeaderReader::end_line() {
  text_.pop_back();
  if (line().ends_with('\r')) text_.pop_back();
  if (in_status_line()) {
    if (text_.empty() && ++empty_lines_ <= kMaxEmptyLines) return false;
    if (text_.size() < kVersion11.size() || !begins_as_http(text_)) return not_http();
    if (lacks_reason(text_)) text_ += ' ';
  }
  const bool last = line().empty();
  text_ += kEndOfLine;
  line_start_ = text_.size();
  return last;
}

void HeaderReader::next() {
  text_.clear();
  line_start_ = 0;
}

}  // namespace sdwdate::wire
