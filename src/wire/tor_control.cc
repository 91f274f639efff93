#include "wire/tor_control.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace sdwdate::wire {
namespace {

using std::chrono::seconds;

constexpr std::size_t kStatusDigits = 3;
constexpr std::size_t kMostLines = 256;
constexpr unsigned kBits = 4;
/// Of a skew that Tor can have seen: a century.
constexpr seconds kMostSkew = std::chrono::years{100};

std::unexpected<std::string> malformed(std::string what) { return std::unexpected(std::move(what)); }

/// All of `text` as one number. No sign but a minus, and that only where T has one.
template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Exactly `count` digits at `from`.
std::optional<unsigned> digits(std::string_view text, std::size_t from, std::size_t count) {
  const std::string_view part = text.substr(from, count);
  if (part.size() != count || !std::ranges::all_of(part, base::is_digit)) return std::nullopt;
  return number<unsigned>(part);
}

std::optional<unsigned> hex_digit(char c) {
  if (base::is_digit(c)) return static_cast<unsigned>(c - '0');
  const char lower = base::to_lower(c);
  return lower >= 'a' && lower <= 'f' ? std::optional{static_cast<unsigned>(lower - 'a' + 10)} : std::nullopt;
}

std::optional<ControlHash> parse_hash(std::string_view text) {
  ControlHash hash{};
  if (text.size() != 2 * hash.size()) return std::nullopt;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    hash.at(i) = static_cast<std::byte>(*high << kBits | *low);
  }
  return hash;
}

constexpr bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// One escape behind its backslash: a letter with a meaning, one to three octal digits, or the character itself.
std::optional<char> take_escape(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  std::size_t octal = 0;
  unsigned value = 0;
  while (octal < 3 && octal < text.size() && is_octal(text[octal])) {
    value = value * 8 + static_cast<unsigned>(text[octal++] - '0');
  }
  if (octal > 0) {
    text.remove_prefix(octal);
    return value <= 0xFF ? std::optional{static_cast<char>(value)} : std::nullopt;
  }
  const char c = text.front();
  text.remove_prefix(1);
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

/// The rest of a quoted string, past its first mark; takes the last one, too.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return value;
    if (c != '\\') {
      value += c;
      continue;
    }
    const auto escaped = take_escape(text);
    if (!escaped) return std::nullopt;
    value += *escaped;
  }
  return std::nullopt;
}

std::string take_plain(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return std::string{word};
}

std::optional<std::string> take_value(std::string_view& text) {
  if (!text.starts_with('"')) return take_plain(text);
  text.remove_prefix(1);
  return take_quoted(text);
}

/// "NAME=": what stands before the sign is the name, if the sign comes before any space or quotation mark.
std::optional<std::string> take_name(std::string_view& text) {
  const std::size_t end = text.find_first_of("= \"");
  if (end == std::string_view::npos || end == 0 || text[end] != '=') return std::nullopt;
  std::string name{text.substr(0, end)};
  text.remove_prefix(end + 1);
  return name;
}

/// What follows `first` at the line's beginning; empty if it begins otherwise.
std::optional<std::string_view> after(std::string_view line, std::string_view first) {
  if (!line.starts_with(first)) return std::nullopt;
  return line.substr(first.size());
}

}  // namespace

std::expected<std::vector<ControlReply>, std::string> ControlReader::feed(std::string_view bytes) {
  std::vector<ControlReply> complete;
  if (broken_) return malformed("more after an error");
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    bytes.remove_prefix(std::min(bytes.size(), piece.size() + 1));
    pending_ += piece;
    // A carriage return may be the last of these.
    if (pending_.size() > kMaxControlLine + 1) {
      broken_ = true;
      return malformed("a line that is too long");
    }
    if (end == std::string_view::npos) break;
    const std::string line = std::exchange(pending_, {});
    if (const auto read = on_line(line, complete); !read) {
      broken_ = true;
      return malformed(read.error());
    }
  }
  return complete;
}

std::expected<void, std::string> ControlReader::on_line(std::string_view line, std::vector<ControlReply>& complete) {
  if (!line.ends_with('\r')) return malformed("a line without a carriage return");
  line.remove_suffix(1);
  collected_ += line.size();
  if (collected_ > kMaxControlReply) return malformed("a reply that is too long");
  if (in_data_) return add_data(line);

  const auto status = digits(line, 0, kStatusDigits);
  if (!status || line.size() <= kStatusDigits) return malformed("a line without a status");
  if (!reply_.lines.empty() && reply_.status != *status) return malformed("a reply with two statuses");
  if (reply_.lines.size() == kMostLines) return malformed("a reply of too many lines");
  reply_.status = *status;
  reply_.lines.push_back({std::string{line.substr(kStatusDigits + 1)}, {}});
  switch (line[kStatusDigits]) {
    case '-': return {};
    case '+': in_data_ = true; return {};
    case ' ':
      complete.push_back(std::exchange(reply_, {}));
      collected_ = 0;
      return {};
    default: return malformed("a line whose status is not followed by a space, '-' or '+'");
  }
}

std::expected<void, std::string> ControlReader::add_data(std::string_view line) {
  if (line == ".") {
    in_data_ = false;
    return {};
  }
  if (line.starts_with('.')) line.remove_prefix(1);  // doubled by the sender, as in mail
  std::string& data = reply_.lines.back().data;
  data += line;
  data += '\n';
  return {};
}

