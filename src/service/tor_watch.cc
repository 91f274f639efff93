#include "service/tor_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "base/clock.h"
#include "service/helper_link.h"

namespace sdwdate::service {
namespace {

namespace asio = boost::asio;
using base::RawClock;
using ipc::Received;
using std::chrono::nanoseconds;

/// Until the control port has said anything at all.
constexpr nanoseconds kFirstAnswer = std::chrono::seconds{10};
/// For evidence of a wrong clock to be complete: other relays may yet have their say.
constexpr nanoseconds kEvidence = std::chrono::seconds{15};
/// Far more than Tor has to say while a round waits; one that says more is not listened to.
constexpr std::size_t kMostRelays = 100;

/// The /16 or /32 of "192.0.2.1:9001": relays in one of them may well be one person's. Empty for anything else.
std::string network_of(std::string_view address) {
  const auto server = wire::parse_host_port(address);
  const auto parsed = server ? ipc::parse_address(server->host) : std::nullopt;
  if (!parsed) return {};
  const auto& bytes = parsed->bytes;
  return parsed->v6 ? fmt::format("{:02x}{:02x}:{:02x}{:02x}", bytes[0], bytes[1], bytes[2], bytes[3])
                    : fmt::format("{}.{}", bytes[0], bytes[1]);
}

/// Tor's own clock is the system's.
std::optional<timecore::RelayClock> clock_of(const ipc::TorSkew& skew) {
  if (skew.evidence != ipc::SkewEvidence::relay && skew.evidence != ipc::SkewEvidence::directory) return std::nullopt;
  std::string network = network_of(skew.address);
  if (network.empty()) return std::nullopt;
  const base::ClockPair now = base::read_clock_pair();
  return timecore::RelayClock{std::move(network),
                              {now.real.time_since_epoch() - skew.skew - now.raw.time_since_epoch()}};
}

/// Empty if the control port is named in a way that would have to be looked up.
std::optional<ipc::TorJob> job_for(const config::Config& config) {
  const wire::Endpoint& control = *config.tor_control;
  ipc::TorJob job;
  job.path = control.path;
  job.port = control.tcp.port;
  job.cookie_file = config.tor_cookie;
  job.password = config.tor_control_password;
  if (control.is_unix()) return job;
  if (control.tcp.host == "localhost") {
    job.addresses = {*ipc::parse_address("127.0.0.1"), *ipc::parse_address("::1")};
  } else if (const auto address = ipc::parse_address(control.tcp.host)) {
    job.addresses = {*address};
  } else {
    return std::nullopt;
  }
  return job;
}

}  // namespace

timecore::RoughEvidence TorFacts::evidence() const {
  if (!state) return {};
  return {state->valid_after, state->fresh_until, relays};
}

std::string describe(const ipc::TorState& state) {
  if (state.progress == 100 && !state.circuit) return "Tor has no circuit";
  std::string words = fmt::format("Tor is at {} % ({})", state.progress, state.phase);
  if (!state.warning.empty()) words += fmt::format("; it warns: {}", state.warning);
  return words;
}

asio::awaitable<TorFacts> await_tor(const config::Config& config, std::shared_ptr<ipc::Launcher> launcher,
                                    OnTorState on_state, IsHopeless is_hopeless, nanoseconds patience) {
  TorFacts facts;
  const std::string name = to_string(*config.tor_control);
  const auto give_up = [&](const std::string& why) { facts.unavailable = fmt::format("{}: {}", name, why); };
  const auto job = job_for(config);
  const auto record = job ? ipc::encode(*job) : std::nullopt;
  if (!record) {
    give_up(job ? "its path, cookie and password are too long"
                : "it must be given by address or path, since names are not resolved");
    co_return facts;
  }
  auto child = ipc::start_child(std::move(launcher), ipc::Helper::tor);
  if (!child) {
    give_up(child.error());
    co_return facts;
  }
  const auto started = RawClock::now();
  const auto patience_left = [&] {
    const bool short_of_it = is_hopeless && is_hopeless(facts);
    return started + (short_of_it ? std::min(kEvidence, patience) : patience) - RawClock::now();
  };
  HelperLink link{*std::move(child), co_await asio::this_coro::executor, std::min(kFirstAnswer, patience)};
  if (!link.send(*record)) {
    give_up(link.blame(Received::ended).message);
    co_return facts;
  }
  while (true) {
    ipc::TorReportRecord bytes{};
    const Received received = co_await link.receive(bytes);
    if (received == Received::nothing && facts.state) co_return facts;  // the time is over
    if (received != Received::record) {
      give_up(received == Received::nothing ? "no answer" : link.blame(received).message);
      co_return facts;
    }
    const auto report = ipc::decode_tor_report(bytes);
    if (!report) {
      give_up(HelperLink::crashed("it wrote a record that makes no sense").message);
      co_return facts;
    }
    if (const auto* failure = std::get_if<ipc::TorFailure>(&*report)) {
      give_up(failure->message);
      co_return facts;
    }
    if (const auto* skew = std::get_if<ipc::TorSkew>(&*report)) {
      auto clock = clock_of(*skew);
      if (clock && facts.relays.size() < kMostRelays) facts.relays.push_back(*std::move(clock));
      if (facts.state) link.wait_no_longer_than(patience_left());
      continue;
    }
    facts.state = std::get<ipc::TorState>(*report);
    if (facts.state->works()) co_return facts;
    if (on_state) on_state(*facts.state);
    link.wait_no_longer_than(patience_left());
  }
}

}  // namespace sdwdate::service
