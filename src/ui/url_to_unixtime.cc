#include "ui/url_to_unixtime.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <iostream>

#include "base/build_info.h"
#include "base/text.h"
#include "service/measure.h"
#include "service/run_to_end.h"
#include "service/sync.h"
#include "ui/commands.h"
#include "ui/options.h"

namespace sdwdate::ui {
namespace {

using base::ErrorCode;
using Status = UnixtimeStatus;

/// What the Python one took for the shortest and the longest Date header. The longest that our message quotes is
/// shorter, and stands for it.
constexpr std::size_t kShortestDate = 29;
constexpr std::size_t kLongestQuoted = 64;
/// So many years after this build, cut off at 2200, is the latest time that is measured.
constexpr int kManyYears = 1000;

struct Arguments {
  std::string ip;
  std::string port;
  std::string url;
  std::string verbosity;
};

UnixtimeOutcome failed(Status status, std::string complaint) { return {status, {}, std::move(complaint)}; }

/// Length of what a message about a Date quotes.
std::size_t quoted_length(std::string_view message) {
  const std::size_t first = message.find('\'');
  const std::size_t last = message.rfind('\'');
  return first == last ? 0 : last - first - 1;
}

Status status_of(const base::SourceError& error) {
  switch (error.code) {
    case ErrorCode::date_missing: return Status::no_date;
    case ErrorCode::implausible:
      return error.message.contains("before 1970") ? Status::not_after_1970 : Status::too_far;
    case ErrorCode::date_malformed: {
      // The probe says what it met in a sentence only; it quotes the header, and that is all there is to go by.
      const std::size_t length = quoted_length(error.message);
      const bool fits = length >= kShortestDate && length < kLongestQuoted;
      return fits || !error.message.contains('\'') ? Status::no_time : Status::date_length;
    }
    default: return Status::connect;
  }
}

UnixtimeOutcome no_answer(std::string_view why) {
  return failed(Status::connect, fmt::format("connect error: {}", why));
}

std::expected<wire::ProxyUrl, UnixtimeOutcome> proxy_of(const Arguments& arguments) {
  std::uint16_t port = 0;
  const char* const end_of_port = arguments.port.data() + arguments.port.size();
  const auto [parsed, error] = std::from_chars(arguments.port.data(), end_of_port, port);
  if (error != std::errc{} || parsed != end_of_port || port == 0) {
    return std::unexpected(failed(Status::arguments, fmt::format("'{}' is not a port: a number from 1 to 65535",
                                                                 base::printable(arguments.port, kLongestQuoted))));
  }
  const bool bare_v6 = arguments.ip.contains(':') && !arguments.ip.starts_with('[');
  const std::string host = bare_v6 ? fmt::format("[{}]", arguments.ip) : arguments.ip;
  auto server = wire::parse_host_port(fmt::format("{}:{}", host, port));
  if (!server) return std::unexpected(no_answer(server.error()));
  return wire::ProxyUrl{{{}, *std::move(server)}, "", ""};
}

UnixtimeOutcome ask(const Arguments& arguments) {
  auto proxy = proxy_of(arguments);
  if (!proxy) return proxy.error();
  const auto url = wire::parse_url(arguments.url);
  if (!url) return no_answer(url.error());

  config::Config config;
  config.proxies = {*std::move(proxy)};
  config.exchanges_per_source = 1;
  const timecore::TimeLimits limits = timecore::limits_from(base::build_floor(), kManyYears);
  const service::MeasureOptions options =
      service::measure_options(config, limits, {}, std::make_shared<ipc::ParentLauncher>(ipc::find_helpers()));
  const service::SourceSpec source{*url, {}, {}};
  return unixtime_of(service::run_to_end(
      service::measure(source, options, {service::any_phase(), base::RawClock::now()}, [](const auto&) {})));
}

}  // namespace

UnixtimeOutcome unixtime_of(const service::Reading& reading) {
  if (reading.exchanges.empty()) {
    const auto error = reading.error.value_or(base::SourceError{ErrorCode::timeout, "there was no answer"});
    const Status status = status_of(error);
    return status == Status::connect ? no_answer(error.message) : failed(status, error.message);
  }
  const timecore::Exchange& exchange = reading.exchanges.front();
  if (exchange.age > std::chrono::seconds{0})
    return failed(Status::no_time, "the answer comes from a cache: its Date is old");
  if (exchange.date <= std::chrono::sys_seconds{}) {
    return failed(Status::not_after_1970, "the Date is not after 1970-01-01 00:00:00 UTC");
  }
  return {Status::done, exchange.date, {}};
}

int run_url_to_unixtime(int argc, char** argv) {
  CLI::App app{"Prints the time that one web server claims, as UNIX time, asked over a SOCKS5 proxy.",
               "url_to_unixtime"};
  Arguments arguments;
  app.add_option("PROXY_IP", arguments.ip, "Address of the SOCKS5 proxy")->required();
  app.add_option("PROXY_PORT", arguments.port, "Its port")->required();
  app.add_option("URL", arguments.url, "https://host/, or http:// for an onion service")->required();
  app.add_option("VERBOSITY", arguments.verbosity, "true: say on standard error what was received")->required();
  app.allow_extras();  // the Python one's own examples have one argument more
  app.footer(
      "Exit status: 0 done, 1 no Date, 2 its length, 3 not after 1970, 4 too far off, 5 no answer, 6 no time in it, "
      "7 arguments.");
  if (const auto code = parse(app, argc, argv)) {
    return *code == static_cast<int>(base::ExitCode::done) ? *code : static_cast<int>(Status::arguments);
  }
  const UnixtimeOutcome outcome = ask(arguments);
  if (outcome.status != Status::done) {
    std::cerr << outcome.complaint << '\n' << std::flush;
    return static_cast<int>(outcome.status);
  }
  const auto seconds = outcome.time.time_since_epoch().count();
  if (arguments.verbosity == "true") {
    std::cerr << fmt::format("http_time: {:%a, %d %b %Y %H:%M:%S} GMT\nparsed_unixtime: {}\n", fmt::gmtime(seconds),
                             seconds)
              << std::flush;
  }
  std::cout << seconds << '\n' << std::flush;
  return static_cast<int>(Status::done);
}

}  // namespace sdwdate::ui
