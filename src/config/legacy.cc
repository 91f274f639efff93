#include "config/legacy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/text.h"
#include "config/config.h"

namespace sdwdate::config {
namespace {

using base::UserError;

constexpr std::string_view kBlank = " \t\v\f\r\n";
/// The old one shared its failures among three pools, however many it had.
constexpr double kLegacyPools = 3;
/// Words of a comment that may be a name; longer ones are a story.
constexpr std::size_t kLongestName = 40;
constexpr std::size_t kShown = 60;
constexpr std::size_t kLongestComment = 1000;

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find_first_of(kBlank)); }

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    words.push_back(first_word(text));
    text.remove_prefix(words.back().size());
  }
  return words;
}

bool is_web_address(std::string_view word) { return word.starts_with("http://") || word.starts_with("https://"); }

/// Any of the three kinds of line end.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(text.substr(end).starts_with("\r\n") ? end + 2 : std::min(end + 1, text.size()));
  }
  return lines;
}

std::string in_quotes(std::string_view text) { return fmt::format("'{}'", base::printable(text, kShown)); }

/// A value and where it was given.
struct Setting {
  std::string value;
  std::string where;
};

/// Follows the old parsers through all files. They are two: one takes settings, which begin in the first column of any
/// line; the other takes pools, from lines without the blanks around them. A pool goes on, from file to file, until the
/// next one begins.
class Reader {
 public:
  explicit Reader(LegacyConfig& into) : legacy_(into) {}

  void read(const LegacyFile& file) {
    legacy_.files.push_back(file.name);
    unsigned number = 0;
    for (const std::string_view line : lines_of(file.text)) {
      where_ = fmt::format("{}:{}", base::printable(file.name, kLongestComment), ++number);
      const bool setting = take_setting(line);
      take_pool_line(trim(line), setting);
    }
  }