std::string_view ControlWords::operator[](std::string_view name) const {
  const auto found = named.find(name);
  return found == named.end() ? std::string_view{} : std::string_view{found->second};
}

std::optional<ControlWords> parse_control_words(std::string_view text) {
  ControlWords words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return words;
    const auto name = take_name(text);
    auto value = take_value(text);
    if (!value || (!text.empty() && text.front() != ' ')) return std::nullopt;
    if (!name) {
      words.plain.push_back(std::move(*value));
    } else if (!words.named.emplace(*name, std::move(*value)).second) {
      return std::nullopt;
    }
  }
}

std::string quote_for_control(std::string_view value) {
  std::string quoted{'"'};
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::optional<ProtocolInfo> parse_protocol_info(const ControlReply& reply) {
  if (!reply.ok()) return std::nullopt;
  for (const ControlLine& line : reply.lines) {
    const auto rest = after(line.text, "AUTH ");
    if (!rest) continue;
    const auto words = parse_control_words(*rest);
    if (!words) return std::nullopt;
    ProtocolInfo info;
    std::string_view methods = (*words)["METHODS"];
    while (!methods.empty()) {
      const std::string_view method = methods.substr(0, methods.find(','));
      methods.remove_prefix(std::min(methods.size(), method.size() + 1));
      info.no_authentication |= method == "NULL";
      info.password |= method == "HASHEDPASSWORD";
      info.cookie |= method == "COOKIE";
      info.safe_cookie |= method == "SAFECOOKIE";
    }
    info.cookie_file = (*words)["COOKIEFILE"];
    return info;
  }
  return std::nullopt;
}

std::optional<AuthChallenge> parse_auth_challenge(const ControlReply& reply) {
  if (!reply.ok()) return std::nullopt;
  const auto rest = after(reply.lines.front().text, "AUTHCHALLENGE ");
  const auto words = rest ? parse_control_words(*rest) : std::nullopt;
  if (!words) return std::nullopt;
  const auto hash = parse_hash((*words)["SERVERHASH"]);
  const auto nonce = parse_hash((*words)["SERVERNONCE"]);
  if (!hash || !nonce) return std::nullopt;
  return AuthChallenge{*hash, *nonce};
}

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::byte kLow{0xF};
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte >> kBits)];
    text += kDigits[std::to_integer<std::size_t>(byte & kLow)];
  }
  return text;
}

std::optional<ControlInfo> parse_info(const ControlReply& reply) {
  if (!reply.ok() || reply.lines.back().text != "OK") return std::nullopt;
  ControlInfo info;
  for (const ControlLine& line : std::span{reply.lines}.first(reply.lines.size() - 1)) {
    const std::size_t sign = line.text.find('=');
    if (sign == std::string::npos) return std::nullopt;
    std::string value = line.text.substr(sign + 1);
    if (!line.data.empty()) value += line.data;
    if (!info.emplace(line.text.substr(0, sign), std::move(value)).second) return std::nullopt;
  }
  return info;
}

std::optional<Bootstrap> parse_bootstrap(std::string_view value) {
  const auto words = parse_control_words(value);
  if (!words || std::ranges::find(words->plain, "BOOTSTRAP") == words->plain.end()) return std::nullopt;
  const auto progress = number<unsigned>((*words)["PROGRESS"]);
  if (!progress || *progress > 100) return std::nullopt;
  return Bootstrap{*progress, std::string{(*words)["SUMMARY"]}, std::string{(*words)["WARNING"]}};
}

std::optional<std::chrono::sys_seconds> parse_control_time(std::string_view value) {
  using std::chrono::hours;
  using std::chrono::minutes;
  constexpr std::string_view kForm = "0000-00-00 00:00:00";
  if (value.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (kForm[i] == '0' ? !base::is_digit(value[i]) : value[i] != kForm[i]) return std::nullopt;
  }
  const auto part = [&](std::size_t from, std::size_t count) { return digits(value, from, count).value_or(0); };
  const std::chrono::year_month_day day{std::chrono::year{static_cast<int>(part(0, 4))}, std::chrono::month{part(5, 2)},
                                        std::chrono::day{part(8, 2)}};
  const unsigned hour = part(11, 2);
  const unsigned minute = part(14, 2);
  const unsigned second = part(17, 2);
  if (!day.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return std::chrono::sys_days{day} + hours{hour} + minutes{minute} + seconds{second};
}

std::optional<ClockSkew> parse_clock_skew(const ControlReply& event) {
  if (!event.is_event()) return std::nullopt;
  const auto rest = after(event.lines.front().text, "STATUS_GENERAL ");
  const auto words = rest ? parse_control_words(*rest) : std::nullopt;
  if (!words || words->plain.size() != 2 || words->plain.back() != "CLOCK_SKEW") return std::nullopt;
  const auto skew = number<std::int64_t>((*words)["SKEW"]);
  if (!skew || *skew > kMostSkew.count() || *skew < -kMostSkew.count()) return std::nullopt;

  const std::string_view source = (*words)["SOURCE"];
  const std::string_view kind = source.substr(0, source.find(':'));
  ClockSkew result{seconds{*skew}, SkewSource::other, {}};
  if (kind.size() < source.size()) result.address = source.substr(kind.size() + 1);
  if (kind == "OR") result.source = SkewSource::relay;
  if (kind == "DIRSERV") result.source = SkewSource::directory;
  if (kind == "CONSENSUS") result.source = SkewSource::consensus;
  return result;
}

}  // namespace sdwdate::wire
