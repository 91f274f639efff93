// What chronyd says of itself and its sources: the output of `chronyc -n -c -m tracking sources sourcestats`.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "timecore/offset.h"

namespace sdwdate::refclock {

enum class Leap : std::uint8_t { none, insert_second, delete_second, not_synchronised };

/// chronyd's idea of the clock.
struct Tracking {
  std::uint32_t reference_id = 0;
  std::string reference_name;  ///< empty when there is none
  int stratum = 0;
  base::RealTime reference_time;   ///< when the newest sample was taken
  timecore::Offset system_offset;  ///< what chronyd is still slewing away
  timecore::Offset last_offset;    ///< at the last update of the clock
  std::chrono::nanoseconds rms_offset{0};
  double frequency_ppm = 0;  ///< positive: the uncorrected clock is fast
  double residual_ppm = 0;
  double skew_ppm = 0;
  std::chrono::nanoseconds root_delay{0};
  std::chrono::nanoseconds root_dispersion{0};
  std::chrono::nanoseconds update_interval{0};
  Leap leap = Leap::not_synchronised;
};

/// chronyc's letters.
enum class SourceMode : char { server = '^', peer = '=', refclock = '#' };
enum class SourceState : char {
  selected = '*',
  combined = '+',
  not_combined = '-',
  not_selectable = '?',
  falseticker = 'x',
  jittery = '~',
  unknown = ' ',
};

struct ChronySource {
  SourceMode mode = SourceMode::refclock;
  SourceState state = SourceState::not_selectable;
  std::string name;  ///< a refclock's refid, a server's address
  int stratum = 0;
  int poll = 0;             ///< log2 of seconds
  std::uint32_t reach = 0;  ///< one bit for each of the last eight polls
  /// The age of the newest sample in whole seconds, rounded down; not set when there is none.
  std::optional<std::chrono::seconds> last_sample;
  timecore::Offset adjusted_offset;  ///< that of the newest sample, after what has been slewed since
  timecore::Offset measured_offset;  ///< as it was measured
  std::chrono::nanoseconds error{0};
};

/// How many samples chronyd holds of a source, and how much they scatter. Without three it selects nothing.
struct SourceStatistics {
  std::string name;
  std::uint32_t samples = 0;
  std::chrono::nanoseconds deviation{0};
};

struct ChronyReport {
  Tracking tracking;
  std::vector<ChronySource> sources;
  std::vector<SourceStatistics> statistics;  ///< empty if they were not asked for
};

/// chronyd's name for our source, unless its configuration says otherwise.
inline constexpr std::string_view kOurRefid = "WEB";

/// Fields that a later chrony appends are passed over; anything else that is not understood is an error, a sentence
/// with the line in question.
std::expected<ChronyReport, std::string> parse_chrony_report(std::string_view text);

/// The refclock of that refid; nullptr if chronyd has none. The pointer is into `report`.
const ChronySource* find_refclock(const ChronyReport& report, std::string_view refid);

/// Does chronyd follow this source?
bool is_selected(const ChronySource& source);

/// Has chronyd taken a sample that was sent at most `ago` before the report? It shows one when its poll ends, up to
/// 2^poll seconds after it was sent.
bool took_sample_within(const ChronySource& source, std::chrono::nanoseconds ago);

/// Is this the answer to `chronyc -m "reset sources"` when chronyd has done so?
bool reset_ok(std::string_view text);

}  // namespace sdwdate::refclock
