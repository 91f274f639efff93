#include "config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <limits>
#include <span>
#include <sstream>

#include <toml++/toml.h>

#include "base/error.h"
#include "base/guarded.h"
#include "base/text.h"

namespace sdwdate::config {
namespace {

using base::UserError;
using std::chrono::nanoseconds;
using Keys = std::span<const std::string_view>;

// --- messages ---------------------------------------------------------------------------------------------------

std::string location(const toml::node& node) {
  const toml::source_region& region = node.source();
  const std::string file = region.path ? *region.path : "configuration";
  return fmt::format("{}:{}", file, region.begin.line);
}

std::unexpected<UserError> complain(const toml::node& node, std::string_view message) {
  return std::unexpected(UserError{fmt::format("{}: {}", location(node), message)});
}

/// Levenshtein's distance: how many characters to change, add or drop.
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string suggestion(std::string_view unknown, Keys known) {
  const auto nearest =
      std::ranges::min_element(known, {}, [&](std::string_view key) { return distance(unknown, key); });
  if (nearest != known.end() && distance(unknown, *nearest) <= 1 + nearest->size() / 3) {
    return fmt::format("did you mean '{}'?", *nearest);
  }
  return fmt::format("known here: {}", fmt::join(known, ", "));
}

// --- one value at a time ----------------------------------------------------------------------------------------

/// Walks one table. The first complaint is kept; after it everything is skipped.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string_view where) : table_(table), where_(where) {}

  /// Every key must be one of `known`.
  TableReader& keys(Keys known) {
    for (const auto& [key, value] : table_) {
      if (std::ranges::find(known, key.str()) == known.end()) {
        fail(value, fmt::format("unknown key '{}' in {}; {}", base::printable(key.str(), 60), where_,
                                suggestion(key.str(), known)));
      }
    }
    return *this;
  }

  TableReader& text(std::string_view key, std::string& into) {
    if (const toml::node* node = find(key)) {
      if (const auto value = node->value_exact<std::string>()) {
        into = *value;
      } else {
        fail(*node, fmt::format("'{}' must be a text in quotes", key));
      }
    }
    return *this;
  }

  /// One text, or an array of at least one.
  TableReader& texts(std::string_view key, std::vector<std::string>& into) {
    const toml::node* const node = find(key);
    const toml::array* const array = node == nullptr ? nullptr : node->as_array();
    if (array == nullptr) {
      std::string one;
      text(key, one);
      if (node != nullptr) into = {one};
      return *this;
    }
    into.clear();
    for (const toml::node& item : *array) into.push_back(item.value_exact<std::string>().value_or(""));
    if (into.empty() || std::ranges::find(into, "") != into.end()) {
      fail(*node, fmt::format("'{}' must be a text in quotes, or several in brackets", key));
    }
    return *this;
  }

  TableReader& number(std::string_view key, int& into, int least, int most) {
    if (const toml::node* node = find(key)) {
      const auto value = node->value_exact<std::int64_t>();
      if (value && *value >= least && *value <= most) {
        into = static_cast<int>(*value);
      } else {
        fail(*node, fmt::format("'{}' must be a whole number from {} to {}", key, least, most));
      }
    }
    return *this;
  }

  TableReader& duration(std::string_view key, nanoseconds& into, nanoseconds least,
                        nanoseconds most = nanoseconds::max()) {
    if (const toml::node* node = find(key)) {
      const auto value = parse_duration(node->value_or(std::string{}));
      if (value && *value >= least && *value <= most) {
        into = *value;
      } else {
        std::string_view hint;
        if (value) hint = *value < least ? ", and a longer one" : ", and a shorter one";
        fail(*node, fmt::format(R"('{}' must be a duration such as "500ms", "30s", "10min" or "3h"{})", key, hint));
      }
    }
    return *this;
  }

