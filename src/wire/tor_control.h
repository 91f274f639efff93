// Tor's control port: reading its replies and events, and the few commands that are asked of it. Sans-IO.
//
// Tor's control-spec gives the grammar; names below are its names. What Tor says comes in part from relays and
// authorities (their time, their words), so everything is bounded and nothing is trusted to be well-formed.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sdwdate::wire {

/// The longest line, and the most that one reply may have in all. What Tor answers to our questions is far below.
inline constexpr std::size_t kMaxControlLine = 4096;
inline constexpr std::size_t kMaxControlReply = 65536;

/// One line of a reply, without its status. `data` is what follows a line whose status ends in '+'.
struct ControlLine {
  std::string text;
  std::string data;

  bool operator==(const ControlLine&) const = default;
};

/// One complete reply (or event): at least one line, all of one status.
struct ControlReply {
  unsigned status = 0;
  std::vector<ControlLine> lines;

  [[nodiscard]] bool ok() const { return status == 250; }
  /// An event (650) comes when it wants to, but never inside a reply.
  [[nodiscard]] bool is_event() const { return status >= 600 && status < 700; }

  bool operator==(const ControlReply&) const = default;
};

/// Cuts what the control port sends into replies.
class ControlReader {
 public:
  /// Any piece of the stream; the replies that it completes, in order. An error (a sentence: this is no control port,
  /// or it sends more than anybody asked for) is final.
  std::expected<std::vector<ControlReply>, std::string> feed(std::string_view bytes);

 private:
  [[nodiscard]] std::expected<void, std::string> on_line(std::string_view line, std::vector<ControlReply>& complete);
  [[nodiscard]] std::expected<void, std::string> add_data(std::string_view line);

  std::string pending_;        ///< the beginning of a line
  ControlReply reply_;         ///< the lines of a reply that is not complete
  std::size_t collected_ = 0;  ///< bytes in reply_
  bool in_data_ = false;
  bool broken_ = false;
};

/// Words as Tor writes them: `NOTICE BOOTSTRAP PROGRESS=100 SUMMARY="Done"`.
struct ControlWords {
  std::vector<std::string> plain;
  std::map<std::string, std::string, std::less<>> named;

  /// The value of `name`; empty if there is none.
  [[nodiscard]] std::string_view operator[](std::string_view name) const;
};

/// Empty if a quoted string does not end or a value is there twice. Escapes are those of the spec's QuotedString.
std::optional<ControlWords> parse_control_words(std::string_view text);

/// The inverse for one value: in quotation marks, with what has a meaning there escaped.
std::string quote_for_control(std::string_view value);

/// The answer to PROTOCOLINFO 1.
struct ProtocolInfo {
  bool no_authentication = false;
  bool password = false;
  bool cookie = false;
  bool safe_cookie = false;
  std::string cookie_file;
};

std::optional<ProtocolInfo> parse_protocol_info(const ControlReply& reply);

inline constexpr std::size_t kControlHash = 32;
using ControlHash = std::array<std::byte, kControlHash>;

/// The answer to AUTHCHALLENGE SAFECOOKIE.
struct AuthChallenge {
  ControlHash server_hash{};
  ControlHash server_nonce{};
};

std::optional<AuthChallenge> parse_auth_challenge(const ControlReply& reply);

/// Lower-case hexadecimal digits.
std::string to_hex(std::span<const std::byte> bytes);

/// The answer to GETINFO, by key. Empty if it is a refusal, or says anything in another form.
using ControlInfo = std::map<std::string, std::string, std::less<>>;
std::optional<ControlInfo> parse_info(const ControlReply& reply);

/// How far Tor has come: the value of status/bootstrap-phase, or an event BOOTSTRAP.
struct Bootstrap {
  unsigned progress = 0;  ///< percent; 100 is done
  std::string summary;    ///< Tor's own words for the phase
  std::string warning;    ///< what it is held up by; empty if by nothing
};

std::optional<Bootstrap> parse_bootstrap(std::string_view value);

/// "2026-11-22 22:23:19", in UTC, as in consensus/valid-after. Empty also for what Tor says when it has none: nothing.
std::optional<std::chrono::sys_seconds> parse_control_time(std::string_view value);

/// Where Tor learnt that the clock is off.
enum class SkewSource : std::uint8_t {
  relay,      ///< NETINFO of a relay (SOURCE=OR), over a connection that proves its key
  directory,  ///< the Date of a directory answer (DIRSERV)
  consensus,  ///< the consensus' valid-after is later than the clock
  other,
};

/// The event STATUS_GENERAL CLOCK_SKEW.
struct ClockSkew {
  std::chrono::seconds skew{0};  ///< local minus theirs, as Tor says it: positive when our clock is ahead
  SkewSource source{};
  std::string address;  ///< "192.0.2.1:9001"; empty for the consensus
};

std::optional<ClockSkew> parse_clock_skew(const ControlReply& event);

}  // namespace sdwdate::wire
