#include "timecore/rough.h"

#include <algorithm>
#include <map>

namespace sdwdate::timecore {
namespace {

constexpr std::size_t kLeastNetworks = 2;

RawOffset offset_for(base::RealTime reference, base::RawTime at) {
  return {reference.time_since_epoch() - at.time_since_epoch()};
}

/// One clock for each network: the last that was met, so that nobody gains by speaking often.
std::vector<RawOffset> by_network(const std::vector<RelayClock>& relays) {
  std::map<std::string, RawOffset, std::less<>> networks;
  for (const RelayClock& relay : relays) networks[relay.network] = relay.offset;
  std::vector<RawOffset> offsets;
  offsets.reserve(networks.size());
  for (const auto& [network, offset] : networks) offsets.push_back(offset);
  std::ranges::sort(offsets);
  return offsets;
}

/// The largest group of clocks that agree, if it is large enough.
std::optional<RoughTime> agreed_by_relays(const std::vector<RelayClock>& relays) {
  const std::vector<RawOffset> offsets = by_network(relays);
  std::size_t best = 0;
  std::size_t from = 0;
  for (std::size_t first = 0; first < offsets.size(); ++first) {
    std::size_t size = 0;
    while (first + size < offsets.size() && offsets[first + size] - offsets[first] <= kRelaysAgree) ++size;
    if (size > best) {
      best = size;
      from = first;
    }
  }
  if (best < kLeastNetworks || 2 * best <= offsets.size()) return std::nullopt;
  return RoughTime{offsets[from + best / 2], RoughTime::Basis::relays, best};
}

/// The latest time that is certainly past, and about what time it is by that.
struct Past {
  RawOffset earliest;
  RoughTime rough;
};

/// By this build's day or, where the clock is certainly wrong, by what two rounds said.
Past by_floor(const base::ClockPair& now, const KnownPast& past, const std::optional<RoughTime>& relays) {
  const RawOffset built = offset_for(past.built, now.raw);
  const RawOffset vouched = offset_for(past.vouched, now.raw);
  const bool contradicted = relays && relays->estimate + kRelaysAgree < vouched;
  const RawOffset earliest = now.real < past.built && !contradicted ? vouched : built;
  return {earliest, {earliest, RoughTime::Basis::floor}};
}

std::optional<Past> by_consensus(const RoughEvidence& evidence, base::RawTime now) {
  if (!evidence.valid_after) return std::nullopt;
  const sys_seconds valid_after = std::clamp(*evidence.valid_after, kEarliestDate, kLatestDate);
  const sys_seconds fresh_until = std::clamp(evidence.fresh_until.value_or(valid_after), valid_after, kLatestDate);
  // Somewhere in the hour for which it is the newest, if Tor has it from one who is not late.
  const RawOffset estimate = offset_for(valid_after + (fresh_until - valid_after) / 2, now);
  return Past{offset_for(past_by_consensus(valid_after), now), {estimate, RoughTime::Basis::consensus}};
}

}  // namespace

std::optional<RoughTime> rough_time(const RoughEvidence& evidence, const base::ClockPair& now, const TimeLimits& limits,
                                    const KnownPast& past) {
  auto relays = agreed_by_relays(evidence.relays);
  Past certain = by_floor(now, past, relays);
  if (const auto consensus = by_consensus(evidence, now.raw); consensus && consensus->earliest > certain.earliest) {
    certain = *consensus;
  }
  const RawOffset ceiling = offset_for(limits.ceiling, now.raw);
  if (certain.rough.estimate > ceiling) return std::nullopt;

  const RawOffset earliest = std::max(certain.earliest, offset_for(limits.floor, now.raw));
  if (relays && (relays->estimate > ceiling || relays->estimate + kRelaysAgree < earliest)) relays.reset();
  if (relays) relays->estimate = std::max(relays->estimate, earliest);
  const RoughTime best = relays.value_or(certain.rough);
  const nanoseconds wrong = best.estimate - offset_for(now.real, now.raw);
  // Evidence that time has passed, and nothing more, cannot show that the clock is ahead.
  if ((relays ? std::chrono::abs(wrong) : wrong) < kRoughlyRight) return std::nullopt;
  return best;
}

}  // namespace sdwdate::timecore