  /// One that is not set where the table is silent.
  TableReader& duration(std::string_view key, std::optional<nanoseconds>& into, nanoseconds least) {
    nanoseconds given{0};
    duration(key, given, least);
    if (find(key) != nullptr) into = given;
    return *this;
  }

  TableReader& flag(std::string_view key, bool& into) {
    if (const toml::node* node = find(key)) {
      const auto value = node->value_exact<bool>();
      if (value) {
        into = *value;
      } else {
        fail(*node, fmt::format("'{}' must be true or false, without quotes", key));
      }
    }
    return *this;
  }

  /// A path, which must not be empty.
  template <typename Path>
  TableReader& path(std::string_view key, Path& into) {
    if (const toml::node* node = find(key)) {
      const auto value = node->value_exact<std::string>();
      if (value && !value->empty()) {
        into = *value;
      } else {
        fail(*node, fmt::format("'{}' must be a path: a text in quotes, not empty", key));
      }
    }
    return *this;
  }

  /// The table under `key`, if there is one.
  const toml::table* table(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) fail(*node, fmt::format("'{}' must be a table: [{}]", key, key));
    return node->as_table();
  }

  /// The array of tables under `key`, if there is one.
  const toml::array* tables(std::string_view key, std::string_view header) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    const toml::array* array = node->as_array();
    const bool all_tables =
        array != nullptr && std::ranges::all_of(*array, [](const auto& item) { return item.is_table(); });
    if (!all_tables) fail(*node, fmt::format("'{}' must be written as [[{}]]", key, header));
    return all_tables ? array : nullptr;
  }

  [[nodiscard]] const toml::node* find(std::string_view key) const { return table_.get(key); }

  void fail(const toml::node& node, std::string_view message) {
    if (!error_) error_ = complain(node, message).error();
  }
  void fail(const UserError& error) {
    if (!error_) error_ = error;
  }
  [[nodiscard]] const std::optional<UserError>& error() const { return error_; }

 private:
  const toml::table& table_;
  std::string_view where_;
  std::optional<UserError> error_;
};

// --- the sections -----------------------------------------------------------------------------------------------

constexpr std::array<std::string_view, 11> kTopKeys{
    "transport", "tor", "chrony", "schedule", "request", "selection", "state", "sanity", "privacy", "compat", "pool"};
constexpr std::array<std::string_view, 5> kTorKeys{"socks", "control", "cookie", "control_password", "rough"};
constexpr std::array<std::string_view, 4> kChronyKeys{"socket", "burst", "report", "reset"};
constexpr std::array<std::string_view, 2> kScheduleKeys{"minimum", "maximum"};
constexpr std::array<std::string_view, 5> kRequestKeys{"per_source", "timeout", "sharpen", "ca_file", "lag"};
constexpr std::array<std::string_view, 3> kSelectionKeys{"sources_per_pool", "maximum_width", "failure_budget"};
constexpr std::array<std::string_view, 2> kStateKeys{"directory", "runtime"};
constexpr std::array<std::string_view, 1> kSanityKeys{"ceiling_years"};
constexpr std::array<std::string_view, 1> kPrivacyKeys{"random_offset"};
constexpr std::array<std::string_view, 1> kCompatKeys{"state_files"};
constexpr std::array<std::string_view, 2> kPoolKeys{"name", "source"};
constexpr std::array<std::string_view, 6> kSourceKeys{"url", "operator", "evidence", "mirrors", "self_signed", "lag"};

constexpr int kMostBurst = 16;
constexpr int kMostPerPool = 64;
constexpr int kMostCeilingYears = 100;
constexpr nanoseconds kMostRandomOffset = std::chrono::minutes{1};

