#include "ui/options.h"

#include <fmt/format.h>

#include <ranges>

#include "base/build_info.h"
#include "base/text.h"

namespace sdwdate::ui {
namespace {

using base::UserError;

constexpr double kLongestTimeout = 3600;

/// "HOST:PORT:ADDRESS[,ADDRESS]...", an IPv6 address with or without brackets.
std::expected<void, UserError> add_override(std::string_view text, service::ResolveOverrides& overrides) {
  const auto wrong = [&] {
    return std::unexpected(
        UserError{fmt::format("--resolve {}: write it as HOST:PORT:ADDRESS, such as "
                              "www.example.org:443:192.0.2.1",
                              base::printable(text, 200))});
  };
  const std::size_t host_end = text.find(':');
  const std::size_t port_end = host_end == std::string_view::npos ? host_end : text.find(':', host_end + 1);
  if (port_end == std::string_view::npos) return wrong();
  const auto place = wire::parse_host_port(text.substr(0, port_end));
  if (!place) return wrong();

  std::vector<ipc::IpAddress>& addresses = overrides[*place];
  for (const auto part : std::views::split(text.substr(port_end + 1), ',')) {
    std::string_view address{part};
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    const auto parsed = ipc::parse_address(address);
    if (!parsed || addresses.size() == ipc::kMaxAddresses) return wrong();
    addresses.push_back(*parsed);
  }
  return {};
}

}  // namespace

void add_net_options(CLI::App& command, NetOptions& options) {
  auto* proxy = command.add_option("--proxy", options.proxy, "Ask over this SOCKS5 proxy, which resolves the names")
                    ->type_name("socks5h://[USER:PASSWORD@]HOST:PORT|unix:/PATH");
  command.add_flag("--direct", options.direct, "Ask without a proxy")->excludes(proxy);
  command.add_option("--ca-file", options.ca_file, "Trust these certificates instead of the system's")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  command.add_option("--requests", options.requests, "Most requests to each source")
      ->type_name("N")
      ->check(CLI::Range(1, config::kMostExchanges));
  command.add_option("--timeout", options.timeout, "Longest time for each source")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, kLongestTimeout));
  command.add_option("--resolve", options.resolve, "Use this address for a name; may be given several times")
      ->type_name("HOST:PORT:ADDRESS")
      ->allow_extra_args(false);
}

void add_output_options(CLI::App& command, OutputOptions& options) {
  command.add_flag("--json", options.json, "Print the result as JSON, for programs");
  command.add_flag("-v,--verbose", options.verbose, "Say more");
}

std::expected<service::ResolveOverrides, UserError> apply(const NetOptions& options, config::Config& config) {
  if (options.direct) config.proxies.clear();
  if (!options.proxy.empty()) {
    auto proxy = wire::parse_proxy_url(options.proxy);
    if (!proxy) return std::unexpected(UserError{fmt::format("--proxy: {}", proxy.error())});
    config.proxies = {*std::move(proxy)};
  }
  if (!options.ca_file.empty()) config.ca_file = options.ca_file;
  if (options.requests) {
    config.exchanges_per_source = *options.requests;
    config.sharpen.reset();  // who says how many wants them all
  }
  if (options.timeout) {
    config.timeout =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(*options.timeout));
  }
  service::ResolveOverrides overrides;
  for (const std::string& text : options.resolve) {
    if (auto added = add_override(text, overrides); !added) return std::unexpected(added.error());
  }
  return overrides;
}

std::optional<int> parse(CLI::App& app, int argc, char** argv) {
  const std::string version = fmt::format("{} {}", app.get_name(), base::version());
  app.set_version_flag("--version", version);
  for (CLI::App* command : app.get_subcommands({})) command->set_version_flag("--version", version);
  app.get_formatter()->column_width(36);
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    const bool asked_for = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    app.exit(error);
    return static_cast<int>(asked_for ? base::ExitCode::done : base::ExitCode::usage);
  }
}

}  // namespace sdwdate::ui
