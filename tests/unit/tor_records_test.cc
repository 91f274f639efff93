#include "ipc/tor_records.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "support/generators.h"

namespace sdwdate::ipc {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

TorState some_state() {
  return {.progress = 40,
          .circuit = true,
          .phase = "Loading authority key certs",
          .warning = "Clock skew",
          .valid_after = sys_seconds{seconds{1795386199}},
          .fresh_until = std::nullopt,
          .valid_until = sys_seconds{seconds{1795397000}}};
}

TEST(TorRecords, AJobComesAsItWent) {
  const TorJob job{"/run/tor/control", {}, 0, "/run/tor/control.authcookie", "pass word"};
  const auto record = encode(job);
  ASSERT_TRUE(record);
  EXPECT_EQ(decode_tor_job(*record), job);
  const TorJob by_tcp{"", {*parse_address("127.0.0.1"), *parse_address("::1")}, 9051, "", ""};
  EXPECT_EQ(decode_tor_job(*encode(by_tcp)), by_tcp);
}

TEST(TorRecords, AJobThatDoesNotFitIsNotSent) {
  EXPECT_FALSE(encode(TorJob{.path = std::string(2000, 'x'), .addresses = {}, .cookie_file = {}, .password = {}}));
  EXPECT_FALSE(encode(TorJob{.path = {}, .addresses = std::vector<IpAddress>(3), .cookie_file = {}, .password = {}}));
}

TEST(TorRecords, ReportsComeAsTheyWent) {
  const TorReport reports[] = {some_state(), TorState{},
                               TorSkew{seconds{-10800}, SkewEvidence::relay, "192.0.2.1:9001"},
                               TorFailure{"Tor closed its control port"}};
  for (const TorReport& report : reports) EXPECT_EQ(decode_tor_report(encode(report)), report);
}

TEST(TorRecords, WhatNoHelperCouldHaveWrittenIsRefused) {
  TorState too_far = some_state();
  too_far.progress = 101;
  EXPECT_FALSE(decode_tor_report(encode(too_far)));
  TorState too_late = some_state();
  too_late.valid_until = sys_seconds{seconds{std::int64_t{1} << 40}};
  EXPECT_FALSE(decode_tor_report(encode(too_late)));
  EXPECT_FALSE(decode_tor_report(encode(TorSkew{std::chrono::years{101}, SkewEvidence::relay, ""})));
  EXPECT_FALSE(decode_tor_report(encode(TorSkew{seconds{1}, static_cast<SkewEvidence>(9), ""})));
  TorReportRecord record = encode(some_state());
  record.back() = std::byte{1};
  EXPECT_FALSE(decode_tor_report(record));
  EXPECT_FALSE(decode_tor_report(std::span{record}.first(record.size() - 1)));
}

RC_GTEST_PROP(TorRecords, AnyBytesAreARecordOrNone, ()) {
  TorReportRecord record{};
  const std::string bytes = *support::any_bytes();
  std::ranges::transform(bytes.substr(0, record.size()), record.begin(),
                         [](char c) { return static_cast<std::byte>(c); });
  record[0] = static_cast<std::byte>(*support::uniform(0, 4));
  if (const auto report = decode_tor_report(record)) RC_ASSERT(encode(*report) == record);
}

}  // namespace
}  // namespace sdwdate::ipc