std::optional<UserError> read_tor(const toml::table& table, Config& config) {
  TableReader reader{table, "[tor]"};
  std::vector<std::string> socks;
  std::string control;
  reader.keys(kTorKeys)
      .texts("socks", socks)
      .text("control", control)
      .text("cookie", config.tor_cookie)
      .text("control_password", config.tor_control_password)
      .flag("rough", config.tor_rough);
  if (reader.error()) return reader.error();
  if (const toml::node* node = reader.find("socks"); node != nullptr && !config.proxies.empty()) {
    config.proxies.clear();
    for (const std::string& one : socks) {
      auto server = wire::parse_endpoint(one);
      if (!server) return complain(*node, fmt::format("socks: {}", server.error())).error();
      config.proxies.push_back({*std::move(server), "", ""});
    }
  }
  if (const toml::node* node = reader.find("control")) {
    config.tor_control.reset();
    if (control.empty()) return std::nullopt;
    auto server = wire::parse_endpoint(control);
    if (!server) return complain(*node, fmt::format("control: {}", server.error())).error();
    config.tor_control = *std::move(server);
  }
  return std::nullopt;
}

std::optional<UserError> read_chrony(const toml::table& table, Config& config) {
  TableReader reader{table, "[chrony]"};
  reader.keys(kChronyKeys)
      .path("socket", config.chrony_socket)
      .number("burst", config.chrony_burst, 1, kMostBurst)
      .path("report", config.chrony_report)
      .path("reset", config.chrony_reset);
  return reader.error();
}

std::optional<UserError> read_schedule(const toml::table& table, Config& config) {
  TableReader reader{table, "[schedule]"};
  constexpr nanoseconds kLeast = std::chrono::seconds{1};
  reader.keys(kScheduleKeys)
      .duration("minimum", config.schedule.minimum, kLeast)
      .duration("maximum", config.schedule.maximum, kLeast);
  if (config.schedule.minimum > config.schedule.maximum) reader.fail(table, "'minimum' is longer than 'maximum'");
  return reader.error();
}

std::optional<UserError> read_request(const toml::table& table, Config& config) {
  TableReader reader{table, "[request]"};
  reader.keys(kRequestKeys)
      .number("per_source", config.exchanges_per_source, 1, kMostExchanges)
      .duration("timeout", config.timeout, std::chrono::seconds{1})
      .duration("sharpen", config.sharpen, nanoseconds{0})
      .text("ca_file", config.ca_file)
      .duration("lag", config.transfer.lag, nanoseconds{0});
  return reader.error();
}

std::optional<UserError> read_selection(const toml::table& table, Config& config) {
  TableReader reader{table, "[selection]"};
  reader.keys(kSelectionKeys)
      .number("sources_per_pool", config.sources_per_pool, 1, kMostPerPool)
      .duration("maximum_width", config.maximum_width, std::chrono::milliseconds{1})
      .number("failure_budget", config.failure_budget, 0, kMostFailures);
  return reader.error();
}

std::optional<UserError> read_state(const toml::table& table, Config& config) {
  TableReader reader{table, "[state]"};
  reader.keys(kStateKeys).path("directory", config.state_directory).path("runtime", config.runtime_directory);
  return reader.error();
}

std::optional<UserError> read_sanity(const toml::table& table, Config& config) {
  TableReader reader{table, "[sanity]"};
  reader.keys(kSanityKeys).number("ceiling_years", config.ceiling_years, 1, kMostCeilingYears);
  return reader.error();
}

std::optional<UserError> read_privacy(const toml::table& table, Config& config) {
  TableReader reader{table, "[privacy]"};
  reader.keys(kPrivacyKeys).duration("random_offset", config.random_offset, nanoseconds{0}, kMostRandomOffset);
  return reader.error();
}

std::optional<UserError> read_compat(const toml::table& table, Config& config) {
  TableReader reader{table, "[compat]"};
  reader.keys(kCompatKeys).flag("state_files", config.compat_state_files);
  return reader.error();
}

ConfigResult<wire::Url> read_url(const toml::node& node) {
  auto url = wire::parse_url(node.value_or(std::string{}));
  if (!url) return complain(node, url.error());
  return *std::move(url);
}

