#include "service/deliberate_offset.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"

namespace sdwdate::service {
namespace {

using std::chrono::nanoseconds;

constexpr const char* kOffsetFile = "random-offset";

std::optional<nanoseconds> kept(const std::filesystem::path& file, nanoseconds most) {
  constexpr std::size_t kMost = 32;
  const auto text = base::read_file(file, kMost);
  if (!text) return std::nullopt;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (error != std::errc{} || count < -most.count() || count > most.count()) return std::nullopt;
  return nanoseconds{count};
}

nanoseconds drawn(nanoseconds most) {
  // For a directory that keeps nothing: one draw for this process and each width.
  static std::map<nanoseconds, nanoseconds> draws;
  const auto known = draws.find(most);
  if (known != draws.end()) return known->second;
  base::SystemRandom random;
  std::uniform_int_distribution<std::int64_t> within{-most.count(), most.count()};
  return draws[most] = nanoseconds{within(random)};
}

}  // namespace

DeliberateOffset deliberate_offset(const std::filesystem::path& directory, nanoseconds most) {
  if (most == nanoseconds{0}) return {};
  const std::filesystem::path file = directory / kOffsetFile;
  if (const auto value = kept(file, most)) return {*value, std::nullopt};
  const nanoseconds value = drawn(most);
  const int failed = base::replace_file(file, fmt::format("{}\n", value.count()), 0600, base::Keep::until_reboot);
  if (failed == 0) return {value, std::nullopt};
  return {value, fmt::format("cannot keep this boot's random offset in {} ({}): it changes when this program ends",
                             file.string(), base::errno_text(failed))};
}

}  // namespace sdwdate::service
