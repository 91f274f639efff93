#include "ui/json.h"

#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "service/claimed_error.h"
#include "service/words.h"

namespace sdwdate::ui {
namespace {

using nlohmann::ordered_json;
using service::Outcome;
using service::RoundReport;
using service::SourceReport;

constexpr int kSchema = 1;

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

double seconds(timecore::Offset offset) { return seconds(offset.value); }

template <typename T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::truechimer: return "truechimer";
    case Outcome::falseticker: return "falseticker";
    case Outcome::failed: break;
  }
  return "failed";
}

ordered_json error_of(const SourceReport& source) {
  if (!source.reading.error) return nullptr;
  return {{"code", base::name(source.reading.error->code)}, {"message", source.reading.error->message}};
}

/// Sets offset, lower and upper; null where there is no result.
void put_offsets(ordered_json& into, const std::optional<timecore::Agreed>& result, const base::ClockPair& at) {
  into["offset"] = nullptr;
  into["lower"] = nullptr;
  into["upper"] = nullptr;
  if (!result) return;
  const timecore::Bounds bounds = timecore::against_system_clock(result->bounds, at);
  into["offset"] = seconds(timecore::against_system_clock(result->estimate, at));
  into["lower"] = seconds(bounds.lower);
  into["upper"] = seconds(bounds.upper);
}

/// Sets the bounds that hold even of servers that refresh their Date up to a second late.
void put_certain(ordered_json& into, const std::optional<timecore::RawBounds>& certain, const base::ClockPair& at) {
  into["certain_lower"] = nullptr;
  into["certain_upper"] = nullptr;
  if (!certain) return;
  const timecore::Bounds bounds = timecore::against_system_clock(*certain, at);
  into["certain_lower"] = seconds(bounds.lower);
  into["certain_upper"] = seconds(bounds.upper);
}

ordered_json source_json(const SourceReport& source, const RoundReport& round) {
  ordered_json json{{"url", source.spec.url.text},
                    {"pool", or_null(source.spec.pool)},
                    {"operator", or_null(source.spec.operator_name)},
                    {"outcome", name(source.outcome)},
                    {"error", error_of(source)}};
  std::optional<timecore::Agreed> result;
  if (source.claim) result = timecore::Agreed{source.claim->narrow, source.estimate.offset};
  put_offsets(json, result, round.at);
  put_certain(json, source.claim ? std::optional{source.claim->certain} : std::nullopt, round.at);
  const auto& exchanges = source.reading.exchanges;
  json["delay"] =
      exchanges.empty() ? ordered_json(nullptr) : ordered_json(seconds(timecore::smallest_delay(exchanges)));
  json["requests"] = exchanges.size();
  json["bytes_sent"] = source.reading.traffic.sent;
  json["bytes_received"] = source.reading.traffic.received;
  json["evidence"] = source.claim ? ordered_json(service::evidence_name(source)) : ordered_json(nullptr);
  json["standard_error"] =
      source.claim ? ordered_json(seconds(service::standard_error(source))) : ordered_json(nullptr);
  const std::string note = service::note(source, round);
  json["note"] = note.empty() ? ordered_json(nullptr) : ordered_json(note);
  return json;
}

std::optional<timecore::Agreed> agreed_of(const RoundReport& round) {
  if (!round.agreed()) return std::nullopt;
  return timecore::Agreed{*round.agreement.bounds, round.agreement.estimate};
}

ordered_json round_json(const RoundReport& round, const std::optional<timecore::Agreed>& result) {
  ordered_json sources = ordered_json::array();
  for (const SourceReport& source : round.sources) sources.push_back(source_json(source, round));
  ordered_json selection{{"agreed", round.agreed()}};
  put_offsets(selection, result, round.at);
  put_certain(selection, round.agreed() ? round.agreement.certain : std::nullopt, round.at);
  selection["narrow"] = round.agreed() ? ordered_json(round.agreement.narrow) : ordered_json(nullptr);
  selection["standard_error"] =
      round.agreed() ? ordered_json(seconds(service::standard_error(round))) : ordered_json(nullptr);
  selection["truechimers"] = round.count(Outcome::truechimer);
  selection["falsetickers"] = round.count(Outcome::falseticker);
  selection["failed"] = round.count(Outcome::failed);
  selection["asked"] = round.agreement.operators_asked;
  selection["pools_agreeing"] = round.agreement.pools_agreeing;
  return {{"schema", kSchema}, {"sources", sources}, {"selection", selection}};
}

/// Whatever a stranger sent is printable ASCII by now; `replace` is for what the user typed.
std::string dump(const ordered_json& json) { return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace); }