  void finish() {
    for (const Pool& pool : pools_) {
      if (pool.in_group)
        note(pool.group_where, "this group is never closed by a ']': it goes on to the end of its pool");
    }
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      std::vector<LegacySource>& sources = legacy_.pools.at(i).sources;
      std::erase_if(sources, [](const LegacySource& source) { return source.members.empty(); });
    }
  }

  [[nodiscard]] const std::optional<Setting>& ip() const { return ip_; }
  [[nodiscard]] const std::optional<Setting>& port() const { return port_; }
  [[nodiscard]] const std::optional<Setting>& ratio() const { return ratio_; }
  /// As the old one counted: entries outside of groups, and groups.
  [[nodiscard]] int members() const { return members_; }

 private:
  struct Pool {
    bool in_group = false;
    bool group_counted = false;
    std::string group_where;
  };

  void note(std::string_view where, std::string_view sentence) {
    legacy_.notes.push_back(fmt::format("{}: {}", where, sentence));
  }
  void note(std::string_view sentence) { note(where_, sentence); }

  // --- settings

  /// True if the line is a setting, or was meant as one and is noted.
  bool take_setting(std::string_view line) {
    if (line.starts_with("RANDOMIZE_TIME")) {
      const bool on = line.starts_with("RANDOMIZE_TIME=true");
      if (on || line.starts_with("RANDOMIZE_TIME=false")) {
        legacy_.randomize = on;
      } else {
        note("RANDOMIZE_TIME is neither true nor false; it was passed over, and is here");
      }
      return true;
    }
    return take_value(line, "PROXY_IP", ip_) || take_value(line, "PROXY_PORT", port_) ||
           take_value(line, "MAX_FAILURE_RATIO", ratio_);
  }

  /// The old one looked at how the line begins and took what follows the first '='; a shell-like splitting later on
  /// removed quotes and blanks.
  bool take_value(std::string_view line, std::string_view key, std::optional<Setting>& into) {
    if (!line.starts_with(key)) return false;
    const std::size_t equals = std::min(line.find('='), line.size());
    if (trim(line.substr(0, equals)) != key) {
      note(fmt::format("{} was taken for {}, and is here", in_quotes(line.substr(0, equals)), key));
    }
    std::string_view value = trim(line.substr(std::min(equals + 1, line.size())));
    const bool in_quotes = value.size() >= 2 && (value.front() == '"' || value.front() == '\'');
    if (in_quotes && value.back() == value.front()) value = value.substr(1, value.size() - 2);
    into = Setting{std::string{value}, where_};
    return true;
  }

  // --- pools

  void take_pool_line(std::string_view line, bool setting) {
    constexpr std::array<std::string_view, 3> kHeaders{"SDWDATE_POOL_ZERO", "SDWDATE_POOL_ONE", "SDWDATE_POOL_TWO"};
    const auto* const header =
        std::ranges::find_if(kHeaders, [&](std::string_view name) { return line.starts_with(name); });
    if (header != kHeaders.end()) {
      current_ = static_cast<std::size_t>(header - kHeaders.begin());
      if (line.substr(header->size()) != "=(") {
        note(fmt::format("of this line only {} counts; what follows it was passed over, and is here", *header));
      }
    } else if (line.starts_with('"')) {
      take_entry(line);
    } else if (line == "[" && current_) {
      begin_group();
    } else if (line == "]" && current_ && pools_.at(*current_).in_group) {
      end_group();
    } else if (!setting && !line.empty() && !line.starts_with('#') && line != ")") {
      note(fmt::format("{} is no setting, no pool and no source; it was passed over, and is here", in_quotes(line)));
    }
  }

  std::vector<LegacySource>& sources() { return legacy_.pools.at(*current_).sources; }

  void begin_group() {
    Pool& pool = pools_.at(*current_);
    if (pool.in_group) {
      note("a '[' within a group; with it the Python sdwdate could not start. The group goes on");
      return;
    }
    pool = {true, false, where_};
    sources().emplace_back(LegacySource{{}, {}, where_});
  }

  void end_group() {
    Pool& pool = pools_.at(*current_);
    pool.in_group = false;
    if (sources().back().members.empty()) note(pool.group_where, "no source of this group is left, so it is left out");
  }

  /// `"URL # comment"`
  void take_entry(std::string_view line) {
    if (!current_) {
      note("a source outside of any pool; it was passed over, and is here");
      return;
    }
    const std::size_t first_hash = line.find('#');
    if (first_hash == std::string_view::npos) {
      note("a source without a '#' and a comment was dropped without a word, and is dropped here");
      return;
    }
    if (line.find('#', first_hash + 1) != std::string_view::npos) {
      note(
          "there are two '#': all before the last one was taken for the URL, of which the first word was asked; that "
          "word is imported");
    }
    std::string_view comment = line.substr(first_hash + 1);
    const std::size_t end_quote = comment.rfind('"');
    if (end_quote == std::string_view::npos) {
      note("there is no closing quote; the source is imported all the same");
    } else {
      comment = comment.substr(0, end_quote);
    }
    count_member();
    add(trim(line.substr(1, first_hash - 1)), trim(comment));
  }

  void add(std::string_view address, std::string_view comment) {
    const std::string_view word = first_word(address);
    if (word.size() != address.size())
      note(fmt::format("of the URL only its first word, {}, was asked", in_quotes(word)));
    auto url = wire::parse_url(word);
    if (!url) {
      note(fmt::format("left out, because sdwdate does not ask such a source: {}", url.error()));
      return;
    }
    LegacySource::Member member{*std::move(url), std::string{comment}};
    if (pools_.at(*current_).in_group) {
      sources().back().members.push_back(std::move(member));
    } else {
      // A group that is open stays the last: members come to it as long as it is.
      sources().push_back(LegacySource{{std::move(member)}, {}, where_});
    }
  }

  /// A group counts once.
  void count_member() {
    Pool& pool = pools_.at(*current_);
    if (!pool.in_group || !pool.group_counted) ++members_;
    pool.group_counted = true;
  }

  LegacyConfig& legacy_;
  std::string where_;
  std::optional<std::size_t> current_;
  std::array<Pool, 3> pools_;
  int members_ = 0;
  std::optional<Setting> ip_;
  std::optional<Setting> port_;
  std::optional<Setting> ratio_;
};

