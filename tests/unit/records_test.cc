#include "ipc/records.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "ipc/address.h"
#include "support/generators.h"

namespace sdwdate::ipc {
namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using base::RawTime;
using std::chrono::nanoseconds;
using support::any_bytes;
using support::uniform;

template <typename T>
T any() {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<T>());
}

std::string any_short_text() { return (*any_bytes()).substr(0, 100); }

IpAddress any_address() {
  IpAddress address;
  address.v6 = any<bool>();
  for (auto& byte : address.bytes) byte = any<std::uint8_t>();
  return address;
}

std::vector<IpAddress> any_addresses() {
  std::vector<IpAddress> addresses(*uniform<std::size_t>(0, kMaxAddresses));
  for (IpAddress& address : addresses) address = any_address();
  return addresses;
}

nanoseconds any_duration() { return nanoseconds{any<std::int64_t>()}; }
std::chrono::sys_seconds any_time() { return std::chrono::sys_seconds{std::chrono::seconds{any<std::int64_t>()}}; }

ProbeJob any_job() {
  ProbeJob job;
  job.tls = any<bool>();
  job.host_is_address = any<bool>();
  job.host = any_short_text();
  job.port = any<std::uint16_t>();
  job.authority = any_short_text();
  job.target = any_short_text();
  job.addresses = any_addresses();
  job.connect_port = any<std::uint16_t>();
  job.proxy = any<bool>();
  job.proxy_path = any_short_text();
  job.proxy_user = any_short_text();
  job.proxy_password = any_short_text();
  job.ca_file = any_short_text();
  job.exchanges = any<std::uint8_t>();
  job.timeout = any_duration();
  job.sharpen_until = RawTime{any_duration()};
  job.floor = any_time();
  job.ceiling = any_time();
  job.first_phase = any_duration();
  job.lag = any_duration();
  job.fine_lag = any_duration();
  job.slack = any_duration();
  job.drift_ppm = any<std::int64_t>();
  return job;
}

std::string any_message() {
  return (*rc::gen::container<std::string>(
              rc::gen::map(uniform(int{' '}, int{'~'}), [](int c) { return static_cast<char>(c); })))
      .substr(0, kMaxMessage);
}

std::optional<base::FineTime> any_fine_time() {
  if (any<bool>()) return std::nullopt;
  const auto header = any<bool>() ? base::FineHeader::x_httpstime : base::FineHeader::x_timer;
  const auto latest = base::kLatestFineTime - base::kEarliestFineTime;
  return base::FineTime{header, base::kEarliestFineTime + *support::duration(0ns, latest), *support::duration(1ns, 1s)};
}

std::optional<std::chrono::seconds> any_age() {
  if (any<bool>()) return std::nullopt;
  return std::chrono::seconds{*support::uniform<std::int64_t>(0, std::int64_t{1} << 40)};
}

ProbeReport any_report() {
  const Traffic traffic{any<std::uint64_t>(), any<std::uint64_t>()};
  switch (*uniform(0, 2)) {
    case 0: return Done{traffic};
    case 1:
      return Failure{static_cast<ErrorCode>(*uniform<std::size_t>(0, base::kErrorNames.size() - 1)), any_message(),
                     traffic};
    default:
      return ExchangeReport{RawTime{any_duration()},
                            RawTime{any_duration()},
                            any_time(),
                            any_age(),
                            any_fine_time(),
                            std::chrono::seconds{*support::uniform(0, 2)}};
  }
}

template <std::size_t Size>
std::vector<std::byte> any_record() {
  std::vector<std::byte> record(Size);
  // Mostly zero, with some bytes set: closer to what decodes than noise is.
  const bool noise = any<bool>();
  const auto changes = noise ? Size : *uniform<std::size_t>(0, 20);
  for (std::size_t i = 0; i < changes; ++i) {
    const std::size_t place = noise ? i : *uniform<std::size_t>(0, std::min<std::size_t>(Size, 64) - 1);
    record[place] = std::byte{*uniform<std::uint8_t>(0, 254)};
  }
  return record;
}

// --- round trips
// ------------------------------------------------------------------------------------------------------

RC_GTEST_PROP(Records, AProbeJobIsReadBack, ()) {
  const ProbeJob job = any_job();
  const auto record = encode(job);
  RC_ASSERT(record.has_value());
  RC_ASSERT((decode_probe_job(*record) == job));
}

