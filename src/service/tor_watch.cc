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
/// Far more than Tor has to say while a round waits; one that says more is not listened to.
constexpr std::size_t kMostSkews = 100;

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

std::string describe(const ipc::TorState& state) {
  if (state.progress == 100 && !state.circuit) return "Tor has no circuit";
  std::string words = fmt::format("Tor is at {} % ({})", state.progress, state.phase);
  if (!state.warning.empty()) words += fmt::format("; it warns: {}", state.warning);
  return words;
}

asio::awaitable<TorFacts> await_tor(const config::Config& config, std::shared_ptr<ipc::Launcher> launcher,
                                    OnTorState on_state, nanoseconds patience) {
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
  const auto until = RawClock::now() + patience;
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
      if (facts.skews.size() < kMostSkews) facts.skews.push_back(*skew);
      continue;
    }
    facts.state = std::get<ipc::TorState>(*report);
    if (facts.state->works()) co_return facts;
    if (on_state) on_state(*facts.state);
    link.wait_no_longer_than(until - RawClock::now());
  }
}

}  // namespace sdwdate::service
