#include "ipc/address.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <ranges>
#include <vector>

#include "support/generators.h"

namespace sdwdate::ipc {
namespace {

using support::uniform;

/// Numbered in their order.
std::vector<IpAddress> any_addresses() {
  std::vector<IpAddress> addresses(*uniform<std::size_t>(0, 40));
  const int of_six = *uniform(0, 6);
  for (std::uint8_t number = 0; IpAddress & address : addresses) {
    address.v6 = *uniform(1, 6) <= of_six;
    address.bytes[0] = number++;
  }
  return addresses;
}

std::vector<IpAddress> of_family(const std::vector<IpAddress>& addresses, bool v6) {
  std::vector<IpAddress> chosen;
  std::ranges::copy_if(addresses, std::back_inserter(chosen), [&](const IpAddress& each) { return each.v6 == v6; });
  return chosen;
}

RC_GTEST_PROP(Interleave, KeepsTheOrderWithinEachFamily, ()) {
  const auto addresses = any_addresses();
  const auto mixed = interleave(addresses);
  RC_ASSERT(mixed.size() == addresses.size());
  for (const bool v6 : {false, true}) RC_ASSERT(of_family(mixed, v6) == of_family(addresses, v6));
  RC_ASSERT((mixed.empty() || mixed.front() == addresses.front()));
}

RC_GTEST_PROP(Interleave, HoweverShortItIsCutTheFamiliesHaveTakenTurns, ()) {
  const auto addresses = any_addresses();
  auto cut = interleave(addresses);
  cut.resize(std::min<std::size_t>(cut.size(), *uniform<std::size_t>(0, 8)));
  for (const bool v6 : {false, true}) {
    const std::size_t kept = of_family(cut, v6).size();
    const std::size_t there = of_family(addresses, v6).size();
    RC_ASSERT(kept >= std::min(there, cut.size() / 2));
  }
  RC_ASSERT(interleave(cut) == cut);
}

}  // namespace
}  // namespace sdwdate::ipc