RC_GTEST_PROP(Records, AProbeReportIsReadBack, ()) {
  const ProbeReport report = any_report();
  RC_ASSERT((decode_probe_report(encode(report)) == report));
}

RC_GTEST_PROP(Records, AResolveJobIsReadBack, ()) {
  const ResolveJob job{any_short_text()};
  const auto record = encode(job);
  RC_ASSERT(record.has_value());
  RC_ASSERT((decode_resolve_job(*record) == job));
}

RC_GTEST_PROP(Records, AResolveReplyIsReadBack, ()) {
  const ResolveReply reply{any_addresses(), any_message()};
  RC_ASSERT((decode_resolve_reply(encode(reply)) == reply));
}

// --- strange bytes
// ----------------------------------------------------------------------------------------------------

/// What decodes is what we would have written: no value has a second spelling in which anything could hide.
template <std::size_t Size>
bool same_bytes(const std::array<std::byte, Size>& written, const std::vector<std::byte>& read) {
  return std::ranges::equal(written, read);
}

RC_GTEST_PROP(Records, AnyBytesAreAProbeJobAsWeWriteItOrNone, ()) {
  const auto record = any_record<kProbeJobSize>();
  if (const auto job = decode_probe_job(record)) RC_ASSERT(same_bytes(*encode(*job), record));
}

RC_GTEST_PROP(Records, AnyBytesAreAProbeReportAsWeWriteItOrNone, ()) {
  const auto record = any_record<kProbeReportSize>();
  if (const auto report = decode_probe_report(record)) RC_ASSERT(same_bytes(encode(*report), record));
}

RC_GTEST_PROP(Records, AnyBytesAreAResolveReplyAsWeWriteItOrNone, ()) {
  const auto record = any_record<kResolveReplySize>();
  if (const auto reply = decode_resolve_reply(record)) RC_ASSERT(same_bytes(encode(*reply), record));
}

RC_GTEST_PROP(Records, AnyBytesAreAResolveJobAsWeWriteItOrNone, ()) {
  const auto record = any_record<kResolveJobSize>();
  if (const auto job = decode_resolve_job(record)) RC_ASSERT(same_bytes(*encode(*job), record));
}

RC_GTEST_PROP(Records, AReportWithOneByteChangedIsAnotherOrNone, ()) {
  const ProbeReport report = any_report();
  const ProbeReportRecord written = encode(report);
  std::vector<std::byte> record{written.begin(), written.end()};
  record[*uniform<std::size_t>(0, record.size() - 1)] ^= std::byte{*uniform<std::uint8_t>(1, 254)};
  const auto read = decode_probe_report(record);
  RC_ASSERT((!read || *read != report));
  if (read) RC_ASSERT(same_bytes(encode(*read), record));
}

RC_GTEST_PROP(Records, OtherSizesAreRefused, ()) {
  const std::vector<std::byte> record(*uniform<std::size_t>(0, 5000));
  RC_ASSERT((record.size() == kProbeJobSize || !decode_probe_job(record)));
  RC_ASSERT((record.size() == kProbeReportSize || !decode_probe_report(record)));
  RC_ASSERT((record.size() == kResolveJobSize || !decode_resolve_job(record)));
  RC_ASSERT((record.size() == kResolveReplySize || !decode_resolve_reply(record)));
}

TEST(Records, OneByteMoreOrLessIsRefused) {
  std::vector<std::byte> record(kProbeReportSize, std::byte{0});
  record[0] = std::byte{2};  // Done, no traffic
  EXPECT_TRUE(decode_probe_report(record));
  record.push_back(std::byte{0});
  EXPECT_FALSE(decode_probe_report(record));
  record.resize(kProbeReportSize - 1);
  EXPECT_FALSE(decode_probe_report(record));
}

TEST(Records, AnUnknownKindOrCodeOrFlagIsRefused) {
  for (const int kind : {0, 4, 255}) {
    ProbeReportRecord record{};
    record[0] = static_cast<std::byte>(kind);
    EXPECT_FALSE(decode_probe_report(record)) << kind;
  }
  ProbeReportRecord failure = encode(Failure{ErrorCode::dns, "x", {}});
  failure[1] = static_cast<std::byte>(base::kErrorNames.size());
  EXPECT_FALSE(decode_probe_report(failure));
  ProbeReportRecord exchange = encode(ExchangeReport{});
  exchange[33] = std::byte{2};  // whether there is an Age
  EXPECT_FALSE(decode_probe_report(exchange));
}

