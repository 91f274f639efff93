#include "tor/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/text.h"

namespace sdwdate::tor {
namespace {

constexpr std::string_view kStateKeys =
    "status/bootstrap-phase status/circuit-established consensus/valid-after consensus/fresh-until "
    "consensus/valid-until";

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

std::unexpected<std::string> refused(const wire::ControlReply& reply) {
  constexpr std::size_t kMost = 100;
  return std::unexpected(
      fmt::format("Tor's control port refused: {} {}", reply.status, base::printable(reply.lines.front().text, kMost)));
}

std::string_view value_of(const wire::ControlInfo& info, std::string_view key) {
  const auto found = info.find(key);
  return found == info.end() ? std::string_view{} : std::string_view{found->second};
}

ipc::SkewEvidence evidence_of(wire::SkewSource source) {
  switch (source) {
    case wire::SkewSource::relay: return ipc::SkewEvidence::relay;
    case wire::SkewSource::directory: return ipc::SkewEvidence::directory;
    case wire::SkewSource::consensus: return ipc::SkewEvidence::consensus;
    case wire::SkewSource::other: break;
  }
  return ipc::SkewEvidence::other;
}

}  // namespace

Controller::Controller(Credentials credentials, const Nonce& nonce)
    : credentials_(std::move(credentials)), nonce_(nonce) {
  send(Step::protocol, "PROTOCOLINFO 1");
}

std::string Controller::to_send() { return std::exchange(to_send_, {}); }

void Controller::send(Step step, std::string_view command) {
  step_ = step;
  to_send_ += command;
  to_send_ += "\r\n";
}

std::expected<std::vector<ipc::TorReport>, std::string> Controller::feed(std::string_view bytes) {
  Reports reports;
  const auto replies = reader_.feed(bytes);
  if (!replies) return std::unexpected(fmt::format("this is no control port of Tor's: {}", replies.error()));
  for (const wire::ControlReply& reply : *replies) {
    if (reply.is_event()) {
      on_event(reply, reports);
    } else if (const auto done = on_reply(reply, reports); !done) {
      return std::unexpected(done.error());
    }
  }
  return reports;
}

void Controller::ask_again() {
  if (step_ != Step::ready) return;
  if (std::ranges::find(outstanding_, Asked::state) != outstanding_.end()) {
    again_ = true;
  } else {
    ask_for_state();
  }
}

void Controller::reload() {
  if (step_ != Step::ready) return;
  outstanding_.push_back(Asked::reload);
  send(Step::ready, "SIGNAL RELOAD");
}

void Controller::ask_for_state() {
  outstanding_.push_back(Asked::state);
  again_ = false;
  send(Step::ready, fmt::format("GETINFO {}", kStateKeys));
}

std::expected<void, std::string> Controller::on_reply(const wire::ControlReply& reply, Reports& reports) {
  if (!reply.ok()) return refused(reply);
  switch (step_) {
    case Step::protocol: return on_protocol(reply);
    case Step::challenge: return on_challenge(reply);
    case Step::login: send(Step::events, "SETEVENTS STATUS_CLIENT STATUS_GENERAL"); return {};
    case Step::events: send(Step::wake, "SIGNAL ACTIVE"); return {};
    case Step::wake: ask_for_state(); return {};
    case Step::ready: break;
  }
  if (outstanding_.empty()) return std::unexpected("Tor's control port answers what nobody has asked");
  const Asked asked = outstanding_.front();
  outstanding_.pop_front();
  if (asked == Asked::state) return on_state(reply, reports);
  return {};
}

std::expected<void, std::string> Controller::on_protocol(const wire::ControlReply& reply) {
  const auto info = wire::parse_protocol_info(reply);
  if (!info) return std::unexpected("this is no control port of Tor's: it does not say how to log in");
  const bool has_cookie = credentials_.cookie.size() == kCookieSize;
  if (info->no_authentication) {
    log_in({});
  } else if (info->safe_cookie && has_cookie) {
    send(Step::challenge, fmt::format("AUTHCHALLENGE SAFECOOKIE {}", wire::to_hex(nonce_)));
  } else if (info->password && !credentials_.password.empty()) {
    log_in(wire::quote_for_control(credentials_.password));
  } else if (info->cookie && has_cookie) {
    log_in(wire::to_hex(bytes_of(credentials_.cookie)));
  } else {
    return std::unexpected(
        fmt::format("Tor's control port wants {}, which this program was not given",
                    info->cookie || info->safe_cookie ? "its cookie (may this user read the file?)" : "a password"));
  }
  return {};
}

void Controller::log_in(std::string_view proof) {
  send(Step::login, proof.empty() ? "AUTHENTICATE" : fmt::format("AUTHENTICATE {}", proof));
}

std::expected<void, std::string> Controller::on_challenge(const wire::ControlReply& reply) {
  const auto challenge = wire::parse_auth_challenge(reply);
  if (!challenge) return std::unexpected("Tor's control port answers a challenge with something else");
  const std::string_view cookie = credentials_.cookie;
  if (challenge->server_hash != server_proof(cookie, nonce_, challenge->server_nonce)) {
    return std::unexpected("who listens at Tor's control port does not know Tor's cookie");
  }
  log_in(wire::to_hex(client_proof(cookie, nonce_, challenge->server_nonce)));
  return {};
}

std::expected<void, std::string> Controller::on_state(const wire::ControlReply& reply, Reports& reports) {
  const auto info = wire::parse_info(reply);
  const auto bootstrap = info ? wire::parse_bootstrap(value_of(*info, "status/bootstrap-phase")) : std::nullopt;
  if (!bootstrap) return std::unexpected("Tor's control port does not say how far Tor is");
  ipc::TorState state;
  state.progress = static_cast<std::uint8_t>(bootstrap->progress);
  state.circuit = value_of(*info, "status/circuit-established") == "1";
  state.phase = base::printable(bootstrap->summary, ipc::kMaxTorText);
  state.warning = base::printable(bootstrap->warning, ipc::kMaxTorText);
  state.valid_after = wire::parse_control_time(value_of(*info, "consensus/valid-after"));
  state.fresh_until = wire::parse_control_time(value_of(*info, "consensus/fresh-until"));
  state.valid_until = wire::parse_control_time(value_of(*info, "consensus/valid-until"));
  reports.emplace_back(state);
  if (again_) ask_for_state();
  return {};
}

void Controller::on_event(const wire::ControlReply& event, Reports& reports) {
  if (const auto skew = wire::parse_clock_skew(event)) {
    reports.emplace_back(
        ipc::TorSkew{skew->skew, evidence_of(skew->source), base::printable(skew->address, ipc::kMaxTorText)});
  }
  ask_again();
}

}  // namespace sdwdate::tor
