// What decodes encodes to the same bytes: there is one record for each value, and no room to hide anything in.
#include "ipc/records.h"

#include <algorithm>

#include "fuzz/property.h"
#include "ipc/tor_records.h"

using namespace sdwdate::ipc;
using sdwdate::base::RawTime;
using sdwdate::fuzz::require;
using std::chrono::nanoseconds;

namespace {

/// The input as one record: cut, or filled up with zeroes.
template <typename Record>
Record record_of(std::span<const std::byte> input) {
  Record record{};
  std::ranges::copy(input.first(std::min(input.size(), record.size())), record.begin());
  return record;
}

template <typename Record>
void same_bytes(const Record& record, const auto& decoded) {
  if (decoded) require(encode(*decoded) == record, "what decodes encodes to the same bytes");
}

/// The input as one probe's reports. Accepted ones never go back in time, and nothing follows the end.
void check_order(std::span<const std::byte> input) {
  constexpr unsigned kMost = 3;
  constexpr RawTime kStarted{nanoseconds{1'000'000'000}};
  constexpr RawTime kNow{nanoseconds{9'000'000'000}};
  ReportOrder order{kMost};
  RawTime last = kStarted;
  unsigned exchanges = 0;
  for (; !input.empty(); input = input.subspan(std::min(input.size(), kProbeReportSize))) {
    const auto report = decode_probe_report(record_of<ProbeReportRecord>(input));
    const bool ended = order.ended();
    if (!report || !order.accept(*report, kStarted, kNow)) return;
    require(!ended, "nothing follows the end");
    const auto* exchange = std::get_if<ExchangeReport>(&*report);
    require(order.ended() == (exchange == nullptr), "anything but an exchange is the end");
    if (exchange == nullptr) continue;
    require(last <= exchange->sent && exchange->sent <= exchange->received && exchange->received <= kNow,
            "time passes");
    last = exchange->received;
    require(++exchanges <= kMost, "no more exchanges than asked for");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span{data, size});
  const auto job = record_of<ProbeJobRecord>(input);
  const auto report = record_of<ProbeReportRecord>(input);
  const auto question = record_of<ResolveJobRecord>(input);
  const auto answer = record_of<ResolveReplyRecord>(input);
  same_bytes(job, decode_probe_job(job));
  same_bytes(report, decode_probe_report(report));
  same_bytes(question, decode_resolve_job(question));
  same_bytes(answer, decode_resolve_reply(answer));
  const auto tor_job = record_of<TorJobRecord>(input);
  const auto tor_report = record_of<TorReportRecord>(input);
  same_bytes(tor_job, decode_tor_job(tor_job));
  same_bytes(tor_report, decode_tor_report(tor_report));
  check_order(input);
  return 0;
}
