// A conversation with Tor's control port: logging in, then watching how Tor is. Sans-IO.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/tor_records.h"
#include "tor/safe_cookie.h"
#include "wire/tor_control.h"

namespace sdwdate::tor {

/// What may get us in. Tor says what it wants.
struct Credentials {
  std::string cookie;    ///< the file's 32 bytes; empty: none
  std::string password;  ///< empty: none
};

/// Wakes Tor, too: it may have gone to sleep for want of somebody who uses it, and we are about to.
///
/// Alternate: send what to_send() returns, feed() what arrives. Reports come once Tor has let us in: its state at once,
/// and again after each event that can have changed it.
class Controller {
 public:
  /// `nonce` must be random.
  Controller(Credentials credentials, const Nonce& nonce);

  /// What has to be sent now; each byte once.
  std::string to_send();

  /// An error is a sentence, and final.
  std::expected<std::vector<ipc::TorReport>, std::string> feed(std::string_view bytes);

  /// Asks for the state once more, unless the last answer is outstanding.
  void ask_again();

  /// Tells Tor to read its configuration again, and so to try at once what it would have tried again later.
  void reload();

 private:
  enum class Step : std::uint8_t { protocol, challenge, login, events, wake, ready };
  using Reports = std::vector<ipc::TorReport>;

  std::expected<void, std::string> on_reply(const wire::ControlReply& reply, Reports& reports);
  std::expected<void, std::string> on_protocol(const wire::ControlReply& reply);
  std::expected<void, std::string> on_challenge(const wire::ControlReply& reply);
  std::expected<void, std::string> on_state(const wire::ControlReply& reply, Reports& reports);
  void on_event(const wire::ControlReply& event, Reports& reports);
  void send(Step step, std::string_view command);
  void log_in(std::string_view proof);
  void ask_for_state();

  Credentials credentials_;
  Nonce nonce_;
  wire::ControlReader reader_;
  Step step_ = Step::protocol;
  std::string to_send_;
  /// What has not been answered yet, once Tor has let us in.
  enum class Asked : std::uint8_t { state, reload };
  std::deque<Asked> outstanding_;
  bool again_ = false;  ///< something has happened since the state was asked for
};

}  // namespace sdwdate::tor
