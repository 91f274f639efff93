#include "ui/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <vector>

#include "base/text.h"
#include "service/claimed_error.h"
#include "service/words.h"

namespace sdwdate::ui {
namespace {

using base::in_words;
using service::Outcome;
using service::RoundReport;
using service::SourceReport;
using std::chrono::nanoseconds;

constexpr std::string_view kRow = "{:<{}}  {:>10}  {:>9}  {:>9}  {:>8}  {:<9}  {}\n";

std::string signed_words(nanoseconds time) {
  return (time < nanoseconds{0} ? "-" : "+") + in_words(std::chrono::abs(time));
}

std::string_view verdict(const SourceReport& source) {
  switch (source.outcome) {
    case Outcome::truechimer: return "agrees";
    case Outcome::falseticker: return "disagrees";
    case Outcome::failed: break;
  }
  return "failed";
}

void print_row(std::ostream& out, const SourceReport& source, const RoundReport& round, std::string_view label,
               std::size_t width) {
  const auto& exchanges = source.reading.exchanges;
  std::string offset = "-";
  std::string bound = "-";
  if (source.claim) {
    offset = signed_words(timecore::against_system_clock(source.estimate.offset, round.at).value);
    bound = in_words(service::reach(source.claim->narrow, source.estimate.offset));
  }
  const std::string delay = exchanges.empty() ? "-" : in_words(timecore::smallest_delay(exchanges));
  out << fmt::format(kRow, label, width, offset, bound, delay, exchanges.size(), verdict(source),
                     service::evidence_name(source));
}

void print_details(std::ostream& out, const SourceReport& source, const RoundReport& round) {
  if (source.claim) {
    const timecore::Bounds bounds = timecore::against_system_clock(source.claim->narrow, round.at);
    out << fmt::format("{}: between {} and {}, standard error {}; {} bytes sent, {} received\n", source.spec.url.text,
                       signed_words(bounds.lower.value), signed_words(bounds.upper.value),
                       in_words(service::standard_error(source)), source.reading.traffic.sent,
                       source.reading.traffic.received);
  }
}

/// The table, each source by its label, and what is to be said of some of them.
void print_labelled(std::ostream& out, const RoundReport& round, const std::vector<std::string>& labels, bool verbose) {
  constexpr std::string_view kHeading = "source";
  std::size_t width = kHeading.size();
  for (const std::string& label : labels) width = std::max(width, label.size());
  out << fmt::format(kRow, kHeading, width, "offset", "+-", "delay", "requests", "verdict", "evidence");
  for (std::size_t i = 0; i < labels.size(); ++i) print_row(out, round.sources[i], round, labels[i], width);
  for (const SourceReport& source : round.sources) {
    if (source.reading.error) {
      out << fmt::format("{}: {} ({})\n", source.spec.url.text, source.reading.error->message,
                         base::name(source.reading.error->code));
    }
    if (const std::string note = service::note(source, round); !note.empty()) {
      out << fmt::format("{}: {}\n", source.spec.url.text, note);
    }
    if (verbose) print_details(out, source, round);
  }
}

/// "BBC: www.bbc.example"; of an onion service's address, as much as tells it from the operator's others.
std::string operator_and_host(const service::SourceSpec& spec) {
  constexpr std::size_t kTelling = 12;
  std::string host = spec.url.authority();
  if (spec.url.host_is_onion) host = host.substr(0, kTelling) + "...onion";
  return spec.operator_name && *spec.operator_name != spec.url.authority()
             ? fmt::format("{}: {}", *spec.operator_name, host)
             : host;
}

struct PoolTally {
  std::string name;
  std::array<std::size_t, 3> outcomes{};  ///< by service::Outcome

  [[nodiscard]] std::size_t of(Outcome outcome) const { return outcomes.at(static_cast<std::size_t>(outcome)); }
};

/// In the order in which they first come.
std::vector<PoolTally> tally(const RoundReport& round) {
  std::vector<PoolTally> pools;
  for (const SourceReport& source : round.sources) {
    if (!source.spec.pool) continue;
    auto pool = std::ranges::find(pools, *source.spec.pool, &PoolTally::name);
    if (pool == pools.end()) pool = pools.insert(pools.end(), {*source.spec.pool, {}});
    ++pool->outcomes.at(static_cast<std::size_t>(source.outcome));
  }
  return pools;
}

}  // namespace

std::string conclusion(const RoundReport& round, const timecore::Agreed& result) {
  if (round.sources.size() == 1) {
    return fmt::format("One source, with nobody to contradict it, says: {}.", service::describe(result, round.at));
  }
  return fmt::format("Agreed by {} of {} sources: {}.", round.count(Outcome::truechimer), round.sources.size(),
                     service::describe(result, round.at));
}

void print_sources(std::ostream& out, const RoundReport& round, bool verbose) {
  std::vector<std::string> labels;
  labels.reserve(round.sources.size());
  for (const SourceReport& source : round.sources) labels.push_back(source.spec.url.text);
  print_labelled(out, round, labels, verbose);
}

void print_survey(std::ostream& out, const RoundReport& round, bool verbose) {
  std::vector<std::string> labels;
  labels.reserve(round.sources.size());
  for (const SourceReport& source : round.sources) labels.push_back(operator_and_host(source.spec));
  print_labelled(out, round, labels, verbose);
  for (const PoolTally& pool : tally(round)) {
    out << fmt::format("Pool '{}': {} agree, {} disagree, {} failed.\n", pool.name, pool.of(Outcome::truechimer),
                       pool.of(Outcome::falseticker), pool.of(Outcome::failed));
  }
  if (round.agreed()) out << conclusion(round, {*round.agreement.bounds, round.agreement.estimate}) << '\n';
}

void print_sync(std::ostream& out, const service::SyncReport& report, const std::string& socket, bool verbose) {
  print_sources(out, report.round, verbose);
  if (report.result) out << conclusion(report.round, *report.result) << '\n';
  if (report.fed) out << fmt::format("Handed to chrony at {}.\n", socket);
}

}  // namespace sdwdate::ui
