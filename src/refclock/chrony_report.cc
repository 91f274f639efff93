#include "refclock/chrony_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <limits>
#include <span>
#include <utility>

#include "base/text.h"

namespace sdwdate::refclock {
namespace {

using std::chrono::nanoseconds;
using timecore::Offset;

constexpr std::size_t kShownLine = 100;
constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kDecimals = 9;

template <typename T>
std::optional<T> whole_number(std::string_view text, int base) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Seconds with decimals, to the nanosecond. A double would lose some of them in a time since 1970.
std::optional<nanoseconds> seconds_with_decimals(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t dot = std::min(text.find('.'), text.size());
  const std::string digits{text.substr(0, dot)};
  std::string decimals{text.substr(std::min(dot + 1, text.size()))};
  if (digits.empty() || !std::ranges::all_of(digits + decimals, base::is_digit)) return std::nullopt;
  decimals.resize(kDecimals, '0');
  const auto count = whole_number<std::int64_t>(digits + decimals, 10);
  if (!count) return std::nullopt;
  return nanoseconds{negative ? -*count : *count};
}

/// The values of one line, taken from left to right. The first that is missing or wrong is kept as the line's fault.
class Fields {
 public:
  explicit Fields(std::string_view line) : line_(line), rest_(line) {}

  std::string_view text(std::string_view name) {
    if (ended_) {
      wrong(name);
      return {};
    }
    const std::size_t comma = rest_.find(',');
    ended_ = comma == std::string_view::npos;
    return ended_ ? rest_ : take(comma);
  }

  template <std::integral T>
  T number(std::string_view name, int base = 10) {
    return value_of(whole_number<T>(text(name), base), name);
  }

  double real(std::string_view name) {
    const std::string_view field = text(name);
    double value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc{} || end != field.data() + field.size() || !std::isfinite(value)) wrong(name);
    return value;
  }

  nanoseconds time(std::string_view name) { return value_of(seconds_with_decimals(text(name)), name); }

  template <typename T>
  T one_of(std::string_view name, std::span<const std::pair<std::string_view, T>> known) {
    const std::string_view field = text(name);
    const auto found = std::ranges::find(known, field, &std::pair<std::string_view, T>::first);
    if (found != known.end()) return found->second;
    wrong(name);
    return T{};
  }

  /// What was wrong, as a sentence.
  [[nodiscard]] std::optional<std::string> fault() const {
    if (fault_.empty()) return std::nullopt;
    return fmt::format("chronyc's line '{}' cannot be understood: its field '{}' is missing or wrong",
                       base::printable(line_, kShownLine), fault_);
  }

 private:
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size + 1);
    return taken;
  }

  template <typename T>
  T value_of(const std::optional<T>& value, std::string_view name) {
    if (!value) wrong(name);
    return value.value_or(T{});
  }

  void wrong(std::string_view name) {
    if (fault_.empty()) fault_ = name;
  }

  std::string_view line_;
  std::string_view rest_;
  bool ended_ = false;
  std::string_view fault_;
};

template <typename T>
using Names = std::pair<std::string_view, T>;

constexpr std::array<Names<Leap>, 4> kLeaps{{{"Normal", Leap::none},
                                             {"Insert second", Leap::insert_second},
                                             {"Delete second", Leap::delete_second},
                                             {"Not synchronised", Leap::not_synchronised}}};
constexpr std::array<Names<SourceMode>, 3> kModes{
    {{"^", SourceMode::server}, {"=", SourceMode::peer}, {"#", SourceMode::refclock}}};
constexpr std::array<Names<SourceState>, 7> kStates{{{"*", SourceState::selected},
                                                     {"+", SourceState::combined},
                                                     {"-", SourceState::not_combined},
                                                     {"?", SourceState::not_selectable},
                                                     {"x", SourceState::falseticker},
                                                     {"~", SourceState::jittery},
                                                     {" ", SourceState::unknown}}};

