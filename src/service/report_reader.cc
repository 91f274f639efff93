#include "service/report_reader.h"

#include <variant>

namespace sdwdate::service {

// What the decoder lets through as a finer time, timecore can compute with.
static_assert(base::kEarliestFineTime == timecore::kEarliestDate && base::kLatestFineTime == timecore::kLatestDate);

ReportReader::Verdict ReportReader::take(std::span<const std::byte> record, base::RawTime now) {
  const auto report = ipc::decode_probe_report(record);
  if (!report || !order_.accept(*report, started_, now)) return Verdict::garbage;
  if (const auto* exchange = std::get_if<ipc::ExchangeReport>(&*report)) {
    // The date is used in arithmetic: whatever the probe says, it must be one of our times.
    if (!timecore::plausible(exchange->date, limits_)) return Verdict::garbage;
    reading_.exchanges.push_back(
        {exchange->sent, exchange->received, exchange->date, exchange->age, exchange->fine, exchange->spread});
    return Verdict::more;
  }
  if (const auto* failure = std::get_if<ipc::Failure>(&*report)) {
    reading_.error = base::SourceError{failure->code, failure->message};
    reading_.traffic = failure->traffic;
  } else {
    const auto& done = std::get<ipc::Done>(*report);
    reading_.traffic = done.traffic;
    reading_.missing = sandbox::Missing::of(done.missing_layers);
  }
  return Verdict::ended;
}

}  // namespace sdwdate::service
