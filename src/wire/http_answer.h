// One answer to a HEAD request, read by Boost.Beast within limits. Sans-IO.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/cache_age.h"
#include "base/error.h"
#include "base/fine_time.h"
#include "wire/http_header.h"

namespace sdwdate::wire {

/// How many 1xx answers may come before the real one.
inline constexpr int kMaxInterim = 4;

struct HttpAnswer {
  std::chrono::sys_seconds date;  ///< the Date header; the earliest of several
  std::chrono::seconds spread{
      0};  ///< by how much the latest of several Date headers is later, at most base::kMaxDateSpread
  /// The Age header, whatever it says, also 0: the answer was not made for this request but came from a cache (RFC
  /// 9111, 5.1). base::kAgeUnknown if it is not legible, or if there is none but a `Warning: 110`.
  std::optional<std::chrono::seconds> age;
  std::optional<base::FineTime> fine;  ///< a finer header beside it, not yet held against it
  bool reusable = false;               ///< the connection may carry another request
  /// 408: the server was about to close an idle connection and may have said so before it was asked.
  bool unasked = false;
};

/// The bytes of a HEAD request: constant but for target and authority, and nothing that tells clients apart.
std::string head_request(std::string_view target, std::string_view authority);

/// Collects bytes until one final answer's header is complete. Interim answers (1xx) are passed over.
class AnswerReader {
 public:
  /// `reference`: about when this is, to a few decades; resolves two-digit years.
  explicit AnswerReader(std::chrono::sys_seconds reference) : reference_(reference) {}

  /// Takes what was read. Empty while the header is incomplete; then the answer; an error is final.
  base::SourceResult<std::optional<HttpAnswer>> feed(std::string_view bytes);

  /// What an end of the stream means now.
  [[nodiscard]] base::SourceError closed() const;

  /// Has any byte of an answer arrived?
  [[nodiscard]] bool started() const { return header_.started(); }

 private:
  std::chrono::sys_seconds reference_;
  HeaderReader header_;
  int interim_ = 0;
};

}  // namespace sdwdate::wire
