// Any text is a report or is refused with a sentence, and what is appended to a line changes nothing.
#include "refclock/chrony_report.h"

#include "fuzz/property.h"

using sdwdate::fuzz::require;
using sdwdate::refclock::ChronyReport;
using sdwdate::refclock::parse_chrony_report;

namespace {

/// As a later chrony might print it: one more field at the end of each line that has fields.
std::string with_another_field(std::string_view text) {
  std::string longer;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    longer.append(line);
    if (!line.empty()) longer.append(",new");
    longer.append("\n");
  }
  return longer;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = sdwdate::fuzz::text_of(data, size);
  const auto report = parse_chrony_report(text);
  if (!report) {
    require(!report.error().empty() && report.error().size() < 300, "a refusal is a short sentence");
    return 0;
  }
  for (const auto& source : report->sources) {
    const bool found = find_refclock(*report, source.name) != nullptr;
    require(found || source.mode != sdwdate::refclock::SourceMode::refclock, "a refclock is found by its name");
    require(!took_sample_within(source, std::chrono::nanoseconds{-1}), "no sample is from the future");
  }
  const auto later = parse_chrony_report(with_another_field(text));
  require(later && later->sources.size() == report->sources.size() &&
              later->tracking.reference_time == report->tracking.reference_time,
          "fields that a later chrony appends are passed over");
  return 0;
}