Tracking tracking_of(Fields& fields) {
  Tracking tracking;
  tracking.reference_id = fields.number<std::uint32_t>("reference ID", 16);
  tracking.reference_name = fields.text("reference name");
  tracking.stratum = fields.number<int>("stratum");
  tracking.reference_time = base::RealTime{fields.time("reference time")};
  tracking.system_offset = Offset{fields.time("system time")};
  tracking.last_offset = Offset{fields.time("last offset")};
  tracking.rms_offset = fields.time("RMS offset");
  tracking.frequency_ppm = fields.real("frequency");
  tracking.residual_ppm = fields.real("residual frequency");
  tracking.skew_ppm = fields.real("skew");
  tracking.root_delay = fields.time("root delay");
  tracking.root_dispersion = fields.time("root dispersion");
  tracking.update_interval = fields.time("update interval");
  tracking.leap = fields.one_of<Leap>("leap status", kLeaps);
  return tracking;
}

ChronySource source_of(Fields& fields) {
  ChronySource source;
  source.mode = fields.one_of<SourceMode>("mode", kModes);
  source.state = fields.one_of<SourceState>("state", kStates);
  source.name = fields.text("name");
  source.stratum = fields.number<int>("stratum");
  source.poll = fields.number<int>("poll");
  source.reach = fields.number<std::uint32_t>("reach", 8);
  if (const auto age = fields.number<std::uint32_t>("last sample's age"); age != kNever) {
    source.last_sample = std::chrono::seconds{age};
  }
  source.adjusted_offset = Offset{fields.time("adjusted offset")};
  source.measured_offset = Offset{fields.time("measured offset")};
  source.error = fields.time("error");
  return source;
}

SourceStatistics statistics_of(Fields& fields) {
  SourceStatistics statistics;
  statistics.name = fields.text("name");
  statistics.samples = fields.number<std::uint32_t>("number of samples");
  fields.number<std::uint32_t>("number of runs");
  fields.number<std::uint32_t>("span");
  fields.real("frequency");
  fields.real("frequency skew");
  fields.time("offset");
  statistics.deviation = fields.time("standard deviation");
  return statistics;
}

/// "506 Cannot talk to daemon": what chronyc prints in place of what was asked for.
bool is_refusal(std::string_view line) {
  return line.size() > 3 && line[3] == ' ' && std::ranges::all_of(line.substr(0, 3), base::is_digit);
}

bool is_source(std::string_view line) {
  return line.size() > 1 && line[1] == ',' && std::string_view{"^=#"}.contains(line[0]);
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::unexpected<std::string> refused(std::string_view line) {
  return std::unexpected(fmt::format("chronyc could not ask chronyd: {}", base::printable(line, kShownLine)));
}

}  // namespace

std::expected<ChronyReport, std::string> parse_chrony_report(std::string_view text) {
  ChronyReport report;
  bool has_tracking = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) continue;
    if (is_refusal(line) || !line.contains(',')) return refused(line);
    Fields fields{line};
    if (!std::exchange(has_tracking, true)) {
      report.tracking = tracking_of(fields);
    } else if (is_source(line)) {
      report.sources.push_back(source_of(fields));
    } else {
      report.statistics.push_back(statistics_of(fields));
    }
    if (auto fault = fields.fault()) return std::unexpected(*std::move(fault));
  }
  if (!has_tracking) return std::unexpected("chronyc said nothing about chronyd");
  return report;
}

const ChronySource* find_refclock(const ChronyReport& report, std::string_view refid) {
  const auto found = std::ranges::find_if(report.sources, [&](const ChronySource& source) {
    return source.mode == SourceMode::refclock && source.name == refid;
  });
  return found == report.sources.end() ? nullptr : &*found;
}

bool is_selected(const ChronySource& source) { return source.state == SourceState::selected; }

bool took_sample_within(const ChronySource& source, nanoseconds ago) {
  return source.last_sample && *source.last_sample <= ago;
}

bool reset_ok(std::string_view text) { return take_line(text) == "200 OK"; }

}  // namespace sdwdate::refclock
