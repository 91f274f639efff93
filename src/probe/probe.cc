#include "probe/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <ctime>
#include <optional>
#include <span>

#include "base/text.h"
#include "base/unix_socket.h"
#include "ipc/child.h"
#include "ipc/records.h"
#include "net/connect.h"
#include "net/session.h"
#include "sandbox/sandbox.h"
#include "timecore/likelihood.h"
#include "timecore/sanity.h"
#include "timecore/transfer.h"
#include "wire/http_answer.h"

namespace sdwdate::probe {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using base::ErrorCode;
using base::RawClock;
using base::RawTime;
using base::SourceError;
using base::SourceResult;
using std::chrono::nanoseconds;
using timecore::Exchange;

constexpr int kMostConnections = 2;  // the first, and one more
constexpr int kMostPlans = 3;        // for one request; a machine that is late each time is asked to be good enough
constexpr int kMostCached = 3;       // a cache that has answered three times will answer again

/// An answer that cannot be used, and does not make the source or the way to it suspect either.
bool says_nothing(ErrorCode code) {
  return code == ErrorCode::http_malformed || code == ErrorCode::date_missing || code == ErrorCode::date_malformed;
}

/// Measures one source. Everything runs on one thread; the parent's patience and our own time limit end it.
class Probe {
 public:
  Probe(int channel, ipc::ProbeJob job)
      : job_(std::move(job)),
        options_{job_.lag, job_.slack, job_.drift_ppm, job_.fine_lag},
        limits_{job_.floor, job_.ceiling},
        parent_(context_, channel) {}

  int run();

 private:
  /// How an attempt to learn one more thing ended.
  enum class Next : std::uint8_t { go_on, enough };

  /// Reads what has to be read, and gives up everything but the connection that is to be made.
  std::optional<SourceError> prepare();
  awaitable<void> measure();
  awaitable<SourceResult<Next>> one_exchange();
  awaitable<SourceResult<net::Session>> open();
  awaitable<SourceResult<net::Stream>> connect();
  awaitable<SourceResult<wire::HttpAnswer>> ask(RawTime& sent, RawTime& received);
  SourceResult<void> check(const wire::HttpAnswer& answer);
  awaitable<bool> wait_for_turn();
  awaitable<void> watch_parent();
  void drop_session();
  void finish(const std::optional<SourceError>& error);

  [[nodiscard]] timecore::Plan plan() const;
  [[nodiscard]] bool has_evidence() const { return timecore::heard_live(exchanges_, options_); }
  [[nodiscard]] bool only_cached() const { return !has_evidence() && exchanges_.size() >= kMostCached; }
  [[nodiscard]] ipc::Traffic traffic() const;