/// With a Date of 1970, a finer time at the end of what nanoseconds can count made sums overflow (the
/// undefined-behaviour sanitizer says so).
TEST(Records, AFinerTimeOutsideOfWhatWeComputeWithIsRefused) {
  const auto decoded = [](std::chrono::sys_time<nanoseconds> time) {
    const base::FineTime fine{base::FineHeader::x_timer, time, 1ms};
    return decode_probe_report(encode(ExchangeReport{.sent = {}, .received = {}, .date = {}, .fine = fine}))
        .has_value();
  };
  EXPECT_TRUE(decoded(base::kEarliestFineTime));
  EXPECT_TRUE(decoded(base::kLatestFineTime));
  EXPECT_FALSE(decoded(base::kEarliestFineTime - 1ns));
  EXPECT_FALSE(decoded(base::kLatestFineTime + 1ns));
  EXPECT_FALSE(decoded(std::chrono::sys_time<nanoseconds>{nanoseconds::max()}));
  EXPECT_FALSE(decoded(std::chrono::sys_time<nanoseconds>{nanoseconds::min()}));
}

TEST(Records, ALengthThatPointsOutsideTheRecordIsRefused) {
  ProbeReportRecord record = encode(Failure{ErrorCode::dns, "x", {}});
  record[2] = record[3] = std::byte{0xff};
  EXPECT_FALSE(decode_probe_report(record));
  ResolveJobRecord job = *encode(ResolveJob{"a.example"});
  job[0] = job[1] = std::byte{0xff};
  EXPECT_FALSE(decode_resolve_job(job));
}

TEST(Records, MoreAddressesThanAllowedAreRefused) {
  ResolveReplyRecord record{};
  record[0] = static_cast<std::byte>(kMaxAddresses);
  EXPECT_TRUE(decode_resolve_reply(record));
  record[0] = static_cast<std::byte>(kMaxAddresses + 1);
  EXPECT_FALSE(decode_resolve_reply(record));
  record[0] = std::byte{255};
  EXPECT_FALSE(decode_resolve_reply(record));
}

TEST(Records, WhatDoesNotFitIsNotEncoded) {
  ProbeJob job;
  job.target = std::string(kProbeJobSize, 'x');
  EXPECT_FALSE(encode(job));
  job.target = "/";
  job.addresses.resize(kMaxAddresses + 1);
  EXPECT_FALSE(encode(job));
  EXPECT_FALSE(encode(ResolveJob{std::string(kResolveJobSize, 'x')}));
  EXPECT_TRUE(encode(ResolveJob{std::string(253, 'x')})) << "the longest name there is";
}

TEST(Records, TheLargestJobFits) {
  ProbeJob job;
  job.host = std::string(253, 'h');
  job.authority = job.host + ":65535";
  job.target = std::string(1024, 't');
  job.addresses.resize(kMaxAddresses);
  job.proxy_path = job.proxy_user = job.proxy_password = std::string(255, 'p');
  job.ca_file = std::string(1024, 'c');
  EXPECT_TRUE(encode(job));
}

TEST(Records, MessagesAreCutAndMadePrintable) {
  const auto report = decode_probe_report(encode(Failure{ErrorCode::dns, "a\x1b[31m\n" + std::string(500, 'x'), {}}));
  ASSERT_TRUE(report);
  const auto& message = std::get<Failure>(*report).message;
  EXPECT_EQ(message.substr(0, 8), "a?[31m?x");
  EXPECT_EQ(message.size(), kMaxMessage);
  const auto reply = decode_resolve_reply(encode(ResolveReply{std::vector<IpAddress>(20), std::string(500, '\n')}));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->addresses.size(), kMaxAddresses);
  EXPECT_EQ(reply->message, std::string(kMaxMessage, '?'));
}

TEST(Records, AMessageThatIsNotPrintableOrTooLongIsRefused) {
  ProbeReportRecord record = encode(Failure{ErrorCode::dns, "abc", {}});
  record[5] = std::byte{0x1b};
  EXPECT_FALSE(decode_probe_report(record));
  record = encode(Failure{ErrorCode::dns, std::string(kMaxMessage, 'x'), {}});
  EXPECT_TRUE(decode_probe_report(record));
  record[3] = static_cast<std::byte>(kMaxMessage + 1);
  record[4 + kMaxMessage] = std::byte{'x'};
  EXPECT_FALSE(decode_probe_report(record));
}