// --- what follows from the whole -----------------------------------------------------------------------------------

std::optional<UserError> set_proxy(const Reader& reader, const LegacyProxy& otherwise, LegacyConfig& legacy) {
  const auto& from = reader.ip() ? reader.ip() : reader.port();
  if (!from && otherwise == kUsualLegacyProxy) return std::nullopt;
  const std::string ip = reader.ip() ? reader.ip()->value : otherwise.ip;
  const std::string port = reader.port() ? reader.port()->value : otherwise.port;
  const bool bare_v6 = ip.contains(':') && !ip.starts_with('[');
  const std::string server = bare_v6 ? fmt::format("[{}]:{}", ip, port) : fmt::format("{}:{}", ip, port);

  auto proxy = wire::parse_host_port(server);
  if (!proxy) {
    const std::string sentence = fmt::format("PROXY_IP and PROXY_PORT give no proxy: {}", proxy.error());
    return UserError{from ? fmt::format("{}: {}", from->where, sentence) : sentence};
  }
  const auto as_url = wire::parse_url(fmt::format("https://{}/", server));
  if (proxy->host != "localhost" && !(as_url && as_url->host_is_address)) {
    legacy.notes.push_back(fmt::format("{}: the proxy must be given by its address here: no name is resolved for it",
                                       from ? from->where : "the gateway"));
  }
  legacy.proxy = *std::move(proxy);
  return std::nullopt;
}

std::optional<UserError> set_failure_budget(const Reader& reader, LegacyConfig& legacy) {
  if (!reader.ratio()) return std::nullopt;
  const auto& [value, where] = *reader.ratio();
  double ratio = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ratio);
  if (error != std::errc{} || end != value.data() + value.size() || !std::isfinite(ratio) || ratio < 0) {
    return UserError{
        fmt::format("{}: MAX_FAILURE_RATIO must be a number, such as 0.34, not {}", where, in_quotes(value))};
  }
  const double failures = static_cast<double>(reader.members()) * ratio / kLegacyPools;
  if (failures > kMostFailures) {
    legacy.notes.push_back(
        fmt::format("{}: so many failures are more than the {} that can be allowed here", where, kMostFailures));
  }
  legacy.failure_budget = static_cast<int>(std::min<double>(failures, kMostFailures));
  return std::nullopt;
}

/// The words of a comment that are no web addresses, if they are few: people wrote names there.
std::string name_in(std::string_view comment) {
  std::string name;
  for (const std::string_view word : words_of(comment)) {
    if (!is_web_address(word)) name += fmt::format("{}{}", name.empty() ? "" : " ", word);
  }
  return name.size() <= kLongestName ? base::printable(name, kLongestName) : std::string{};
}

std::string host_name_of(const LegacySource& source) { return source.members.front().url.authority(); }

/// A name of its own for each operator: two sources with one name would be one vote. Only where the same server is
/// listed twice that is right.
void name_operators(LegacyConfig& legacy) {
  std::map<std::string, int> uses;
  for (const LegacyPool& pool : legacy.pools) {
    for (const LegacySource& source : pool.sources) {
      ++uses[name_in(source.members.front().comment)];
      ++uses[host_name_of(source)];
    }
  }
  std::map<std::string, std::string> operator_of_host;
  for (LegacyPool& pool : legacy.pools) {
    for (LegacySource& source : pool.sources) {
      const auto known = std::ranges::find_if(
          source.members, [&](const auto& member) { return operator_of_host.contains(member.url.host); });
      if (known != source.members.end()) {
        source.operator_name = operator_of_host[known->url.host];
        legacy.notes.push_back(fmt::format("{}: {} is listed before; it is one operator here, with one vote",
                                           source.where, known->url.host));
      } else {
        const std::string name = name_in(source.members.front().comment);
        source.operator_name = !name.empty() && uses[name] == 1 ? name : host_name_of(source);
      }
      for (const auto& member : source.members) operator_of_host.try_emplace(member.url.host, source.operator_name);
    }
  }
}

