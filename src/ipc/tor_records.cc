#include "ipc/tor_records.h"

#include "base/text.h"
#include "ipc/address_fields.h"
#include "ipc/fields.h"

namespace sdwdate::ipc {
namespace {

enum class Kind : std::uint8_t { state = 1, skew = 2, failure = 3 };

constexpr std::size_t kMostTorAddresses = 2;
constexpr std::size_t kMaxFailure = 300;
constexpr std::chrono::seconds kMostSkew = std::chrono::years{100};
/// Nanoseconds in 64 bits end in 2262.
constexpr std::chrono::sys_seconds kLatest{std::chrono::seconds{9'000'000'000}};

using Time = std::optional<std::chrono::sys_seconds>;

void write_time(FieldWriter& writer, const Time& time) {
  writer.number(static_cast<std::uint8_t>(time.has_value()));
  writer.time(time.value_or(std::chrono::sys_seconds{}));
}

/// Empty inside if there is none; empty outside if no correct helper could have written it.
std::optional<Time> read_time(FieldReader& reader) {
  const bool there = reader.flag();
  const auto time = reader.time();
  if (time < std::chrono::sys_seconds{} || time > kLatest) return std::nullopt;
  if (!there) return time == std::chrono::sys_seconds{} ? std::optional{Time{}} : std::nullopt;
  return Time{time};
}

std::optional<std::string> read_printable(FieldReader& reader, std::size_t most) {
  auto text = reader.text();
  if (text != base::printable(text, most)) return std::nullopt;
  return text;
}

void write(FieldWriter& writer, const TorState& state) {
  writer.number(static_cast<std::uint8_t>(Kind::state));
  writer.number(state.progress);
  writer.number(static_cast<std::uint8_t>(state.circuit));
  writer.text(base::printable(state.phase, kMaxTorText));
  writer.text(base::printable(state.warning, kMaxTorText));
  for (const Time& time : {state.valid_after, state.fresh_until, state.valid_until}) write_time(writer, time);
}

void write(FieldWriter& writer, const TorSkew& skew) {
  writer.number(static_cast<std::uint8_t>(Kind::skew));
  writer.number(std::int64_t{skew.skew.count()});
  writer.number(static_cast<std::uint8_t>(skew.evidence));
  writer.text(base::printable(skew.address, kMaxTorText));
}

void write(FieldWriter& writer, const TorFailure& failure) {
  writer.number(static_cast<std::uint8_t>(Kind::failure));
  writer.text(base::printable(failure.message, kMaxFailure));
}

std::optional<TorReport> read_state(FieldReader& reader) {
  TorState state;
  state.progress = reader.number<std::uint8_t>();
  state.circuit = reader.flag();
  auto phase = read_printable(reader, kMaxTorText);
  auto warning = read_printable(reader, kMaxTorText);
  const auto valid_after = read_time(reader);
  const auto fresh_until = read_time(reader);
  const auto valid_until = read_time(reader);
  if (state.progress > 100 || !phase || !warning || !valid_after || !fresh_until || !valid_until) return std::nullopt;
  state.phase = *std::move(phase);
  state.warning = *std::move(warning);
  state.valid_after = *valid_after;
  state.fresh_until = *fresh_until;
  state.valid_until = *valid_until;
  return state;
}

std::optional<TorReport> read_skew(FieldReader& reader) {
  TorSkew skew;
  skew.skew = std::chrono::seconds{reader.number<std::int64_t>()};
  const auto evidence = reader.number<std::uint8_t>();
  auto address = read_printable(reader, kMaxTorText);
  if (skew.skew > kMostSkew || skew.skew < -kMostSkew || !address ||
      evidence > static_cast<std::uint8_t>(SkewEvidence::other)) {
    return std::nullopt;
  }
  skew.evidence = static_cast<SkewEvidence>(evidence);
  skew.address = *std::move(address);
  return skew;
}

std::optional<TorReport> read_tor_failure(FieldReader& reader) {
  auto message = read_printable(reader, kMaxFailure);
  if (!message) return std::nullopt;
  return TorFailure{*std::move(message)};
}

std::optional<TorReport> read_tor_report(FieldReader& reader) {
  switch (static_cast<Kind>(reader.number<std::uint8_t>())) {
    case Kind::state: return read_state(reader);
    case Kind::skew: return read_skew(reader);
    case Kind::failure: return read_tor_failure(reader);
  }
  return std::nullopt;
}

}  // namespace

std::optional<TorJobRecord> encode(const TorJob& job) {
  if (job.addresses.size() > kMostTorAddresses) return std::nullopt;
  TorJobRecord record{};
  FieldWriter writer{record};
  writer.text(job.path);
  write_addresses(writer, job.addresses);
  writer.number(job.port);
  writer.text(job.cookie_file);
  writer.text(job.password);
  if (writer.failed()) return std::nullopt;
  return record;
}

std::optional<TorJob> decode_tor_job(std::span<const std::byte> bytes) {
  if (bytes.size() != kTorJobSize) return std::nullopt;
  FieldReader reader{bytes};
  TorJob job;
  job.path = reader.text();
  auto addresses = read_addresses(reader, kMostTorAddresses);
  if (!addresses) return std::nullopt;
  job.addresses = *std::move(addresses);
  job.port = reader.number<std::uint16_t>();
  job.cookie_file = reader.text();
  job.password = reader.text();
  if (!reader.complete()) return std::nullopt;
  return job;
}

TorReportRecord encode(const TorReport& report) {
  TorReportRecord record{};
  FieldWriter writer{record};
  std::visit([&](const auto& kind) { write(writer, kind); }, report);
  return record;
}

std::optional<TorReport> decode_tor_report(std::span<const std::byte> bytes) {
  if (bytes.size() != kTorReportSize) return std::nullopt;
  FieldReader reader{bytes};
  auto report = read_tor_report(reader);
  if (!reader.complete()) return std::nullopt;
  return report;
}

}  // namespace sdwdate::ipc