TEST(Records, WhateverFollowsTheLastFieldMustBeZero) {
  ProbeReportRecord report = encode(Done{});
  report.back() = std::byte{1};
  EXPECT_FALSE(decode_probe_report(report));
  ProbeJobRecord job = *encode(ProbeJob{});
  job.back() = std::byte{1};
  EXPECT_FALSE(decode_probe_job(job));
}

// --- the order of reports -------------------------------------------------------------------------------------------

constexpr RawTime kStarted{100s};
constexpr RawTime kNow{200s};

ExchangeReport exchange(nanoseconds sent, nanoseconds received) {
  return {kStarted + sent, kStarted + received, std::chrono::sys_seconds{}};
}

TEST(ReportOrder, ExchangesThenOneEndAreLegal) {
  ReportOrder order{2};
  EXPECT_TRUE(order.accept(exchange(0s, 1s), kStarted, kNow));
  EXPECT_TRUE(order.accept(exchange(1s, 2s), kStarted, kNow));
  EXPECT_FALSE(order.ended());
  EXPECT_TRUE(order.accept(Done{}, kStarted, kNow));
  EXPECT_TRUE(order.ended());
}

TEST(ReportOrder, NothingMayFollowTheEnd) {
  for (const ProbeReport& end : {ProbeReport{Done{}}, ProbeReport{Failure{}}}) {
    for (const ProbeReport& after : {ProbeReport{Done{}}, ProbeReport{Failure{}}, ProbeReport{exchange(0s, 1s)}}) {
      ReportOrder order{8};
      EXPECT_TRUE(order.accept(end, kStarted, kNow));
      EXPECT_FALSE(order.accept(after, kStarted, kNow));
    }
  }
}

TEST(ReportOrder, MoreExchangesThanAskedForAreIllegal) {
  ReportOrder order{2};
  EXPECT_TRUE(order.accept(exchange(0s, 1s), kStarted, kNow));
  EXPECT_TRUE(order.accept(exchange(1s, 2s), kStarted, kNow));
  EXPECT_FALSE(order.accept(exchange(2s, 3s), kStarted, kNow));
  ReportOrder none{0};
  EXPECT_FALSE(none.accept(exchange(0s, 1s), kStarted, kNow));
}

TEST(ReportOrder, TimesOutsideTheProbesLifeAreIllegal) {
  EXPECT_FALSE(ReportOrder{8}.accept(exchange(-1ns, 1s), kStarted, kNow));
  EXPECT_FALSE(ReportOrder{8}.accept(exchange(1s, 100s + 1ns), kStarted, kNow));
  EXPECT_TRUE(ReportOrder{8}.accept(exchange(0s, 100s), kStarted, kNow));
}

TEST(ReportOrder, AnAnswerBeforeItsRequestIsIllegal) {
  EXPECT_FALSE(ReportOrder{8}.accept(exchange(2s, 2s - 1ns), kStarted, kNow));
  EXPECT_TRUE(ReportOrder{8}.accept(exchange(2s, 2s), kStarted, kNow));
}

TEST(ReportOrder, ARequestBeforeTheLastAnswerIsIllegal) {
  ReportOrder order{8};
  EXPECT_TRUE(order.accept(exchange(1s, 3s), kStarted, kNow));
  EXPECT_FALSE(order.accept(exchange(3s - 1ns, 4s), kStarted, kNow));
}

TEST(ReportOrder, ExtremeTimesDoNotOverflow) {
  const ExchangeReport extreme{RawTime{nanoseconds::min()}, RawTime{nanoseconds::max()}, {}};
  EXPECT_FALSE(ReportOrder{8}.accept(extreme, kStarted, kNow));
}

// --- addresses
// --------------------------------------------------------------------------------------------------------

TEST(Address, TextAndBack) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::", "::1", "::ffff:192.0.2.1"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
}

TEST(Address, AnythingElseIsNone) {
  for (const char* text :
       {"", "a.example", "192.0.2", "192.0.2.256", "192.0.2.1 ", "[::1]", "::1%lo", "1:2:3", "0x7f.1"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
  EXPECT_FALSE(parse_address(std::string_view{"192.0.2.1\0x", 11})) << "a NUL does not end an address";
}

}  // namespace
}  // namespace sdwdate::ipc