ConfigResult<Source> read_source(const toml::table& table) {
  TableReader reader{table, "[[pool.source]]"};
  Source source;
  std::string evidence;  // for people: kept in the file, not needed here
  reader.keys(kSourceKeys)
      .text("operator", source.operator_name)
      .text("evidence", evidence)
      .flag("self_signed", source.self_signed)
      .duration("lag", source.lag, nanoseconds{0});
  const toml::node* url = reader.find("url");
  if (url == nullptr) reader.fail(table, "a source needs a 'url'");
  if (reader.error()) return std::unexpected(*reader.error());

  auto parsed = read_url(*url);
  if (!parsed) return std::unexpected(parsed.error());
  source.url = *std::move(parsed);
  if (source.operator_name.empty()) source.operator_name = source.url.authority();
  if (source.self_signed && !(source.url.host_is_onion && source.url.tls)) {
    return complain(*reader.find("self_signed"),
                    "'self_signed' is for onion services with https, whose address itself says who they are; any other "
                    "server needs a certificate that is signed");
  }

  const toml::node* mirrors = reader.find("mirrors");
  if (mirrors == nullptr) return source;
  if (!mirrors->is_array()) return complain(*mirrors, "'mirrors' must be a list of URLs");
  for (const toml::node& mirror : *mirrors->as_array()) {
    auto mirror_url = read_url(mirror);
    if (!mirror_url) return std::unexpected(mirror_url.error());
    source.mirrors.push_back(*std::move(mirror_url));
  }
  return source;
}

ConfigResult<Pool> read_pool(const toml::table& table) {
  TableReader reader{table, "[[pool]]"};
  Pool pool;
  reader.keys(kPoolKeys).text("name", pool.name);
  const toml::array* sources = reader.tables("source", "pool.source");
  if (pool.name.empty()) reader.fail(table, "a pool needs a 'name'");
  if (sources == nullptr || sources->empty()) reader.fail(table, "a pool needs at least one [[pool.source]]");
  if (reader.error()) return std::unexpected(*reader.error());
  for (const toml::node& node : *sources) {
    auto source = read_source(*node.as_table());
    if (!source) return std::unexpected(source.error());
    pool.sources.push_back(*std::move(source));
  }
  return pool;
}

std::optional<UserError> read_pools(const toml::array& tables, Config& config) {
  for (const toml::node& node : tables) {
    auto pool = read_pool(*node.as_table());
    if (!pool) return pool.error();
    const bool known = std::ranges::find(config.pools, pool->name, &Pool::name) != config.pools.end();
    if (known) return complain(node, fmt::format("there are two pools named '{}'", pool->name)).error();
    config.pools.push_back(*std::move(pool));
  }
  return std::nullopt;
}

std::optional<UserError> read_transport(TableReader& reader, Config& config) {
  std::string transport = "tor";
  reader.text("transport", transport);
  if (transport == "direct") {
    config.proxies.clear();
    config.tor_control.reset();
  } else if (transport != "tor") {
    reader.fail(*reader.find("transport"), R"('transport' must be "tor" or "direct")");
  }
  return reader.error();
}

ConfigResult<Config> read_config(const toml::table& table) {
  TableReader reader{table, "the configuration"};
  Config config;
  reader.keys(kTopKeys);
  if (auto error = read_transport(reader, config)) return std::unexpected(*std::move(error));

  using Section = std::optional<UserError> (*)(const toml::table&, Config&);
  constexpr std::array<std::pair<std::string_view, Section>, 9> kSections{{{"tor", read_tor},
                                                                           {"chrony", read_chrony},
                                                                           {"schedule", read_schedule},
                                                                           {"request", read_request},
                                                                           {"selection", read_selection},
                                                                           {"state", read_state},
                                                                           {"sanity", read_sanity},
                                                                           {"privacy", read_privacy},
                                                                           {"compat", read_compat}}};
  for (const auto& [key, read] : kSections) {
    const toml::table* section = reader.table(key);
    if (reader.error()) break;
    if (section == nullptr) continue;
    if (auto error = read(*section, config)) return std::unexpected(*std::move(error));
  }
  if (const toml::array* pools = reader.tables("pool", "pool")) {
    if (auto error = read_pools(*pools, config)) return std::unexpected(*std::move(error));
  }
  if (reader.error()) return std::unexpected(*reader.error());
  return config;
}

