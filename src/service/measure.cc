#include "service/measure.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/asio/this_coro.hpp>
#include <memory>
#include <random>

#include "base/random.h"
#include "ipc/child.h"
#include "service/helper_link.h"
#include "service/report_reader.h"

namespace sdwdate::service {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using base::ErrorCode;
using base::RawClock;
using base::RawTime;
using base::SourceError;
using base::SourceResult;
using ipc::IpAddress;
using ipc::Received;

/// What a probe may need beyond its own time limit to start and to end.
constexpr auto kGrace = std::chrono::seconds{2};

SourceResult<ipc::Child> start(const MeasureOptions& options, ipc::Helper helper) {
  auto child = ipc::start_child(options.launcher, helper);
  if (!child) return std::unexpected(HelperLink::crashed(child.error()));
  return *std::move(child);
}

// --- addresses --------------------------------------------------------------------------------------------------

awaitable<SourceResult<std::vector<IpAddress>>> resolve(std::string host, const MeasureOptions& options,
                                                        Interruption* interruption) {
  auto child = start(options, ipc::Helper::resolve);
  if (!child) co_return std::unexpected(child.error());
  HelperLink link{*std::move(child), co_await asio::this_coro::executor, options.timeout, interruption};
  const auto job = ipc::encode(ipc::ResolveJob{host});
  ipc::ResolveReplyRecord record{};
  if (!job || !link.send(*job)) co_return std::unexpected(link.blame(Received::ended));
  const Received received = co_await link.receive(record);
  if (received == Received::nothing) {
    const auto allowed = std::chrono::duration<double>(options.timeout).count();
    co_return std::unexpected(
        SourceError{ErrorCode::dns, fmt::format("the name {} was not resolved within {:g} s", host, allowed)});
  }
  if (received != Received::record) co_return std::unexpected(link.blame(received));
  auto reply = ipc::decode_resolve_reply(record);
  if (!reply) co_return std::unexpected(HelperLink::crashed("it wrote a record that makes no sense"));
  if (reply->addresses.empty()) {
    co_return std::unexpected(
        SourceError{ErrorCode::dns, fmt::format("the name {} has no address: {}", host, reply->message)});
  }
  co_return std::move(reply->addresses);
}

/// A proxy is named by address or as localhost, so that nothing is resolved for it.
SourceResult<std::vector<IpAddress>> proxy_addresses(const wire::Endpoint& endpoint) {
  if (endpoint.is_unix()) return std::vector<IpAddress>{};
  const wire::HostPort& server = endpoint.tcp;
  if (const auto address = ipc::parse_address(server.host)) return std::vector{*address};
  if (server.host == "localhost") return std::vector{*ipc::parse_address("127.0.0.1"), *ipc::parse_address("::1")};
  return std::unexpected(
      SourceError{ErrorCode::proxy,
                  fmt::format("the proxy must be given by address, not as {}: names are not resolved", server.host)});
}

awaitable<SourceResult<std::vector<IpAddress>>> addresses_of(const SourceSpec& spec, const MeasureOptions& options,
                                                             const wire::ProxyUrl* proxy, Interruption* interruption) {
  if (proxy != nullptr) co_return proxy_addresses(proxy->server);
  const auto given = options.overrides.find({spec.url.host, spec.url.port});
  if (given != options.overrides.end()) co_return given->second;
  if (const auto literal = ipc::parse_address(spec.url.host)) co_return std::vector{*literal};
  if (spec.url.host_is_onion) {
    co_return std::unexpected(
        SourceError{ErrorCode::dns, "onion services are reached over Tor only: use --proxy socks5h://127.0.0.1:9050"});
  }
  co_return co_await resolve(spec.url.host, options, interruption);
}

// --- the probe --------------------------------------------------------------------------------------------------

/// A text of 128 random bits.
std::string random_token() {
  base::SystemRandom random;
  return fmt::format("{:016x}{:016x}", random(), random());
}

ipc::ProbeJob job_for(const SourceSpec& spec, const MeasureOptions& options, const wire::ProxyUrl* proxy,
                      std::vector<IpAddress> addresses, std::chrono::nanoseconds timeout) {
  ipc::ProbeJob job;
  job.tls = spec.url.tls;
  job.host_is_address = spec.url.host_is_address;
  job.host = spec.url.host;
  job.port = spec.url.port;
  job.authority = spec.url.authority();
  job.target = spec.url.target;
  job.addresses = std::move(addresses);
  job.connect_port = spec.url.port;
  if (proxy != nullptr) {
    const bool isolate = proxy->user.empty();
    job.proxy = true;
    job.proxy_path = proxy->server.path;
    job.connect_port = proxy->server.tcp.port;
    job.proxy_user = isolate ? random_token() : proxy->user;
    job.proxy_password = isolate ? random_token() : proxy->password;
  }
  job.self_signed = spec.self_signed && spec.url.host_is_onion;
  job.ca_file = options.ca_file;
  job.exchanges = static_cast<std::uint8_t>(options.exchanges);
  job.timeout = timeout;
  job.floor = options.limits.floor;
  job.ceiling = options.limits.ceiling;
  const timecore::TransferOptions transfer = spec.transfer(options.transfer);
  job.lag = transfer.lag;
  job.fine_lag = transfer.fine_lag;
  job.slack = transfer.slack;
  job.drift_ppm = transfer.drift_ppm;
  return job;
}

awaitable<void> run_probe(ipc::ProbeJob job, const MeasureOptions& options, Interruption* interruption,
                          Reading& reading, const OnExchange& on_exchange) {
  const RawTime started = RawClock::now();
  auto child = start(options, ipc::Helper::probe);
  if (!child) {
    reading.error = child.error();
    co_return;
  }
  HelperLink link{*std::move(child), co_await asio::this_coro::executor, job.timeout + kGrace, interruption};
  const auto encoded = ipc::encode(job);
  if (!encoded) {
    reading.error = HelperLink::crashed("its job is too long for a record; shorten the URL or the path of the CA file");
    co_return;
  }
  if (!link.send(*encoded)) {
    reading.error = link.blame(Received::ended);
    co_return;
  }

  ReportReader reader{job.exchanges, options.limits, started};
  ipc::ProbeReportRecord record{};
  while (true) {
    const Received received = co_await link.receive(record);
    if (received != Received::record) {
      reading = reader.reading();
      if (received == Received::nothing && interruption != nullptr && interruption->interrupted()) co_return;
      reading.error = link.blame(received);
      co_return;
    }
    const ReportReader::Verdict verdict = reader.take(record, RawClock::now());
    if (verdict == ReportReader::Verdict::more) {
      on_exchange(reader.reading().exchanges);
      continue;
    }
    reading = reader.reading();
    if (verdict == ReportReader::Verdict::garbage) {
      reading.error = HelperLink::crashed("it wrote a record that makes no sense");
    }
    co_return;
  }
}

}  // namespace

std::chrono::nanoseconds any_phase() {
  std::uniform_int_distribution<std::int64_t> phase{0, std::nano::den - 1};
  base::SystemRandom random;
  return std::chrono::nanoseconds{phase(random)};
}

awaitable<Reading> measure(const SourceSpec& spec, const MeasureOptions& options, Turn turn, OnExchange on_exchange) {
  Reading reading;
  const RawTime started = RawClock::now();
  const wire::ProxyUrl* const proxy =
      options.proxies.empty() ? nullptr : &options.proxies[turn.number % options.proxies.size()];
  auto addresses = co_await addresses_of(spec, options, proxy, turn.interruption);
  if (turn.interruption != nullptr && turn.interruption->interrupted()) co_return reading;
  if (!addresses) {
    reading.error = addresses.error();
    co_return reading;
  }
  const auto left = options.timeout - (RawClock::now() - started);
  auto job = job_for(spec, options, proxy, *std::move(addresses), left);
  job.first_phase = turn.first_phase;
  job.sharpen_until = options.sharpen ? turn.round_started + *options.sharpen : RawTime::max();
  co_await run_probe(std::move(job), options, turn.interruption, reading, on_exchange);
  co_return reading;
}

}  // namespace sdwdate::service