ordered_json finish(ordered_json json, const RoundReport& round) {
  json["duration"] = seconds(round.duration);
  return json;
}

ordered_json tor_json(const service::TorFacts& tor) {
  const ipc::TorState state = tor.state.value_or(ipc::TorState{});
  const auto time = [](const std::optional<std::chrono::sys_seconds>& when) {
    return when ? ordered_json(when->time_since_epoch().count()) : ordered_json(nullptr);
  };
  return {{"unavailable", tor.unavailable.empty() ? ordered_json(nullptr) : ordered_json(tor.unavailable)},
          {"progress", tor.state ? ordered_json(state.progress) : ordered_json(nullptr)},
          {"valid_after", time(state.valid_after)},
          {"valid_until", time(state.valid_until)}};
}

ordered_json rough_json(const timecore::RoughTime& rough, const base::ClockPair& at) {
  using Basis = timecore::RoughTime::Basis;
  std::string_view basis = "relays";
  if (rough.basis == Basis::floor) basis = "floor";
  if (rough.basis == Basis::consensus) basis = "consensus";
  return {{"offset", seconds(timecore::against_system_clock(rough.estimate, at).value)},
          {"basis", basis},
          {"networks", rough.networks}};
}

ordered_json sync_json(const service::SyncReport& report) {
  ordered_json json = round_json(report.round, report.result ? report.result : agreed_of(report.round));
  json["fed"] = report.fed;
  json["tor"] = report.tor ? tor_json(*report.tor) : ordered_json(nullptr);
  json["refused_by"] = report.refused_by.empty() ? ordered_json(nullptr) : ordered_json(report.refused_by);
  json["rough"] = report.rough ? rough_json(*report.rough, report.round.at) : ordered_json(nullptr);
  return finish(std::move(json), report.round);
}

ordered_json unix_time(const std::optional<base::RealTime>& time) {
  if (!time) return nullptr;
  return std::chrono::floor<std::chrono::seconds>(*time).time_since_epoch().count();
}

/// One field of a record.
std::string csv_field(const ordered_json& value) {
  if (value.is_null()) return "";
  if (!value.is_string()) return dump(value);
  std::string quoted = "\"";
  for (const char character : value.get_ref<const std::string&>()) {
    if (character == '"') quoted += '"';
    quoted += character;
  }
  return quoted + '"';
}

std::string_view name(service::DaemonState::Doing doing) {
  using enum service::DaemonState::Doing;
  switch (doing) {
    case measuring: return "measuring";
    case waiting: return "waiting";
    case retrying: return "retrying";
    case stopping: break;
  }
  return "stopping";
}

}  // namespace

std::string to_json(const RoundReport& round) { return dump(finish(round_json(round, agreed_of(round)), round)); }

std::string to_csv(const RoundReport& round) {
  static constexpr std::array<const char*, 14> kColumns{
      "pool",  "operator",       "url",   "outcome",  "error",      "offset",         "lower",
      "upper", "standard_error", "delay", "requests", "bytes_sent", "bytes_received", "evidence"};
  std::string text;
  const auto end_field = [&text](std::size_t column) { text += column + 1 < kColumns.size() ? ',' : '\n'; };
  for (std::size_t column = 0; column < kColumns.size(); ++column) {
    text += kColumns.at(column);
    end_field(column);
  }
  for (const SourceReport& source : round.sources) {
    ordered_json json = source_json(source, round);
    if (source.reading.error) json["error"] = base::name(source.reading.error->code);
    for (std::size_t column = 0; column < kColumns.size(); ++column) {
      text += csv_field(json[kColumns.at(column)]);
      end_field(column);
    }
  }
  return text;
}

std::string to_json(const service::SyncReport& report) { return dump(sync_json(report)); }

std::string to_json(const service::DaemonState& state) {
  const service::ChronyState& chrony = state.chrony;
  return dump({{"schema", kSchema},
               {"pid", ::getpid()},
               {"started", unix_time(state.started)},
               {"state", name(state.doing)},
               {"message", state.message},
               {"next_round", unix_time(state.next_round)},
               {"last_success", unix_time(state.last_success)},
               {"failures_in_a_row", state.failures_in_a_row},
               {"rounds", state.rounds},
               {"last_round", state.last_round ? sync_json(*state.last_round) : ordered_json(nullptr)},
               {"chrony",
                {{"asked", unix_time(chrony.asked)},
                 {"selected", or_null(chrony.selected)},
                 {"took_last_sample", or_null(chrony.took_last_sample)},
                 {"message", chrony.message}}}});
}

}  // namespace sdwdate::ui
