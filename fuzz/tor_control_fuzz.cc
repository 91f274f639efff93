// However the bytes are cut into pieces, the replies are the same; every reply can be asked for everything.
#include "wire/tor_control.h"

#include <algorithm>

#include "fuzz/property.h"

using namespace sdwdate::wire;
using sdwdate::fuzz::require;

namespace {

struct Read {
  std::vector<ControlReply> replies;
  std::string error;

  bool operator==(const Read&) const = default;
};

Read read_in_pieces(std::string_view bytes, std::size_t length) {
  ControlReader reader;
  Read read;
  while (!bytes.empty() && read.error.empty()) {
    const auto fed = reader.feed(bytes.substr(0, length));
    bytes.remove_prefix(std::min(length, bytes.size()));
    if (fed) {
      std::ranges::copy(*fed, std::back_inserter(read.replies));
    } else {
      read.error = fed.error();
    }
  }
  return read;
}

void look_at(const ControlReply& reply) {
  require(!reply.lines.empty(), "a reply has a line");
  require(reply.status <= 999, "a status has three digits");
  (void)parse_protocol_info(reply);
  (void)parse_auth_challenge(reply);
  const auto skew = parse_clock_skew(reply);
  require(!skew || reply.is_event(), "only an event says that the clock is off");
  for (const ControlLine& line : reply.lines) {
    require(line.text.size() <= kMaxControlLine && line.data.size() <= 2 * kMaxControlReply, "no more than allowed");
    (void)parse_control_words(line.text);
  }
  const auto info = parse_info(reply);
  if (!info) return;
  for (const auto& [key, value] : *info) {
    const auto bootstrap = parse_bootstrap(value);
    require(!bootstrap || bootstrap->progress <= 100, "a progress is a percentage");
    (void)parse_control_time(value);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = sdwdate::fuzz::text_of(data, size);
  const Read whole = read_in_pieces(bytes, 1);
  for (const std::size_t length : {size / 5 + 1, size / 2 + 1}) {
    const Read pieces = read_in_pieces(bytes, length);
    require(pieces.error == whole.error, "pieces fail as single bytes do");
    require(pieces.replies.size() <= whole.replies.size(), "an error hides what came with it, and adds nothing");
    require(!whole.error.empty() || pieces == whole, "pieces say what single bytes say");
  }
  std::ranges::for_each(whole.replies, look_at);
  const std::string value{bytes};
  const auto words = parse_control_words("V=" + quote_for_control(value));
  require(words && (*words)["V"] == value, "what is quoted reads as it was");
  return 0;
}