void note_missing_pools(LegacyConfig& legacy) {
  const auto empty = [](const LegacyPool& pool) { return pool.sources.empty(); };
  if (std::ranges::all_of(legacy.pools, empty)) {
    legacy.notes.emplace_back(
        "there is no source in these files: the pools of other configuration files stay in force");
    return;
  }
  for (const LegacyPool& pool : legacy.pools) {
    if (empty(pool)) legacy.notes.push_back(fmt::format("pool '{}' has no source, so it is left out", pool.name));
  }
}

// --- TOML ----------------------------------------------------------------------------------------------------------

/// A TOML string. What is not printable ASCII becomes '?'.
std::string text(std::string_view value) {
  std::string result = "\"";
  for (const char c : base::printable(value, value.size())) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string evidence_of(const LegacySource& source) {
  const auto words = words_of(source.members.front().comment);
  const auto evidence = std::ranges::find_if(words, is_web_address);
  return evidence == words.end() ? std::string{} : std::string{*evidence};
}

std::string source_to_toml(const LegacySource& source) {
  std::string toml = "\n  [[pool.source]]\n";
  const std::string evidence = evidence_of(source);
  std::string_view before = evidence;
  for (const auto& [url, comment] : source.members) {
    if (!comment.empty() && comment != evidence && comment != before) {
      toml += fmt::format("  # {}\n", base::printable(comment, kLongestComment));
    }
    before = comment;
  }
  toml += fmt::format("  url = {}\n", text(source.members.front().url.text));
  if (source.members.size() > 1) {
    toml += "  mirrors = [\n";
    for (const auto& member : std::span{source.members}.subspan(1)) {
      toml += fmt::format("    {},\n", text(member.url.text));
    }
    toml += "  ]\n";
  }
  toml += fmt::format("  operator = {}\n", text(source.operator_name));
  if (!evidence.empty()) toml += fmt::format("  evidence = {}\n", text(evidence));
  return toml;
}

}  // namespace

std::expected<LegacyConfig, UserError> read_legacy(std::span<const LegacyFile> files, const LegacyProxy& otherwise) {
  LegacyConfig legacy;
  Reader reader{legacy};
  for (const LegacyFile& file : files) reader.read(file);
  reader.finish();
  if (auto error = set_proxy(reader, otherwise, legacy)) return std::unexpected(*std::move(error));
  if (auto error = set_failure_budget(reader, legacy)) return std::unexpected(*std::move(error));
  name_operators(legacy);
  note_missing_pools(legacy);
  return legacy;
}

std::string to_toml(const LegacyConfig& legacy) {
  std::string toml = "# Made by `sdwdate import` of:\n";
  for (const std::string& file : legacy.files) {
    toml += fmt::format("#   {}\n", base::printable(file, kLongestComment));
  }
  toml += "\ntransport = \"tor\"\n";
  if (legacy.proxy) {
    const std::string& host = legacy.proxy->host;
    const std::string server = host.contains(':') ? fmt::format("[{}]", host) : host;
    toml += fmt::format("\n[tor]\nsocks = {}\n", text(fmt::format("{}:{}", server, legacy.proxy->port)));
  }
  if (legacy.failure_budget) toml += fmt::format("\n[selection]\nfailure_budget = {}\n", *legacy.failure_budget);
  if (legacy.randomize) toml += "\n[privacy]\nrandom_offset = \"1s\"\n";
  for (const LegacyPool& pool : legacy.pools) {
    if (pool.sources.empty()) continue;
    toml += fmt::format("\n[[pool]]\nname = {}\n", text(pool.name));
    for (const LegacySource& source : pool.sources) toml += source_to_toml(source);
  }
  return toml;
}

}  // namespace sdwdate::config
