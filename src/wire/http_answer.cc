#include "wire/http_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>
#include <cstdint>
#include <ranges>

#include "base/cache_age.h"
#include "base/text.h"
#include "wire/fine_time.h"
#include "wire/http_date.h"

namespace sdwdate::wire {
namespace {

namespace http = boost::beast::http;
using base::ErrorCode;
using base::SourceError;
using base::SourceResult;
using Parser = http::response_parser<http::empty_body>;
using Fields = http::fields;

constexpr std::size_t kShownValue = 64;

std::string_view view(const auto& text) { return {text.data(), text.size()}; }

std::unexpected<SourceError> fail(ErrorCode code, std::string message) {
  return std::unexpected(SourceError{code, std::move(message)});
}

SourceResult<std::chrono::sys_seconds> date_of(std::string_view value, std::chrono::sys_seconds reference) {
  const auto date = parse_http_date(value, reference);
  if (date) return *date;
  const std::string shown = base::printable(value, kShownValue);
  if (date.error() == DateError::out_of_range) {
    return fail(ErrorCode::implausible, fmt::format("the Date '{}' lies before 1970", shown));
  }
  return fail(ErrorCode::date_malformed, fmt::format("the Date '{}' is not an HTTP date", shown));
}

struct Dates {
  std::chrono::sys_seconds earliest;
  std::chrono::seconds spread;
};

/// What the Date fields say together: a proxy may add its own to the server's.
SourceResult<Dates> dates_of(const Fields& fields, std::chrono::sys_seconds reference) {
  const auto [first, last] = fields.equal_range(http::field::date);
  if (first == last) return fail(ErrorCode::date_missing, "the answer has no Date header");
  auto earliest = std::chrono::sys_seconds::max();
  auto latest = std::chrono::sys_seconds::min();
  for (const auto& field : std::ranges::subrange(first, last)) {
    const auto date = date_of(view(field.value()), reference);
    if (!date) return std::unexpected(date.error());
    earliest = std::min(earliest, *date);
    latest = std::max(latest, *date);
  }
  if (latest - earliest > base::kMaxDateSpread) {
    return fail(ErrorCode::date_malformed,
                fmt::format("the answer has several Date headers that differ by {} s", (latest - earliest).count()));
  }
  return Dates{earliest, latest - earliest};
}

/// The one value of a field; empty if there is none, or several.
std::string_view only_value(const Fields& fields, std::string_view name) {
  const auto [first, last] = fields.equal_range({name.data(), name.size()});
  return std::distance(first, last) == 1 ? view(first->value()) : std::string_view{};
}

std::optional<base::FineTime> fine_time_of(const Fields& fields) {
  if (const auto fine = parse_x_httpstime(only_value(fields, "X-HTTPSTIME"))) return fine;
  return parse_x_timer(only_value(fields, "X-Timer"));
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

/// Calls `take` with each element of the comma-separated lists that all fields of this name are.
void for_each_element(const Fields& fields, http::field name, const auto& take) {
  const auto [first, last] = fields.equal_range(name);
  for (const auto& field : std::ranges::subrange(first, last)) {
    std::string_view rest = view(field.value());
    std::size_t comma = 0;
    do {
      comma = rest.find(',');
      take(without_blanks(rest.substr(0, comma)));
      rest.remove_prefix(std::min(rest.size(), comma + 1));
    } while (comma != std::string_view::npos);
  }
}

/// RFC 9111, 1.2.2: digits. What is beyond kAgeUnknown is as good as unknown.
std::chrono::seconds age_from(std::string_view text) {
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size()) return base::kAgeUnknown;
  return std::min(std::chrono::seconds{seconds}, base::kAgeUnknown);
}

/// The largest Age that the answer gives, if it says at all that it is a cache's (warn-code 110: "response is stale").
std::optional<std::chrono::seconds> age_of(const Fields& fields) {
  std::optional<std::chrono::seconds> age;
  for_each_element(fields, http::field::age, [&](std::string_view text) {
    age = std::max(age.value_or(std::chrono::seconds{0}), age_from(text));
  });
  if (age) return age;
  // A comma inside a quoted text may make an answer look like a cache's, which is the safe mistake.
  for_each_element(fields, http::field::warning, [&](std::string_view text) {
    if (text.starts_with("110")) age = base::kAgeUnknown;
  });
  return age;
}

/// A status that an answer to our request can have: 101 would be the answer to an Upgrade.
bool is_expected(unsigned status) { return status >= 100 && status != 101; }
bool is_final(unsigned status) { return status >= 200; }

/// `alone`: no bytes follow the header. They would be a body that HEAD must not have, and nothing after them could be
/// trusted.
SourceResult<std::optional<HttpAnswer>> answer_in(const Parser& parser, std::chrono::sys_seconds reference,
                                                  bool alone) {
  const auto dates = dates_of(parser.get(), reference);
  if (!dates) return std::unexpected(dates.error());
  return HttpAnswer{.date = dates->earliest,
                    .spread = dates->spread,
                    .age = age_of(parser.get()),
                    .fine = fine_time_of(parser.get()),
                    .reusable = parser.keep_alive() && alone,
                    .unasked = parser.get().result() == http::status::request_timeout};
}

}  // namespace

std::string head_request(std::string_view target, std::string_view authority) {
  return fmt::format("HEAD {} HTTP/1.1\r\nHost: {}\r\n\r\n", target, authority);
}

SourceResult<std::optional<HttpAnswer>> AnswerReader::feed(std::string_view bytes) {
  while (true) {
    const auto complete = header_.take(bytes);
    if (!complete) return std::unexpected(complete.error());
    if (!*complete) return std::nullopt;

    Parser parser;
    parser.header_limit(2 * kMaxHeader);  // HeaderReader may add a byte to each line
    parser.skip(true);                    // a HEAD answer ends with its header, whatever Content-Length says
    const std::string_view header = header_.text();
    boost::beast::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(header), error);
    if (error) return fail(ErrorCode::http_malformed, fmt::format("the answer is not HTTP/1.x: {}", error.message()));
    const unsigned status = parser.get().result_int();
    if (used != header.size() || !is_expected(status)) {
      return fail(ErrorCode::http_malformed, fmt::format("an answer with status {} makes no sense here", status));
    }
    if (is_final(status)) return answer_in(parser, reference_, bytes.empty());

    if (++interim_ > kMaxInterim) return fail(ErrorCode::http_malformed, "interim (1xx) answers without end");
    header_.next();
  }
}

SourceError AnswerReader::closed() const {
  return {ErrorCode::http_malformed, started() ? "the connection ended in the middle of the answer's header"
                                               : "the server closed the connection without an answer"};
}

}  // namespace sdwdate::wire