  ipc::ProbeJob job_;
  timecore::TransferOptions options_;
  timecore::TimeLimits limits_;
  asio::io_context context_{1};
  asio::posix::stream_descriptor parent_;
  net::SslContext tls_;
  std::vector<net::Stream> proxy_;  ///< connections to a proxy's UNIX socket, made before that was out of reach
  std::optional<net::Session> session_;
  std::optional<net::ValidityWindow> window_;  ///< of the current session's certificate chain
  ipc::Traffic earlier_traffic_;               ///< of sessions that are over
  std::vector<Exchange> exchanges_;
  nanoseconds round_trip_{0};  ///< about: by how long it took to connect or, if there is TLS, to shake hands
  int connections_ = 0;
  std::string_view stage_ = "connecting";  ///< what a timeout interrupted
  sandbox::Missing missing_;               ///< layers of confinement that cannot be had here
  bool finished_ = false;
};

int Probe::run() {
  if (const auto error = prepare()) {
    finish(error);
    return 0;
  }
  asio::co_spawn(context_, watch_parent(), asio::detached);
  asio::co_spawn(context_, measure(), asio::detached);
  context_.run_for(job_.timeout);
  if (!finished_ && has_evidence()) finish(std::nullopt);
  if (!finished_) {
    const auto allowed = std::chrono::duration<double>(job_.timeout).count();
    finish(SourceError{ErrorCode::timeout, fmt::format("no answer within {:g} s ({})", allowed, stage_)});
  }
  return 0;
}

/// The parent never writes twice: anything readable here means that it is gone.
awaitable<void> Probe::watch_parent() {
  const auto [error] = co_await parent_.async_wait(asio::posix::stream_descriptor::wait_read, net::kAwait);
  static_cast<void>(error);
  finished_ = true;
  context_.stop();
}

std::optional<SourceError> Probe::prepare() {
  if (job_.tls) {
    auto context = job_.self_signed ? net::make_undemanding_client_context() : net::make_client_context(job_.ca_file);
    if (!context) return context.error();
    tls_ = *std::move(context);
  }
  ::tzset();  // else OpenSSL's arithmetic with dates has the C library open a file
  const bool by_path = !job_.proxy_path.empty();
  for (int i = 0; by_path && i < kMostConnections; ++i) {
    auto connected = base::connect_unix(job_.proxy_path);
    if (!connected) {
      return SourceError{ErrorCode::proxy, fmt::format("cannot connect to the proxy at {}: {}", job_.proxy_path,
                                                       base::errno_text(connected.error()))};
    }
    net::Stream stream{context_, {AF_UNIX, 0}, connected->release()};
    stream.native_non_blocking(true);
    proxy_.push_back(std::move(stream));
  }
  const auto confined = sandbox::confine_probe(by_path ? std::nullopt : std::optional{job_.connect_port});
  if (!confined)
    return SourceError{ErrorCode::probe_crashed, fmt::format("our own helper process {}", confined.error())};
  missing_ = *confined;
  return std::nullopt;
}

awaitable<void> Probe::measure() {
  while (exchanges_.size() < job_.exchanges && !only_cached()) {
    const auto next = co_await one_exchange();
    if (!next) {
      finish(next.error());
      co_return;
    }
    if (*next == Next::enough) break;
  }
  if (exchanges_.empty()) {
    finish(SourceError{ErrorCode::http_malformed, "the server closes connections, or speaks, before it is asked"});
  }
  finish(std::nullopt);
}

/// Connects if need be, waits for the planned moment, asks, checks, reports.
awaitable<SourceResult<Probe::Next>> Probe::one_exchange() {
  if (!session_) {
    if (connections_ == kMostConnections) co_return Next::enough;
    auto session = co_await open();
    // A source that was heard once has given true bounds, even if it cannot be reached again.
    if (!session && has_evidence()) co_return Next::enough;
    if (!session) co_return std::unexpected(session.error());
    session_ = *std::move(session);
    window_.reset();
  }
  if (!co_await wait_for_turn()) co_return Next::enough;
  if (!session_->quiet()) {
    drop_session();
    co_return Next::go_on;
  }

  RawTime sent;
  RawTime received;
  const auto answer = co_await ask(sent, received);
  if (!answer) {
    const bool broken_off = answer.error().code == ErrorCode::connect;
    if (broken_off && has_evidence()) {
      drop_session();
      co_return Next::go_on;
    }
    // What was heard before stays true.
    if (says_nothing(answer.error().code) && has_evidence()) co_return Next::enough;
    co_return std::unexpected(answer.error());
  }
  if (auto checked = check(*answer); !checked) co_return std::unexpected(checked.error());

  if (answer->unasked) {
    drop_session();  // its Date may be older than our request, which would make the upper bound false
    co_return Next::go_on;
  }
  exchanges_.push_back({sent, received, answer->date, answer->age, answer->fine, answer->spread});
  ipc::send_record(parent_.native_handle(), ipc::encode(ipc::ExchangeReport{sent, received, answer->date, answer->age,
                                                                            answer->fine, answer->spread}));
  if (!answer->reusable) drop_session();
  co_return Next::go_on;
}

awaitable<SourceResult<net::Session>> Probe::open() {
  ++connections_;
  stage_ = job_.proxy ? "connecting to the proxy" : "connecting";
  RawTime started = RawClock::now();
  auto socket = co_await connect();
  if (!socket) co_return std::unexpected(socket.error());
  if (job_.proxy) {
    stage_ = "waiting for the proxy to connect";
    const wire::SocksCredentials credentials{job_.proxy_user, job_.proxy_password};
    const auto through = co_await net::connect_through(*socket, job_.host, job_.port, credentials);
    if (!through) co_return std::unexpected(through.error());
  }
  round_trip_ = RawClock::now() - started;
  if (!job_.tls) co_return net::Session{*std::move(socket)};
  stage_ = "in the TLS handshake";
  const net::PeerName peer{job_.host, job_.host_is_address};
  started = RawClock::now();
  auto session = co_await net::Session::open(*std::move(socket), tls_.get(), peer);
  round_trip_ = RawClock::now() - started;
  co_return session;
}

/// To the server or to the proxy.
awaitable<SourceResult<net::Stream>> Probe::connect() {
  if (!proxy_.empty()) {
    net::Stream socket = std::move(proxy_.back());
    proxy_.pop_back();
    co_return socket;
  }
  auto socket = co_await net::connect(job_.addresses, job_.connect_port);
  if (!socket && job_.proxy) socket.error().code = ErrorCode::proxy;
  co_return socket;
}

/// One request and its answer. The code `connect` means that a kept-alive connection turned out to be closed.
awaitable<SourceResult<wire::HttpAnswer>> Probe::ask(RawTime& sent, RawTime& received) {
  stage_ = "waiting for the answer";
  const std::string request = wire::head_request(job_.target, job_.authority);
  const auto sending = co_await session_->send(request);
  if (!sending) co_return std::unexpected(sending.error());
  sent = *sending;

  wire::AnswerReader reader{limits_.floor};
  while (true) {
    const auto arrival = co_await session_->receive();
    if (!arrival) co_return std::unexpected(arrival.error());
    if (arrival->bytes.empty()) {
      SourceError error = reader.closed();
      if (!reader.started() && has_evidence()) error.code = ErrorCode::connect;
      co_return std::unexpected(error);
    }
    const auto answer = reader.feed(arrival->bytes);
    if (!answer) co_return std::unexpected(answer.error());
    if (*answer) {
      received = arrival->at;
      co_return **answer;
    }
  }
}

SourceResult<void> Probe::check(const wire::HttpAnswer& answer) {
  if (!timecore::plausible(answer.date, limits_)) {
    return std::unexpected(
        SourceError{ErrorCode::implausible,
                    fmt::format("the Date {} UTC is decades away from this program's", base::utc_text(answer.date))});
  }
  if (job_.self_signed || (window_ && window_->contains(answer.date))) return {};
  // Always at the claimed time, never at the local clock's: one mechanism, no modes.
  const auto verified = session_->verify_at(answer.date);
  if (!verified) return {};
  if (!*verified)
    return std::unexpected(SourceError{verified->error().code, "its certificate: " + verified->error().message});
  window_ = **verified;
  return {};
}

/// The first request comes when the parent says, which tells nothing of the local clock; later ones are aimed.
timecore::Plan Probe::plan() const {
  const RawTime now = RawClock::now();
  if (exchanges_.empty()) return timecore::plan_first(job_.first_phase, round_trip_, now);
  if (exchanges_.size() + 1 == job_.exchanges) return timecore::plan_last(exchanges_, options_, now);
  return timecore::plan_next(exchanges_, options_, now);
}

/// Waits until the planned moment or, if that was missed because the machine is busy, until the one of a new plan.
/// False if it is too late in the round for one more request.
awaitable<bool> Probe::wait_for_turn() {
  asio::steady_timer timer{context_};
  for (int attempt = 0; attempt < kMostPlans; ++attempt) {
    timecore::Plan planned = plan();
    const RawTime now = RawClock::now();
    if (planned.send > job_.sharpen_until && timecore::enough(exchanges_, options_, now)) {
      if (timecore::has_ticked(exchanges_, options_)) co_return false;
      planned = timecore::plan_last(exchanges_, options_, now);
    }
    timer.expires_after(planned.send - RawClock::now());
    const auto [error] = co_await timer.async_wait(net::kAwait);
    static_cast<void>(error);
    if (RawClock::now() <= planned.latest) break;
  }
  co_return true;
}

void Probe::drop_session() {
  earlier_traffic_ = traffic();
  session_.reset();
}

ipc::Traffic Probe::traffic() const {
  if (!session_) return earlier_traffic_;
  const ipc::Traffic current = session_->traffic();
  return {earlier_traffic_.sent + current.sent, earlier_traffic_.received + current.received};
}

void Probe::finish(const std::optional<SourceError>& error) {
  if (finished_) return;
  finished_ = true;
  const ipc::ProbeReport report = error ? ipc::ProbeReport{ipc::Failure{error->code, error->message, traffic()}}
                                        : ipc::ProbeReport{ipc::Done{traffic(), missing_.bits()}};
  ipc::send_record(parent_.native_handle(), ipc::encode(report));
  context_.stop();
}

}  // namespace

int run(int channel) {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));  // OpenSSL writes to sockets without MSG_NOSIGNAL
  ipc::ProbeJobRecord record{};
  if (ipc::await_record(channel, record) != ipc::Received::record) return 1;
  auto job = ipc::decode_probe_job(record);
  if (!job) return 1;
  return Probe{channel, *std::move(job)}.run();
}

}  // namespace sdwdate::probe