// --- files ------------------------------------------------------------------------------------------------------

/// `over` wins: tables merge, everything else is replaced.
void merge(toml::table& into, toml::table over) {
  for (auto&& [key, value] : over) {
    toml::table* old_table = into.get_as<toml::table>(key.str());
    if (old_table != nullptr && value.is_table()) {
      merge(*old_table, std::move(*value.as_table()));
    } else {
      into.insert_or_assign(key, std::move(value));
    }
  }
}

ConfigResult<toml::table> parse_table(std::string_view text, std::string_view name) {
  toml::parse_result result = toml::parse(text, name);
  if (!result) {
    const toml::parse_error& error = result.error();
    return std::unexpected(UserError{fmt::format("{}:{}: {}", name, error.source().begin.line, error.description())});
  }
  return std::move(result).table();
}

/// The *.toml files of a folder in the order of their names; none if there is no such folder.
std::vector<std::filesystem::path> drop_ins(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{folder, error}) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

ConfigResult<Config> load(const std::vector<std::filesystem::path>& files) {
  toml::table merged;
  for (const std::filesystem::path& file : files) {
    const auto text = base::read_guarded_file(file);
    if (!text) return std::unexpected(UserError{text.error()});
    auto table = parse_table(*text, file.string());
    if (!table) return std::unexpected(table.error());
    merge(merged, *std::move(table));
  }
  return read_config(merged);
}

ConfigResult<Config> with_default_pools(Config config, const std::filesystem::path& folder) {
  if (!config.pools.empty()) return config;
  const std::filesystem::path file = folder / (config.proxies.empty() ? "clearnet.toml" : "onion.toml");
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return config;
  const auto text = base::read_guarded_file(file);
  if (!text) return std::unexpected(UserError{text.error()});
  auto shipped = parse(*text, file.string());
  if (!shipped) return shipped;
  config.pools = std::move(shipped->pools);
  return config;
}

ConfigResult<Config> parse(std::string_view text, std::string_view name) {
  const auto table = parse_table(text, name);
  if (!table) return std::unexpected(table.error());
  return read_config(*table);
}

std::vector<std::filesystem::path> system_files() {
  std::vector<std::filesystem::path> files = drop_ins(kVendorFolder);
  const std::filesystem::path folder = kAdministratorsFolder;
  const std::filesystem::path administrators = folder / "sdwdate.toml";
  std::error_code error;
  if (std::filesystem::exists(administrators, error)) files.push_back(administrators);
  std::ranges::copy(drop_ins(folder / "sdwdate.toml.d"), std::back_inserter(files));
  return files;
}

std::optional<nanoseconds> parse_duration(std::string_view text) {
  using namespace std::chrono;
  constexpr std::array<std::pair<std::string_view, nanoseconds>, 4> kUnits{
      {{"ms", milliseconds{1}}, {"s", seconds{1}}, {"min", minutes{1}}, {"h", hours{1}}}};
  constexpr nanoseconds kLongest = hours{24} * 365;

  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || text.starts_with('-')) return std::nullopt;
  const std::string_view unit{end, text.data() + text.size()};
  const auto* known = std::ranges::find(kUnits, unit, &std::pair<std::string_view, nanoseconds>::first);
  if (known == kUnits.end() || count > kLongest / known->second) return std::nullopt;
  return known->second * count;
}

}  // namespace sdwdate::config
