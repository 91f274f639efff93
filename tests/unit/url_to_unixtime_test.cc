#include "ui/url_to_unixtime.h"

#include <gtest/gtest.h>

#include <string>

namespace sdwdate::ui {
namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using Status = UnixtimeStatus;

Status status_for(ErrorCode code, std::string message = "something happened") {
  service::Reading reading;
  reading.error = base::SourceError{code, std::move(message)};
  return unixtime_of(reading).status;
}

service::Reading reading_of(std::chrono::sys_seconds date, std::optional<std::chrono::seconds> age = std::nullopt) {
  service::Reading reading;
  reading.exchanges.push_back({{}, {}, date, age});
  return reading;
}

TEST(UrlToUnixtime, ATimeIsATimeWhateverHappenedLater) {
  const std::chrono::sys_seconds date{1795392000s};
  service::Reading reading = reading_of(date);
  EXPECT_EQ(unixtime_of(reading).status, Status::done);
  EXPECT_EQ(unixtime_of(reading).time, date);
  reading.error = base::SourceError{ErrorCode::timeout, "no answer to the second request"};
  EXPECT_EQ(unixtime_of(reading).status, Status::done);
}

TEST(UrlToUnixtime, SomeTimesAreNone) {
  EXPECT_EQ(unixtime_of(reading_of(std::chrono::sys_seconds{0s})).status, Status::not_after_1970);
  EXPECT_EQ(unixtime_of(reading_of(std::chrono::sys_seconds{1s})).status, Status::done);
  EXPECT_EQ(unixtime_of(reading_of(std::chrono::sys_seconds{1795392000s}, 1s)).status, Status::no_time);
  EXPECT_EQ(unixtime_of(reading_of(std::chrono::sys_seconds{1795392000s}, 0s)).status, Status::done);
}

TEST(UrlToUnixtime, EveryErrorHasItsStatus) {
  for (const ErrorCode code :
       {ErrorCode::dns, ErrorCode::connect, ErrorCode::proxy, ErrorCode::tls_handshake, ErrorCode::tls_certificate,
        ErrorCode::http_malformed, ErrorCode::timeout, ErrorCode::probe_crashed}) {
    EXPECT_EQ(status_for(code), Status::connect) << name(code);
  }
  EXPECT_EQ(status_for(ErrorCode::date_missing), Status::no_date);
  EXPECT_EQ(status_for(ErrorCode::implausible, "the Date 'Tue, 23 Nov 1926 12:00:00 GMT' lies before 1970"),
            Status::not_after_1970);
  EXPECT_EQ(status_for(ErrorCode::implausible, "the Date 2300-01-01 00:00:00 UTC is decades away"), Status::too_far);
  EXPECT_EQ(unixtime_of(service::Reading{}).status, Status::connect);
}

TEST(UrlToUnixtime, TheLengthOfTheDateDecides) {
  const auto status = [](std::size_t length) {
    return status_for(ErrorCode::date_malformed, "the Date '" + std::string(length, '\'') + "' is not an HTTP date");
  };
  for (const std::size_t length : {0U, 1U, 28U, 64U}) EXPECT_EQ(status(length), Status::date_length) << length;
  for (const std::size_t length : {29U, 30U, 63U}) EXPECT_EQ(status(length), Status::no_time) << length;
  EXPECT_EQ(status_for(ErrorCode::date_malformed, "the answer has several Date headers that differ"), Status::no_time);
}

}  // namespace
}  // namespace sdwdate::ui
