#include "wire/http_answer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/cache_age.h"
#include "support/generators.h"

namespace sdwdate::wire {
namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using testing::HasSubstr;

constexpr std::chrono::sys_seconds kReference = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
constexpr std::chrono::sys_seconds kDate = std::chrono::sys_days{std::chrono::year{1994} / 11 / 6} + 8h + 49min + 37s;
const std::string kDateLine = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\n";

using Result = base::SourceResult<std::optional<HttpAnswer>>;

Result whole(std::string_view bytes) { return AnswerReader{kReference}.feed(bytes); }

/// Pieces of these sizes, then the rest; what follows the answer is not fed.
Result in_pieces(std::string_view bytes, const std::vector<std::size_t>& sizes) {
  AnswerReader reader{kReference};
  for (const std::size_t size : sizes) {
    auto result = reader.feed(bytes.substr(0, size));
    if (!result || *result) return result;
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  return reader.feed(bytes);
}

Result one_by_one(std::string_view bytes) { return in_pieces(bytes, std::vector<std::size_t>(bytes.size(), 1)); }

/// What does not depend on how much has been read beyond the header.
std::string describe(const Result& result) {
  if (!result) return std::string{name(result.error().code)} + ": " + result.error().message;
  if (!*result) return "incomplete";
  return fmt::format("{} to {} s later, age {}", (*result)->date.time_since_epoch().count(), (*result)->spread.count(),
                     (*result)->age.value_or(-1s).count());
}

HttpAnswer answer(const std::string& bytes) {
  SCOPED_TRACE(bytes);
  const auto result = whole(bytes);
  EXPECT_EQ(describe(result), describe(one_by_one(bytes)));
  EXPECT_TRUE(result && *result) << describe(result);
  return result && *result ? **result : HttpAnswer{};
}

void expect_error(const std::string& bytes, ErrorCode code, const std::string& message = "") {
  SCOPED_TRACE(bytes.substr(0, 200));
  const auto result = whole(bytes);
  ASSERT_FALSE(result) << describe(result);
  EXPECT_EQ(name(result.error().code), name(code));
  EXPECT_THAT(result.error().message, HasSubstr(message));
  EXPECT_EQ(describe(result), describe(one_by_one(bytes)));
}

// --- the request ----------------------------------------------------------------------------------------------------

TEST(HeadRequest, IsTheseBytesInEveryRelease) {
  EXPECT_EQ(head_request("/", "www.example.org"), "HEAD / HTTP/1.1\r\nHost: www.example.org\r\n\r\n");
  EXPECT_EQ(head_request("/a?b", "[::1]:8443"), "HEAD /a?b HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n");
}

// --- answers --------------------------------------------------------------------------------------------------------

TEST(HttpAnswer, TheDateIsRead) {
  const HttpAnswer given = answer(kOk + "Server: x\r\n" + kDateLine + "Content-Length: 12\r\n\r\n");
  EXPECT_EQ(given.date, kDate);
  EXPECT_EQ(given.spread, 0s);
  EXPECT_EQ(given.age, std::nullopt);
  EXPECT_TRUE(given.reusable);
}

TEST(HttpAnswer, HeaderNamesKnowNoCaseAndValuesMayBePadded) {
  EXPECT_EQ(answer(kOk + "dAtE:\t Sun, 06 Nov 1994 08:49:37 GMT \t\r\n\r\n").date, kDate);
}

TEST(HttpAnswer, AnyFinalStatusCounts) {
  for (const char* status : {"204 No Content", "301 Moved", "304 Not Modified", "404 Not Found", "503 Busy", "599 "}) {
    EXPECT_EQ(answer(std::string{"HTTP/1.1 "} + status + "\r\n" + kDateLine + "\r\n").date, kDate);
  }
}

TEST(HttpAnswer, ARequestTimeoutMayHaveBeenSaidBeforeItWasAsked) {
  EXPECT_TRUE(answer("HTTP/1.1 408 Request Timeout\r\n" + kDateLine + "\r\n").unasked);
  EXPECT_FALSE(answer("HTTP/1.1 400 Bad Request\r\n" + kDateLine + "\r\n").unasked);
}

TEST(HttpAnswer, InterimAnswersArePassedOver) {
  const std::string interim = "HTTP/1.1 100 Continue\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\n\r\n";
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
  const HttpAnswer given = answer(interim + hints + kOk + kDateLine + "\r\n");
  EXPECT_EQ(given.date, kDate);
  EXPECT_TRUE(given.reusable);
}

TEST(HttpAnswer, InterimAnswersMustEnd) {
  std::string interim;
  for (int i = 0; i < kMaxInterim; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(answer(interim + kOk + kDateLine + "\r\n").date, kDate);
  expect_error(interim + "HTTP/1.1 100 Continue\r\n\r\n" + kOk, ErrorCode::http_malformed, "1xx");
}

TEST(HttpAnswer, AnAnswerOfAClosingServerIsReadButNotReusable) {
  EXPECT_FALSE(answer(kOk + kDateLine + "Connection: close\r\n\r\n").reusable);
  EXPECT_FALSE(answer("HTTP/1.0 200 OK\r\n" + kDateLine + "\r\n").reusable);
  EXPECT_TRUE(answer("HTTP/1.0 200 OK\r\n" + kDateLine + "Connection: keep-alive\r\n\r\n").reusable);
}

TEST(HttpAnswer, ABodyThatHeadMustNotHaveEndsTheConnection) {
  const auto result = whole(kOk + kDateLine + "Content-Length: 5\r\n\r\nhello");
  ASSERT_TRUE(result && *result);
  EXPECT_EQ((*result)->date, kDate);
  EXPECT_FALSE((*result)->reusable);
}

TEST(HttpAnswer, ContentLengthAndChunkingDoNotDelayTheAnswer) {
  EXPECT_TRUE(answer(kOk + kDateLine + "Content-Length: 99999999\r\n\r\n").reusable);
  EXPECT_TRUE(answer(kOk + kDateLine + "Transfer-Encoding: chunked\r\n\r\n").reusable);
}

// --- dates ----------------------------------------------------------------------------------------------------------

TEST(HttpAnswer, WithoutADateThereIsNothing) {
  expect_error(kOk + "Server: x\r\n\r\n", ErrorCode::date_missing);
  expect_error(kOk + "\r\n", ErrorCode::date_missing);
  expect_error(kOk + "X-Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", ErrorCode::date_missing);
}

TEST(HttpAnswer, TheSameDateTwiceIsOne) {
  const HttpAnswer given = answer(kOk + kDateLine + kDateLine + "\r\n");
  EXPECT_EQ(given.date, kDate);
  EXPECT_EQ(given.spread, 0s);
  EXPECT_EQ(answer(kOk + kDateLine + "Date: Sunday, 06-Nov-94 08:49:37 GMT\r\n\r\n").spread, 0s) << "in another form";
}

/// Two machines on the way, each with a Date of its own, at the change of a second: which of them comes first is all
/// one.
TEST(HttpAnswer, OfDatesThatDifferByMomentsTheEarliestCountsAndHowFarTheyGo) {
  const auto date = [](int second) { return fmt::format("Date: Sun, 06 Nov 1994 08:49:{} GMT\r\n", second); };
  for (const auto& dates : {date(37) + date(38), date(38) + date(37), date(38) + date(37) + date(38)}) {
    const HttpAnswer given = answer(kOk + dates + "Server: x\r\n\r\n");
    EXPECT_EQ(given.date, kDate);
    EXPECT_EQ(given.spread, 1s);
  }
  EXPECT_EQ(answer(kOk + date(38) + date(39) + date(37) + "\r\n").spread, 2s);
  expect_error(kOk + date(37) + date(40) + "\r\n", ErrorCode::date_malformed, "differ by 3 s");
  expect_error(kOk + date(38) + date(39) + date(40) + date(37) + "\r\n", ErrorCode::date_malformed, "differ by 3 s");
  expect_error(kOk + date(37) + "Date: yesterday\r\n\r\n", ErrorCode::date_malformed, "'yesterday'");
  expect_error(kOk + "Date:\r\n" + date(37) + "\r\n", ErrorCode::date_malformed);
  expect_error(kOk + date(37) + "Date: Mon, 01 Jan 1900 00:00:00 GMT\r\n\r\n", ErrorCode::implausible);
}

TEST(HttpAnswer, ADateThatIsNoneIsShownInTheMessage) {
  expect_error(kOk + "Date: yesterday\r\n\r\n", ErrorCode::date_malformed, "'yesterday'");
  expect_error(kOk + "Date:\r\n\r\n", ErrorCode::date_malformed);
  expect_error(kOk + "Date: Mon, 06 Nov 1994 08:49:37 GMT\r\n\r\n", ErrorCode::date_malformed);
  const auto result = whole(kOk + "Date: " + std::string(5000, 'x') + "\r\n\r\n");
  ASSERT_FALSE(result);
  EXPECT_LT(result.error().message.size(), 200U);
}

TEST(HttpAnswer, ADateBefore1970IsImplausible) {
  expect_error(kOk + "Date: Mon, 01 Jan 1900 00:00:00 GMT\r\n\r\n", ErrorCode::implausible, "1900");
}

// --- caches ---------------------------------------------------------------------------------------------------------

std::optional<std::chrono::seconds> age_of(const std::string& fields) {
  return answer(kOk + kDateLine + fields + "\r\n").age;
}

TEST(HttpAnswer, AnAgeOfAnyValueComesFromACache) {
  EXPECT_EQ(age_of("Age: 0\r\n"), 0s);
  EXPECT_EQ(age_of("Age: 1\r\n"), 1s);
  EXPECT_EQ(age_of("age:\t 01 \r\n"), 1s);
  EXPECT_EQ(age_of("Age: 2147483647\r\n"), 2147483647s);
}

TEST(HttpAnswer, OfSeveralAgesTheLargestCounts) {
  EXPECT_EQ(age_of("Age: 0\r\nAge: 7\r\n"), 7s);
  EXPECT_EQ(age_of("Age: 7\r\nAge: 0\r\n"), 7s);
  EXPECT_EQ(age_of("Age: 3, 7\r\n"), 7s);
  EXPECT_EQ(age_of("Age: 7 ,3\r\nAge: 5\r\n"), 7s);
}

TEST(HttpAnswer, AnAgeThatCannotBeReadIsUnknown) {
  for (const char* age : {"-1", "", "x", "+1", "1.5", "1 2", "0x1", "0, x", "0,", ",", "0;1", "2147483648",
                          "4294967295", "4294967296", "99999999999999999999"}) {
    EXPECT_EQ(age_of(fmt::format("Age: {}\r\n", age)), base::kAgeUnknown) << age;
  }
  EXPECT_EQ(age_of("Age: 0\r\nAge: x\r\n"), base::kAgeUnknown);
  EXPECT_EQ(age_of("Age: x\r\nAge: 0\r\n"), base::kAgeUnknown);
}

TEST(HttpAnswer, Warning110IsACachesOfUnknownAgeAndOthersAreNot) {
  EXPECT_EQ(age_of("Warning: 110 - \"Response is stale\"\r\n"), base::kAgeUnknown);
  EXPECT_EQ(age_of("Warning: 199 - \"x\"\r\nWarning: 110 - \"y\"\r\n"), base::kAgeUnknown);
  EXPECT_EQ(age_of("Warning: 199 - \"x\", 110 cache \"stale\"\r\n"), base::kAgeUnknown);
  EXPECT_EQ(age_of("Warning: 199 - \"miscellaneous\"\r\n"), std::nullopt);
  EXPECT_EQ(age_of("Warning: 110 - \"Response is stale\"\r\nAge: 9\r\n"), 9s) << "it does say how old it is";
}

// --- as servers write it --------------------------------------------------------------------------------------------

/// Each of these comes from a server somewhere, and curl reads them (but for the empty lines, which browsers do).
TEST(HttpAnswer, WhatServersGetAwayWithIsRead) {
  const std::string date = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
  for (const std::string& bytes : {"HTTP/1.1 200\r\n" + kDateLine + "\r\n",             // no reason
                                   "HTTP/1.1 200 \r\n" + kDateLine + "\r\n",            // an empty one
                                   "HTTP/1.0 404\n" + date + "\n\n",                    // and lines that end in LF
                                   "HTTP/1.1 200 OK\n" + date + "\nServer: x\n\n",      // everywhere
                                   "HTTP/1.1 200 OK\r\n" + date + "\nServer: x\r\n\n",  // here and there
                                   "HTTP/1.1 200 OK\r\nX: y\n z\r\n\tz\n" + date + "\r\n\r\n",  // folded
                                   "HTTP/1.1 103\nX: y\n\nHTTP/1.1 200\n" + date + "\n\n",      // more than one header
                                   "\r\n" + kOk + kDateLine + "\r\n",  // what is left of an answer before
                                   "\n\r\n" + kOk + kDateLine + "\r\n"}) {
    const HttpAnswer given = answer(bytes);
    EXPECT_EQ(given.date, kDate) << bytes;
    EXPECT_EQ(describe(whole(bytes + "body")), describe(whole(bytes))) << bytes;
  }
  EXPECT_TRUE(answer("HTTP/1.1 200\n" + date + "\n\n").reusable);
}

TEST(HttpAnswer, WhatCannotBeMendedInOneWayIsRefused) {
  expect_error("HTTP/1.1 200OK\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error("HTTP/1.1\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error("HTTP/1.1 \r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error("\r\n\r\n\r\n" + kOk + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error("\r" + kOk + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error("\r\r\n" + kOk + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error(" \r\n" + kOk + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error(kOk + "\r\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error(kOk + "X: y\rDate: x\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error(kOk + "X: y\r\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error(kOk + " X: y\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
}

TEST(HttpAnswer, AStatusThatAnswersNoRequestOfOursIsRefused) {
  for (const char* status : {"000 Zero", "099 Low", "101 Switching Protocols"}) {
    expect_error(fmt::format("HTTP/1.1 {}\r\n{}\r\n{}{}\r\n", status, kDateLine, kOk, kDateLine),
                 ErrorCode::http_malformed, "makes no sense");
  }
  EXPECT_EQ(answer("HTTP/1.1 999 Odd\r\n" + kDateLine + "\r\n").date, kDate);
}

// --- limits and garbage ---------------------------------------------------------------------------------------------

TEST(HttpAnswer, LargeCookiesAndPoliciesAreRead) {
  std::string fields = "Content-Security-Policy: " + std::string(20'000, 'c') + "\r\n";
  for (int i = 0; i < 10; ++i) fields += fmt::format("Set-Cookie: a{}={}\r\n", i, std::string(4000, 'x'));
  EXPECT_EQ(answer(kOk + fields + kDateLine + "\r\n").date, kDate);
}

TEST(HttpAnswer, AHeaderLongerThanTheLimitIsRefused) {
  const std::string message = fmt::format("longer than {}", kMaxHeader);
  expect_error(kOk + "X: " + std::string(kMaxHeader, 'x') + "\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed,
               message);
  expect_error(kOk + std::string(1'000'000, 'x'), ErrorCode::http_malformed, message);
  std::string fields = kDateLine;
  while (fields.size() <= kMaxHeader) fields += "A: b\r\n";
  expect_error(kOk + fields + "\r\n", ErrorCode::http_malformed, message);
}

TEST(HttpAnswer, TheLimitIsForAllAnswersTogether) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(kMaxHeader / 2, 'x') + "\r\n\r\n";
  EXPECT_EQ(answer(interim + kOk + kDateLine + "\r\n").date, kDate);
  expect_error(interim + interim + kOk + kDateLine + "\r\n", ErrorCode::http_malformed, "longer than");
}

TEST(HttpAnswer, TheMostFieldsThatFitAreRead) {
  std::string fields;
  while (kOk.size() + fields.size() + kDateLine.size() + 5 <= kMaxHeader) fields += "a:\n";
  EXPECT_EQ(answer(kOk + fields + kDateLine + "\r\n").date, kDate);
}

TEST(HttpAnswer, AHeaderJustBelowTheLimitIsRead) {
  const std::string rest = kOk + kDateLine + "X: \r\n\r\n";
  EXPECT_EQ(answer(kOk + kDateLine + "X: " + std::string(kMaxHeader - rest.size(), 'x') + "\r\n\r\n").date, kDate);
}

TEST(HttpAnswer, AnEndlessHeaderIsRefusedAtTheLimitAndNotKept) {
  AnswerReader reader{kReference};
  ASSERT_TRUE(reader.feed(kOk));
  std::size_t fed = kOk.size();
  while (fed < 2 * kMaxHeader) {
    const auto result = reader.feed("Abcdefg: hijklmnopq\r\n");
    fed += 21;
    if (!result) break;
  }
  EXPECT_LE(fed, kMaxHeader + 21);
}

TEST(HttpAnswer, WhatIsNotHttp1IsRefused) {
  expect_error("HTTP/2 200\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error("HTTP/1.1 20 OK\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error("HTTP/1.1 2000 OK\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error("SSH-2.0-OpenSSH_9.2p1\r\n\r\n", ErrorCode::http_malformed);
  expect_error("<html></html>\r\n\r\n", ErrorCode::http_malformed);
  expect_error(kOk + "no colon here\r\n\r\n", ErrorCode::http_malformed);
  expect_error(kOk + "Bad name: x\r\n" + kDateLine + "\r\n", ErrorCode::http_malformed);
  expect_error(std::string("\x15\x03\x01\x00\x02\x02\x28\r\n\r\n", 11), ErrorCode::http_malformed);
}

TEST(HttpAnswer, ClosingBeforeAndInsideTheHeaderAreToldApart) {
  AnswerReader reader{kReference};
  EXPECT_FALSE(reader.started());
  EXPECT_THAT(reader.closed().message, HasSubstr("without an answer"));
  ASSERT_TRUE(reader.feed("HTTP/1.1 2"));
  EXPECT_TRUE(reader.started());
  EXPECT_THAT(reader.closed().message, HasSubstr("in the middle"));
  EXPECT_EQ(reader.closed().code, ErrorCode::http_malformed);
}

// --- properties -----------------------------------------------------------------------------------------------------

/// An answer made of parts that matter, some of them broken.
std::string any_answer() {
  std::string bytes;
  const int interim = *support::uniform(0, kMaxInterim + 1);
  for (int i = 0; i < interim; ++i) bytes += "HTTP/1.1 103 Early Hints\r\n\r\n";
  bytes += *rc::gen::elementOf(std::vector<std::string>{kOk, "HTTP/1.0 404 No\r\n", "HTTP/1.1 200\r\n",
                                                        "\r\nHTTP/1.1 200\n", "HTTP/3 200 OK\r\n"});
  const auto fields = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{
      kDateLine, "Age: 0\r\n", "Age: 9\r\n", "Content-Length: 3\r\n", "Connection: close\r\n", "Date: x\r\n", "x", "\r",
      "X: y\r\n z\r\n", "X: y\n", "\n", "Transfer-Encoding: chunked\r\n", "Content-Length: -1\r\n"}));
  for (std::size_t i = 0; i < std::min<std::size_t>(fields.size(), 5); ++i) bytes += fields[i];
  return bytes + *rc::gen::elementOf(std::vector<std::string>{"\r\n", "", "\n", "\r\nbody"});
}

RC_GTEST_PROP(HttpAnswer, HowTheBytesAreCutNeverMatters, ()) {
  std::string bytes = *rc::gen::arbitrary<bool>() ? any_answer() : *support::any_bytes();
  if (!bytes.empty() && *support::uniform(0, 3) == 0) {
    bytes[*support::uniform<std::size_t>(0, bytes.size() - 1)] = static_cast<char>(*support::uniform(0, 255));
  }
  const auto sizes = *rc::gen::container<std::vector<std::size_t>>(support::uniform<std::size_t>(1, 40));
  const std::string expected = describe(whole(bytes));
  RC_ASSERT(describe(in_pieces(bytes, sizes)) == expected);
  RC_ASSERT(describe(one_by_one(bytes)) == expected);
}

}  // namespace
}  // namespace sdwdate::wire
