#include "wire/http_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>
#include <ranges>

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

constexpr unsigned kFirstFinalStatus = 200;
constexpr std::size_t kShownValue = 64;

std::string_view view(const auto& text) { return {text.data(), text.size()}; }

std::unexpected<SourceError> fail(ErrorCode code, std::string message) {
  return std::unexpected(SourceError{code, std::move(message)});
}

/// The one value of the Date field.
SourceResult<std::string_view> date_value(const Fields& fields) {
  const auto [first, last] = fields.equal_range(http::field::date);
  if (first == last) return fail(ErrorCode::date_missing, "the answer has no Date header");
  const std::string_view value = view(first->value());
  const bool same = std::all_of(first, last, [&](const auto& field) { return view(field.value()) == value; });
  if (!same) return fail(ErrorCode::date_malformed, "the answer has several Date headers that differ");
  return value;
}

SourceResult<std::chrono::sys_seconds> date_of(const Fields& fields, std::chrono::sys_seconds reference) {
  const auto value = date_value(fields);
  if (!value) return std::unexpected(value.error());
  const auto date = parse_http_date(*value, reference);
  if (date) return *date;
  const std::string shown = base::printable(*value, kShownValue);
  if (date.error() == DateError::out_of_range) {
    return fail(ErrorCode::implausible, fmt::format("the Date '{}' lies before 1970", shown));
  }
  return fail(ErrorCode::date_malformed, fmt::format("the Date '{}' is not an HTTP date", shown));
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

/// The largest Age, if there is one; what cannot be read may be any age.
std::optional<std::chrono::seconds> age_of(const Fields& fields) {
  const auto [first_age, last_age] = fields.equal_range(http::field::age);
  const auto [first_warning, last_warning] = fields.equal_range(http::field::warning);
  std::optional<std::chrono::seconds> age;
  for (auto field = first_age; field != last_age; ++field) {
    const std::string_view value = view(field->value());
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    const bool legible = error == std::errc{} && end == value.data() + value.size() && seconds >= 0;
    age = std::max(age.value_or(std::chrono::seconds{0}), legible ? std::chrono::seconds{seconds} : base::kAgeUnknown);
  }
  // A list with quoted texts in it: a comma inside one may make an answer look stale, which is the safe mistake.
  const auto warned = [](const auto& field) {
    return std::ranges::any_of(std::views::split(view(field.value()), ','), [](const auto& warning) {
      const std::string_view text{warning};
      const std::size_t start = text.find_first_not_of(" \t");
      return start != std::string_view::npos && text.substr(start).starts_with("110");
    });
  };
  if (!age && std::any_of(first_warning, last_warning, warned)) age = base::kAgeUnknown;
  return age;
}

}  // namespace

std::string head_request(std::string_view target, std::string_view authority) {
  return fmt::format("HEAD {} HTTP/1.1\r\nHost: {}\r\n\r\n", target, authority);
}

SourceResult<std::optional<HttpAnswer>> AnswerReader::feed(std::string_view bytes) {
  buffer_.append(bytes);
  while (true) {
    Parser parser;
    parser.header_limit(kMaxHeader);
    parser.skip(true);  // a HEAD answer ends with its header, whatever Content-Length says
    boost::beast::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(buffer_), error);
    if (error == http::error::need_more) return std::nullopt;
    if (error == http::error::header_limit) {
      return fail(ErrorCode::http_malformed, fmt::format("the answer's header is longer than {} bytes", kMaxHeader));
    }
    if (error) return fail(ErrorCode::http_malformed, fmt::format("the answer is not HTTP/1.x: {}", error.message()));

    buffer_.erase(0, used);
    if (parser.get().result_int() < kFirstFinalStatus) {
      if (++interim_ > kMaxInterim) return fail(ErrorCode::http_malformed, "interim (1xx) answers without end");
      continue;
    }
    const auto date = date_of(parser.get(), reference_);
    if (!date) return std::unexpected(date.error());
    // Bytes after the header are a body that HEAD must not have: nothing that follows could be trusted.
    return HttpAnswer{.date = *date,
                      .spread = {},
                      .fine = fine_time_of(parser.get()),
                      .age = age_of(parser.get()),
                      .reusable = parser.keep_alive() && buffer_.empty(),
                      .unasked = parser.get().result() == http::status::request_timeout};
  }
}

SourceError AnswerReader::closed() const {
  return {ErrorCode::http_malformed, started() ? "the connection ended in the middle of the answer's header"
                                               : "the server closed the connection without an answer"};
}

}  // namespace sdwdate::wire
