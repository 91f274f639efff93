// An old configuration (files divided by NUL) is refused with a place, or becomes one that loads with the same pools.
#include "config/legacy.h"

#include <algorithm>

#include "config/config.h"
#include "fuzz/property.h"

using namespace sdwdate::config;
using sdwdate::fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = sdwdate::fuzz::text_of(data, size);
  std::vector<LegacyFile> files;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    files.push_back({"old.conf", std::string{text.substr(0, end)}});
    text.remove_prefix(std::min(end + 1, text.size()));
  }

  const auto legacy = read_legacy(files);
  if (!legacy) {
    require(legacy.error().message.starts_with("old.conf:"), "an error names the file and the line");
    return 0;
  }
  const auto config = parse(to_toml(*legacy), "imported.toml");
  require(config.has_value(), "what is imported loads");
  std::size_t pools = 0;
  for (const LegacyPool& old : legacy->pools) {
    if (old.sources.empty()) continue;
    const Pool& pool = config->pools.at(pools++);
    require(pool.name == old.name, "pools keep their order");
    require(pool.sources.size() == old.sources.size(), "no source is lost");
    for (std::size_t i = 0; i < old.sources.size(); ++i) {
      require(pool.sources[i].mirrors.size() + 1 == old.sources[i].members.size(), "no mirror is lost");
      require(pool.sources[i].operator_name == old.sources[i].operator_name, "operators keep their names");
    }
  }
  require(pools == config->pools.size(), "no pool is invented");
  return 0;
}
