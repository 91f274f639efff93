#include "ipc/records.h"

#include "base/text.h"
#include "ipc/address_fields.h"
#include "ipc/fields.h"

namespace sdwdate::ipc {
namespace {

/// First byte of a ProbeReport.
enum class ReportKind : std::uint8_t { exchange = 1, done = 2, failure = 3 };

void write(FieldWriter& writer, const Traffic& traffic) {
  writer.number(traffic.sent);
  writer.number(traffic.received);
}

Traffic read_traffic(FieldReader& reader) {
  Traffic traffic;
  traffic.sent = reader.number<std::uint64_t>();
  traffic.received = reader.number<std::uint64_t>();
  return traffic;
}

void write(FieldWriter& writer, const ExchangeReport& report) {
  writer.number(static_cast<std::uint8_t>(ReportKind::exchange));
  writer.duration(report.sent.time_since_epoch());
  writer.duration(report.received.time_since_epoch());
  writer.time(report.date);
  writer.number(report.spread.count());
  writer.number(static_cast<std::uint8_t>(report.age.has_value()));
  if (report.age) writer.number(report.age->count());
  writer.number(static_cast<std::uint8_t>(report.fine.has_value()));
  if (!report.fine) return;
  writer.number(static_cast<std::uint8_t>(report.fine->header));
  writer.duration(report.fine->time.time_since_epoch());
  writer.duration(report.fine->resolution);
}

void write(FieldWriter& writer, const Done& report) {
  writer.number(static_cast<std::uint8_t>(ReportKind::done));
  write(writer, report.traffic);
  writer.number(report.missing_layers);
}

void write(FieldWriter& writer, const Failure& report) {
  writer.number(static_cast<std::uint8_t>(ReportKind::failure));
  writer.number(static_cast<std::uint8_t>(report.code));
  writer.text(base::printable(report.message, kMaxMessage));
  write(writer, report.traffic);
}

/// Empty when no correct helper could have written it. The times keep the parent's arithmetic in range.
std::optional<base::FineTime> read_fine_time(FieldReader& reader) {
  const auto header = reader.number<std::uint8_t>();
  const std::chrono::sys_time<std::chrono::nanoseconds> time{reader.duration()};
  const std::chrono::nanoseconds resolution = reader.duration();
  if (header > static_cast<std::uint8_t>(base::FineHeader::x_timer) || time < base::kEarliestFineTime ||
      time > base::kLatestFineTime || resolution <= std::chrono::nanoseconds{0} ||
      resolution > std::chrono::seconds{1}) {
    return std::nullopt;
  }
  return base::FineTime{static_cast<base::FineHeader>(header), time, resolution};
}

std::optional<ProbeReport> read_exchange(FieldReader& reader) {
  ExchangeReport report;
  report.sent = base::RawTime{reader.duration()};
  report.received = base::RawTime{reader.duration()};
  report.date = reader.time();
  report.spread = std::chrono::seconds{reader.number<std::int64_t>()};
  constexpr std::chrono::seconds kNone{0};
  if (report.spread < kNone || report.spread > base::kMaxDateSpread) return std::nullopt;
  if (reader.flag()) {
    report.age = std::chrono::seconds{reader.number<std::int64_t>()};
    if (*report.age < kNone) return std::nullopt;
  }
  if (!reader.flag()) return report;
  report.fine = read_fine_time(reader);
  if (!report.fine) return std::nullopt;
  return report;
}

/// Empty when no correct helper could have written it: they write printable() texts.
std::optional<std::string> read_message(FieldReader& reader) {
  auto message = reader.text();
  if (message != base::printable(message, kMaxMessage)) return std::nullopt;
  return message;
}

std::optional<ProbeReport> read_failure(FieldReader& reader) {
  Failure report;
  const auto code = reader.number<std::uint8_t>();
  if (code >= base::kErrorNames.size()) return std::nullopt;
  report.code = static_cast<base::ErrorCode>(code);
  auto message = read_message(reader);
  if (!message) return std::nullopt;
  report.message = *std::move(message);
  report.traffic = read_traffic(reader);
  return report;
}

ProbeReport read_done(FieldReader& reader) {
  Done report;
  report.traffic = read_traffic(reader);
  report.missing_layers = reader.number<std::uint8_t>();
  return report;
}

std::optional<ProbeReport> read_report(FieldReader& reader) {
  switch (static_cast<ReportKind>(reader.number<std::uint8_t>())) {
    case ReportKind::exchange: return read_exchange(reader);
    case ReportKind::done: return read_done(reader);
    case ReportKind::failure: return read_failure(reader);
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProbeJobRecord> encode(const ProbeJob& job) {
  if (job.addresses.size() > kMaxAddresses) return std::nullopt;
  ProbeJobRecord record{};
  FieldWriter writer{record};
  writer.number(static_cast<std::uint8_t>(job.tls));
  writer.number(static_cast<std::uint8_t>(job.self_signed));
  writer.number(static_cast<std::uint8_t>(job.host_is_address));
  writer.text(job.host);
  writer.number(job.port);
  writer.text(job.authority);
  writer.text(job.target);
  write_addresses(writer, job.addresses);
  writer.number(job.connect_port);
  writer.number(static_cast<std::uint8_t>(job.proxy));
  writer.text(job.proxy_path);
  writer.text(job.proxy_user);
  writer.text(job.proxy_password);
  writer.text(job.ca_file);
  writer.number(job.exchanges);
  writer.duration(job.first_phase);
  writer.duration(job.timeout);
  writer.duration(job.sharpen_until.time_since_epoch());
  writer.time(job.floor);
  writer.time(job.ceiling);
  writer.duration(job.lag);
  writer.duration(job.fine_lag);
  writer.duration(job.slack);
  writer.number(job.drift_ppm);
  if (writer.failed()) return std::nullopt;
  return record;
}

std::optional<ProbeJob> decode_probe_job(std::span<const std::byte> bytes) {
  if (bytes.size() != kProbeJobSize) return std::nullopt;
  FieldReader reader{bytes};
  ProbeJob job;
  job.tls = reader.flag();
  job.self_signed = reader.flag();
  job.host_is_address = reader.flag();
  job.host = reader.text();
  job.port = reader.number<std::uint16_t>();
  job.authority = reader.text();
  job.target = reader.text();
  auto addresses = read_addresses(reader, kMaxAddresses);
  if (!addresses) return std::nullopt;
  job.addresses = *std::move(addresses);
  job.connect_port = reader.number<std::uint16_t>();
  job.proxy = reader.flag();
  job.proxy_path = reader.text();
  job.proxy_user = reader.text();
  job.proxy_password = reader.text();
  job.ca_file = reader.text();
  job.exchanges = reader.number<std::uint8_t>();
  job.first_phase = reader.duration();
  job.timeout = reader.duration();
  job.sharpen_until = base::RawTime{reader.duration()};
  job.floor = reader.time();
  job.ceiling = reader.time();
  job.lag = reader.duration();
  job.fine_lag = reader.duration();
  job.slack = reader.duration();
  job.drift_ppm = reader.number<std::int64_t>();
  if (!reader.complete()) return std::nullopt;
  return job;
}

ProbeReportRecord encode(const ProbeReport& report) {
  ProbeReportRecord record{};
  FieldWriter writer{record};
  std::visit([&](const auto& kind) { write(writer, kind); }, report);
  return record;
}

std::optional<ProbeReport> decode_probe_report(std::span<const std::byte> bytes) {
  if (bytes.size() != kProbeReportSize) return std::nullopt;
  FieldReader reader{bytes};
  auto report = read_report(reader);
  if (!reader.complete()) return std::nullopt;
  return report;
}

bool ReportOrder::accept(const ProbeReport& report, base::RawTime started, base::RawTime now) {
  if (ended_) return false;
  const auto* exchange = std::get_if<ExchangeReport>(&report);
  if (exchange == nullptr) {
    ended_ = true;
    return true;
  }
  if (remaining_ == 0) return false;
  --remaining_;
  const bool in_order = exchange->sent >= last_received_.value_or(started) && exchange->received >= exchange->sent &&
                        exchange->received <= now;
  last_received_ = exchange->received;
  return in_order;
}

std::optional<ResolveJobRecord> encode(const ResolveJob& job) {
  ResolveJobRecord record{};
  FieldWriter writer{record};
  writer.text(job.host);
  if (writer.failed()) return std::nullopt;
  return record;
}

std::optional<ResolveJob> decode_resolve_job(std::span<const std::byte> bytes) {
  if (bytes.size() != kResolveJobSize) return std::nullopt;
  FieldReader reader{bytes};
  ResolveJob job{reader.text()};
  if (!reader.complete()) return std::nullopt;
  return job;
}

ResolveReplyRecord encode(const ResolveReply& reply) {
  ResolveReplyRecord record{};
  FieldWriter writer{record};
  std::vector<IpAddress> addresses = reply.addresses;
  if (addresses.size() > kMaxAddresses) addresses.resize(kMaxAddresses);
  write_addresses(writer, addresses);
  writer.text(base::printable(reply.message, kMaxMessage));
  return record;
}

std::optional<ResolveReply> decode_resolve_reply(std::span<const std::byte> bytes) {
  if (bytes.size() != kResolveReplySize) return std::nullopt;
  FieldReader reader{bytes};
  auto addresses = read_addresses(reader, kMaxAddresses);
  if (!addresses) return std::nullopt;
  auto message = read_message(reader);
  if (!message || !reader.complete()) return std::nullopt;
  return ResolveReply{*std::move(addresses), *std::move(message)};
}

}  // namespace sdwdate::ipc
