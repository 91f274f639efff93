#include "service/report_reader.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "service/round.h"
#include "support/generators.h"
#include "support/honest_server.h"

namespace sdwdate::service {
namespace {

using namespace std::chrono_literals;
using base::RawTime;
using std::chrono::nanoseconds;
using support::any_bytes;
using support::duration;
using support::HonestServer;
using support::uniform;
using timecore::Exchange;
using Verdict = ReportReader::Verdict;

constexpr unsigned kMost = 8;
constexpr RawTime kStarted{1h};
constexpr std::chrono::sys_seconds kFloor{std::chrono::sys_days{std::chrono::year{2026} / 11 / 1}};
const timecore::TimeLimits kLimits = timecore::limits_from(kFloor, 20);
const timecore::RawOffset kTruth{kFloor.time_since_epoch() + 240h};

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

/// Seldom one, and then at either end of what can be written, or anywhere.
std::optional<base::FineTime> any_fine_time() {
  if (*uniform(0, 39) != 0) return std::nullopt;
  const auto count = *rc::gen::oneOf(
      rc::gen::element(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()),
      rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::int64_t>()));
  return base::FineTime{base::FineHeader::x_timer, std::chrono::sys_time<nanoseconds>{nanoseconds{count}},
                        *duration(1ns, 1s)};
}

/// A report that looks like a correct probe's; mostly with times that could be, and a date that is consistently off.
ipc::ProbeReport any_report(RawTime now, std::chrono::seconds lie) {
  const int kind = *uniform(0, 19);
  if (kind == 0) return ipc::Done{{*uniform<std::uint64_t>(0, 99), 7}, *uniform<std::uint8_t>(0, 250)};
  if (kind == 1) return ipc::Failure{base::ErrorCode::timeout, "it says so", {}};
  RawTime sent = now - *duration(500ms, 900ms);
  RawTime received = now - *duration(0ms, 500ms);
  if (kind == 2) sent += *duration(-5s, 5s);
  if (kind == 3) received += *duration(-5s, 5s);
  if (kind == 4) lie = std::chrono::seconds{*rc::gen::element<std::int64_t>(1, -60, 1LL << 40, -(1LL << 61))};
  const auto date = std::chrono::floor<std::chrono::seconds>(timecore::reference_time(received, kTruth));
  return ipc::ExchangeReport{
      .sent = sent,
      .received = received,
      .date = std::chrono::sys_seconds{date.time_since_epoch() + lie},
      .age = *uniform(0, 9) == 0 ? std::optional{std::chrono::seconds{*uniform(0, 5)}} : std::nullopt,
      .fine = any_fine_time()};
}

/// What a probe may write that was taken over: anything, and now and then something that is nearly right.
std::vector<std::byte> any_record(RawTime now, std::chrono::seconds lie) {
  const int kind = *uniform(0, 29);
  if (kind == 0) return bytes_of(*any_bytes());
  const auto record = ipc::encode(any_report(now, lie));
  std::vector<std::byte> bytes{record.begin(), record.end()};
  if (kind == 1) bytes.at(*uniform<std::size_t>(0, bytes.size() - 1)) = static_cast<std::byte>(*uniform(0, 255));
  return bytes;
}

/// All that such a probe writes, read as a round reads it, a record a second.
Reading reading_of_any_probe() {
  ReportReader reader{kMost, kLimits, kStarted};
  RawTime now = kStarted;
  const int records = *uniform(0, 40);
  const std::chrono::seconds lie{*uniform(-2, 2) * *uniform(0, 100'000)};
  for (int i = 0; i < records; ++i) {
    now += 1s;
    const Verdict verdict = reader.take(any_record(now, lie), now);
    Reading reading = reader.reading();
    if (verdict == Verdict::garbage) reading.error = base::SourceError{base::ErrorCode::probe_crashed, "garbage"};
    if (verdict != Verdict::more) return reading;
  }
  Reading reading = reader.reading();  // and then it was killed
  reading.error = base::SourceError{base::ErrorCode::probe_crashed, "it did not end in time"};
  return reading;
}

SourceReport source(const std::string& host, Reading reading) {
  SourceReport report;
  report.spec = {wire::parse_url("https://" + host + "/").value(), "pool", host};
  report.reading = std::move(reading);
  return report;
}

/// A source that is right, asked at any times.
SourceReport honest(const std::string& host) {
  const HonestServer server{kStarted, kTruth, *uniform<std::int64_t>(-100'000, 100'000)};
  Reading reading;
  RawTime sent = kStarted;
  const int exchanges = *uniform(1, 8);
  for (int i = 0; i < exchanges; ++i) {
    sent += *duration(1ms, 2s);
    reading.exchanges.push_back(server.ask(sent, *duration(1ms, 200ms), *duration(1ms, 200ms), *duration(0ms, 10ms)));
    sent = reading.exchanges.back().received;
  }
  return source(host, reading);
}

RC_GTEST_PROP(ReportReader, WhateverComesWhatIsKeptIsLegal, ()) {
  const Reading reading = reading_of_any_probe();
  RC_ASSERT(reading.exchanges.size() <= kMost);
  RawTime last = kStarted;
  for (const Exchange& exchange : reading.exchanges) {
    RC_ASSERT(exchange.sent >= last);
    RC_ASSERT(exchange.received >= exchange.sent);
    RC_ASSERT(exchange.received <= kStarted + 40s);
    RC_ASSERT(timecore::plausible(exchange.date, kLimits));
    last = exchange.received;
    if (!exchange.fine) continue;
    RC_ASSERT(exchange.fine->time >= timecore::kEarliestDate);
    RC_ASSERT(exchange.fine->time <= timecore::kLatestDate);
  }
}

RC_GTEST_PROP(ReportReader, AProbeThatWasTakenOverChangesNoOtherSource, ()) {
  const std::vector<SourceReport> good{honest("a.test"), honest("b.test"), honest("c.test")};
  const RawTime at = kStarted + 60s;
  const timecore::Quorum quorum{3, 1, 2s};
  const timecore::TransferOptions options;

  std::vector<SourceReport> alone = good;
  const timecore::Agreement before = weigh(alone, options, at, quorum);
  std::vector<SourceReport> together = good;
  together.push_back(source("taken-over.test", reading_of_any_probe()));
  const timecore::Agreement after = weigh(together, options, at, quorum);

  RC_CLASSIFY(!together.back().reading.error, "its source has bounds");
  for (std::size_t i = 0; i < good.size(); ++i) {
    RC_ASSERT(together[i].claim == alone[i].claim);
    RC_ASSERT(together[i].estimate.offset == alone[i].estimate.offset);
    RC_ASSERT(!together[i].reading.error);
    RC_ASSERT(together[i].outcome == Outcome::truechimer);
  }
  // Its vote is one of four: the truth, which three agree on, stays inside.
  const timecore::RawOffset slowest = kTruth - 10ms;  // what drift makes of it in a minute
  RC_ASSERT(after.bounds.has_value());
  RC_ASSERT(after.bounds->lower <= kTruth + 10ms);
  RC_ASSERT(after.bounds->upper >= slowest);
  if (together.back().reading.error) RC_ASSERT(after.bounds == before.bounds);
}

TEST(ReportReader, NothingIsTakenAfterTheEnd) {
  ReportReader reader{kMost, kLimits, kStarted};
  const auto done = ipc::encode(ipc::Done{{1, 2}, 1});
  EXPECT_EQ(reader.take(done, kStarted + 1s), Verdict::ended);
  EXPECT_EQ(reader.reading().traffic, (ipc::Traffic{1, 2}));
  EXPECT_TRUE(reader.reading().missing.has(sandbox::Layer::files));
  EXPECT_EQ(reader.take(done, kStarted + 2s), Verdict::garbage);
}

TEST(ReportReader, AFloodEndsWithTheExchangesThatWereAskedFor) {
  ReportReader reader{kMost, kLimits, kStarted};
  RawTime now = kStarted;
  unsigned taken = 0;
  for (;; ++taken) {
    now += 1ms;
    const auto date = std::chrono::floor<std::chrono::seconds>(timecore::reference_time(now, kTruth));
    const auto record = ipc::encode(ipc::ExchangeReport{now, now, date});
    if (reader.take(record, now) != Verdict::more) break;
  }
  EXPECT_EQ(taken, kMost);
}

}  // namespace
}  // namespace sdwdate::service
