// The bytes of an answer's header as servers send them, turned into what a strict parser wants. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sdwdate::wire {

/// How much of an answer is read, 1xx answers before it included. Origins send a few KiB, with cookies and a content
/// security policy up to some tens, and what stands in front of them passes on no more (nginx 8 KiB, HAProxy 16,
/// Envoy 60); browsers and curl take four times this.
inline constexpr std::size_t kMaxHeader = 65536;
/// How many empty lines may come before the status line: what is left of an answer before, as Chrome takes it.
inline constexpr int kMaxEmptyLines = 2;

/// Collects the lines of one header after the other and mends what RFC 9112 tolerates and strict parsers do not: lines
/// that end in LF alone (2.2), a status line without its last space (4), empty lines before it.
///
/// What is mended cannot be read in two ways: there is one reader, of one header, and whatever follows it is thrown
/// away together with the connection.
class HeaderReader {
 public:
  /// Takes bytes off `bytes` up to the end of the header: true when that is reached. An error is final: the answer
  /// does not begin as HTTP/1 does, or there is more than kMaxHeader of it.
  base::SourceResult<bool> take(std::string_view& bytes);

  /// The whole header, with its empty line, when take() has reached the end. Each line ends in CRLF.
  [[nodiscard]] std::string_view text() const { return text_; }

  /// Begins the next header.
  void next();

  /// Has any byte arrived?
  [[nodiscard]] bool started() const { return taken_ > 0; }

 private:
  [[nodiscard]] std::string_view line() const { return std::string_view{text_}.substr(line_start_); }
  [[nodiscard]] bool in_status_line() const { return line_start_ == 0; }
  /// Ends the line that was collected last. True if it was the empty one at the end of the header.
  base::SourceResult<bool> end_line();

  std::string text_;  ///< lines that are complete, and the beginning of one more
  std::size_t line_start_ = 0;
  std::size_t taken_ = 0;  ///< of all headers
  int empty_lines_ = 0;
};

}  // namespace sdwdate::wire
