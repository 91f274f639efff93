#include "service/claimed_error.h"

#include "timecore/median.h"
#include "timecore/steadiness.h"

namespace sdwdate::service {
namespace {

using std::chrono::nanoseconds;

/// The median over the truechimers of what is asked of each; zero of none.
template <typename Ask>
nanoseconds median_of_truechimers(const RoundReport& round, Ask ask) {
  std::vector<nanoseconds> values;
  for (const SourceReport& source : round.sources) {
    if (source.outcome == Outcome::truechimer) values.push_back(ask(source));
  }
  return values.empty() ? nanoseconds{0} : timecore::upper_median(std::move(values));
}

nanoseconds delay_of(const SourceReport& source) { return timecore::smallest_delay(source.reading.exchanges); }

}  // namespace

nanoseconds standard_error(const SourceReport& source) {
  if (!source.claim) return nanoseconds{0};
  return timecore::with_path(source.estimate.error, delay_of(source));
}

nanoseconds standard_error(const RoundReport& round) {
  return median_of_truechimers(round, [](const SourceReport& source) { return standard_error(source); });
}

nanoseconds typical_delay(const RoundReport& round) { return median_of_truechimers(round, delay_of); }

}  // namespace sdwdate::service
