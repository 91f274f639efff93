#include "service/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "base/text.h"

namespace sdwdate::service {
namespace {

using timecore::Verdict;

std::string who_answered(const RoundReport& round) {
  const std::size_t failed = round.count(Outcome::failed);
  return fmt::format("{} of {} sources answered", round.sources.size() - failed, round.sources.size());
}

/// What most of those that failed have in common, such as a proxy that does not run; empty if they have nothing.
std::string common_failure(const RoundReport& round) {
  std::map<std::string_view, std::size_t> times;
  for (const SourceReport& source : round.sources) {
    if (source.reading.error) ++times[source.reading.error->message];
  }
  const auto usual = std::ranges::max_element(times, {}, [](const auto& entry) { return entry.second; });
  if (usual == times.end() || 2 * usual->second <= round.count(Outcome::failed)) return {};
  return fmt::format("; {} of them: {}", usual->second, usual->first);
}

/// It is no usual round: it moves the clock far, is the first, or follows one that failed.
std::string too_few_to_believe(const RoundReport& round) {
  return fmt::format(
      "{} of {} asked agree, but this round had to ask more than usual, and a third of all operators ({} of {}) could "
      "have made the others agree on this",
      round.agreement.operators_agreeing, round.agreement.operators_asked, round.operators / 3, round.operators);
}

/// Why a round did not agree, to be put into a sentence.
std::string reason(const RoundReport& round, const timecore::Quorum& quorum) {
  const timecore::Agreement& agreement = round.agreement;
  if (round.slept) return "the machine slept while its sources were asked, so the answers cannot be placed in time";
  switch (agreement.verdict) {
    case Verdict::agreed: return round.beyond_belief ? too_few_to_believe(round) : std::string{};
    case Verdict::nobody_answered:
      if (round.sources.size() == 1) return "the one source gave no usable answer";
      return fmt::format("none of {} sources gave a usable answer{}", round.sources.size(), common_failure(round));
    case Verdict::no_majority:
      return fmt::format("{}, but no time lies within the bounds of more than half of those asked",
                         who_answered(round));
    case Verdict::too_wide: {
      const std::chrono::duration<double> width = agreement.bounds->width();
      const std::chrono::duration<double> most =
          quorum.maximum_width + (agreement.narrow ? std::chrono::nanoseconds{0} : timecore::kLatest);
      return fmt::format("the agreed bounds are {:.3f} s wide, and at most {:g} s is accepted", width.count(),
                         most.count());
    }
    case Verdict::too_few_operators:
      return fmt::format("{}, and {} operators agree: at least {} must", who_answered(round),
                         agreement.operators_agreeing, quorum.operators);
    case Verdict::too_few_pools: break;
  }
  return fmt::format("{}, and those that agree come from {} pools: at least {} must take part", who_answered(round),
                     agreement.pools_agreeing, quorum.pools);
}

/// A source behind by less is likely right but late in refreshing its Date (docs/servers.md).
constexpr std::chrono::nanoseconds kLate = std::chrono::seconds{1};

/// Bounds that reach this many times as far to one side as to the other are not "give or take".
constexpr int kLopsided = 3;

/// "0.4 ms slow"
std::string fast_or_slow(std::chrono::nanoseconds offset) {
  return fmt::format("{} {}", base::in_words(std::chrono::abs(offset)),
                     offset < std::chrono::nanoseconds{0} ? "fast" : "slow");
}

/// Why a source that was heard has bounds so wide; mostly nothing.
std::string why_blunt(const SourceReport& source) {
  if (!source.claim || source.claim->sharp || source.spec.lag) return {};
  const bool cached = std::ranges::any_of(source.reading.exchanges, [](const auto& e) { return e.age.has_value(); });
  return cached ? "a cache answers for it (Age), so it says little" : "its Date is refreshed late, and irregularly";
}

std::string disagreement(const SourceReport& source, const RoundReport& round) {
  if (!round.agreement.bounds) return "there is no majority to agree with";
  const std::chrono::nanoseconds ahead = source.estimate.offset - round.agreement.estimate;
  const std::string distance = base::in_words(std::chrono::abs(ahead));
  if (ahead > std::chrono::nanoseconds{0})
    return fmt::format("its clock is {} ahead of what the majority says", distance);
  if (-ahead < kLate) {
    return fmt::format(
        "its Date is {} late, behind what the majority says: some servers, such as lighttpd, refresh it late",
        distance);
  }
  return fmt::format("its clock is {} behind what the majority says", distance);
}

}  // namespace

std::chrono::nanoseconds reach(const timecore::RawBounds& bounds, timecore::RawOffset estimate) {
  return std::max(bounds.upper - estimate, estimate - bounds.lower);
}

std::string describe(const timecore::Agreed& result, const base::ClockPair& at) {
  const std::chrono::nanoseconds offset = timecore::against_system_clock(result.estimate, at).value;
  const auto beyond = reach(result.bounds, result.estimate);
  const auto within = std::min(result.bounds.upper - result.estimate, result.estimate - result.bounds.lower);
  if (beyond < kLopsided * within) {
    return fmt::format("this machine's clock is {}, give or take {}", fast_or_slow(offset), base::in_words(beyond));
  }
  const timecore::Bounds bounds = timecore::against_system_clock(result.bounds, at);
  return fmt::format("this machine's clock is most likely {}, and certainly between {} and {}", fast_or_slow(offset),
                     fast_or_slow(bounds.lower.value), fast_or_slow(bounds.upper.value));
}

std::string_view evidence_name(const SourceReport& source) {
  if (!source.claim) return "-";
  const auto fine = std::ranges::find_if(source.reading.exchanges, [](const auto& e) { return e.fine.has_value(); });
  return fine == source.reading.exchanges.end() ? "date" : base::name(fine->fine->header);
}

std::string note(const SourceReport& source, const RoundReport& round) {
  std::string text = source.outcome == Outcome::falseticker ? disagreement(source, round) : why_blunt(source);
  if (source.given_up && source.claim) {
    if (!text.empty()) text += "; ";
    text +=
        fmt::format("after {} answers it was not waited for: the verdict was clear", source.reading.exchanges.size());
  }
  if (source.fine_times_dropped == 0) return text;
  if (!text.empty()) text += "; ";
  return text +
         fmt::format(
             "its finer time (X-HTTPSTIME or X-Timer) disagrees with its Date in {} of {} answers: not used there",
             source.fine_times_dropped, source.reading.exchanges.size());
}

std::string describe(const timecore::RoughTime& rough, const base::ClockPair& now) {
  using Basis = timecore::RoughTime::Basis;
  const auto claimed = std::chrono::floor<std::chrono::minutes>(timecore::reference_time(now.raw, rough.estimate));
  const std::string time = utc(claimed);
  const std::chrono::nanoseconds off = timecore::against_system_clock(rough.estimate, now).value;
  const std::string wrong = fmt::format("this machine's clock is {} {}", base::in_words(std::chrono::abs(off)),
                                        off > std::chrono::nanoseconds{0} ? "slow" : "fast");
  switch (rough.basis) {
    case Basis::floor: return fmt::format("It is after {}, and {}, at least.", time, wrong);
    case Basis::consensus: return fmt::format("By Tor's consensus it is about {}, and {}.", time, wrong);
    case Basis::relays: break;
  }
  return fmt::format("By the clocks of relays in {} networks it is about {}, and {}.", rough.networks, time, wrong);
}

std::string describe(const timecore::SavedFloor& floor) {
  const timecore::PastTime& past = floor.past;
  const std::string noted =
      past.noted ? fmt::format("at {} by this machine's clock", utc(*past.noted)) : std::string{"who knows when"};
  switch (floor.voucher) {
    case timecore::Voucher::administrator: return fmt::format("set by hand {}", noted);
    case timecore::Voucher::old_version: return "saved by an earlier version, on one round's word";
    case timecore::Voucher::rounds: break;
  }
  if (!past.noted) return "two rounds said so, one of them by an earlier version";
  return fmt::format("two rounds said so, one of them {}", noted);
}

std::string utc(std::chrono::sys_seconds time) { return base::utc_text(time) + " UTC"; }

std::string explain(const RoundReport& round, const timecore::Quorum& quorum) {
  return fmt::format("No agreement: {}.", reason(round, quorum));
}

}  // namespace sdwdate::service
