// A text is refused with its name and a reason, or gives settings within their limits.
#include "config/config.h"

#include <algorithm>

#include "fuzz/property.h"

using namespace sdwdate::config;
using namespace std::chrono_literals;
using sdwdate::fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = sdwdate::fuzz::text_of(data, size);
  if (const auto duration = parse_duration(text))
    require(*duration >= 0ns && *duration <= 24h * 365, "no duration is absurd");

  const auto config = parse(text, "fuzz.toml");
  if (!config) {
    require(config.error().message.starts_with("fuzz.toml:"), "an error names the file and the line");
    return 0;
  }
  require(config->schedule.minimum >= 1s && config->schedule.minimum <= config->schedule.maximum,
          "intervals are in order");
  require(config->source_timeout() >= 1s, "a source gets time to answer");
  require(config->exchanges_per_source >= 1 && config->exchanges_per_source <= kMostExchanges, "sources are asked");
  require(config->maximum_width > 0ns && config->transfer.lag >= 0ns, "widths are positive");
  require(config->sources_per_pool >= 1 && config->failure_budget >= 0 && config->chrony_burst >= 1, "counts count");
  require(
      std::ranges::none_of(config->pools, [](const Pool& pool) { return pool.sources.empty() || pool.name.empty(); }),
      "a pool has a name and sources");
  for (const Pool& pool : config->pools) {
    require(std::ranges::none_of(pool.sources, &std::string::empty, &Source::operator_name),
            "a source has an operator");
  }
  return 0;
}
