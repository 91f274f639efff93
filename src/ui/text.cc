#include "ui/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/text.h"
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

void print_row(std::ostream& out, const SourceReport& source, const RoundReport& round, std::size_t width) {
  const auto& exchanges = source.reading.exchanges;
  std::string offset = "-";
  std::string bound = "-";
  if (source.bounds) {
    offset = signed_words(timecore::against_system_clock(source.estimate.offset, round.at).value);
    bound = in_words(service::reach(*source.bounds, source.estimate.offset));
  }
  const std::string delay = exchanges.empty() ? "-" : in_words(timecore::smallest_delay(exchanges));
  out << fmt::format(kRow, source.spec.url.text, width, offset, bound, delay, exchanges.size(), verdict(source),
                     service::evidence_name(source));
}

void print_details(std::ostream& out, const SourceReport& source, const RoundReport& round) {
  if (source.bounds) {
    const timecore::Bounds bounds = timecore::against_system_clock(*source.bounds, round.at);
    out << fmt::format("{}: between {} and {}, standard error {}; {} bytes sent, {} received\n", source.spec.url.text,
                       signed_words(bounds.lower.value), signed_words(bounds.upper.value),
                       in_words(source.estimate.error), source.reading.traffic.sent, source.reading.traffic.received);
  }
}

}  // namespace

void print_sources(std::ostream& out, const RoundReport& round, bool verbose) {
  constexpr std::string_view kHeading = "source";
  std::size_t width = kHeading.size();
  for (const SourceReport& source : round.sources) width = std::max(width, source.spec.url.text.size());
  out << fmt::format(kRow, kHeading, width, "offset", "+-", "delay", "requests", "verdict", "evidence");
  for (const SourceReport& source : round.sources) print_row(out, source, round, width);
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

void print_sync(std::ostream& out, const service::SyncReport& report, const std::string& socket, bool verbose) {
  print_sources(out, report.round, verbose);
  if (report.result) {
    out << fmt::format("Agreed by {} of {} sources: {}.\n", report.round.count(Outcome::truechimer),
                       report.round.sources.size(), service::describe(*report.result, report.round.at));
  }
  if (report.fed) out << fmt::format("Handed to chrony at {}.\n", socket);
}

}  // namespace sdwdate::ui
