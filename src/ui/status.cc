// `sdwdate status`: what the daemon last did, and what chronyd makes of it.
#include <fmt/format.h>
#include <signal.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/text.h"
#include "doctor/gather.h"
#include "refclock/chrony_report.h"
#include "service/ask_chrony.h"
#include "service/words.h"
#include "ui/subcommand.h"

namespace sdwdate::ui {
namespace {

constexpr std::size_t kLongestReport = std::size_t{1} << 20U;
constexpr auto kPatience = std::chrono::seconds{5};

struct StatusOptions {
  std::string file;
  bool json = false;
};

/// Lines for people, and whether all is well.
struct Account {
  std::string text;
  bool well = false;
};

Account of_daemon(const std::expected<std::string, std::string>& report) {
  if (!report) return {fmt::format("sdwdated  {}\n", report.error()), false};
  const auto daemon = doctor::parse_daemon_report(*report);
  if (!daemon) return {fmt::format("sdwdated  {}\n", daemon.error()), false};
  if (::kill(daemon->pid, 0) != 0 && errno == ESRCH) {
    return {fmt::format("sdwdated  does not run any more (it was process {}): systemctl start sdwdated\n", daemon->pid),
            false};
  }
  std::string text = fmt::format("sdwdated  {}\n", daemon->message);
  if (daemon->last_success) text += fmt::format("          last agreed {}\n", service::utc(*daemon->last_success));
  if (daemon->next_round) text += fmt::format("          next round {}\n", service::utc(*daemon->next_round));
  return {text, daemon->last_success.has_value() && daemon->failures_in_a_row == 0};
}

Account of_chronyd(const std::expected<std::string, std::string>& answer) {
  if (!answer) return {fmt::format("chronyd   {}\n", answer.error()), false};
  const auto report = refclock::parse_chrony_report(*answer);
  if (!report) return {fmt::format("chronyd   {}\n", report.error()), false};
  const refclock::Tracking& tracking = report->tracking;
  if (refclock::find_refclock(*report, refclock::kOurRefid) == nullptr) {
    return {
        fmt::format("chronyd   has no refclock named {}: 'sdwdate chrony enable' gives it one\n", refclock::kOurRefid),
        false};
  }
  if (tracking.leap == refclock::Leap::not_synchronised) {
    return {"chronyd   is not synchronised yet: it wants three samples\n", false};
  }
  // Between rounds the source is out of reach for chronyd, which goes on with what it has learnt from it.
  const auto left = std::chrono::abs(tracking.system_offset.value);
  return {fmt::format("chronyd   keeps the clock by it: {} left to correct, {:.3f} ppm {}, last sample {}\n",
                      base::in_words(left), std::abs(tracking.frequency_ppm),
                      tracking.frequency_ppm < 0 ? "slow by nature" : "fast by nature",
                      service::utc(std::chrono::floor<std::chrono::seconds>(tracking.reference_time))),
          true};
}

std::expected<std::string, std::string> read_report(const std::filesystem::path& file) {
  auto text = base::read_file(file, kLongestReport);
  if (text) return *std::move(text);
  if (text.error() == ENOENT) {
    return std::unexpected(fmt::format("has not run since boot: there is no {}", file.string()));
  }
  return std::unexpected(
      fmt::format("its report {} cannot be read: {}", file.string(), base::errno_text(text.error())));
}

int show_status(const StatusOptions& options) {
  const auto config = options.file.empty() ? config::load(config::system_files()) : config::load({options.file});
  if (!config) return complain(config.error());
  const auto report = read_report(config->runtime_directory / "report.json");
  const auto answer = service::ask_chrony_and_wait(config->chrony_report, kPatience);
  const Account daemon = of_daemon(report);
  const Account chronyd = of_chronyd(answer);
  const bool well = daemon.well && chronyd.well;
  if (options.json) {
    auto parsed = nlohmann::ordered_json::parse(report.value_or("null"), nullptr, false);
    if (parsed.is_discarded()) parsed = nullptr;
    const nlohmann::ordered_json json{
        {"schema", 1},
        {"well", well},
        {"daemon", parsed},
        {"chrony", {{"well", chronyd.well}, {"message", chronyd.text.substr(10, chronyd.text.size() - 11)}}}};
    std::cout << json.dump() << '\n';
  } else {
    std::cout << daemon.text << chronyd.text;
  }
  return status(well ? base::ExitCode::done : base::ExitCode::no_agreement);
}

}  // namespace

Subcommand add_status(CLI::App& parent) {
  CLI::App* parser = parent.add_subcommand("status", "Say what sdwdated last did, and what chronyd makes of it");
  auto options = std::make_shared<StatusOptions>();
  parser->add_option("--config", options->file, "Read only this file instead of the system's configuration")
      ->type_name("FILE");
  parser->add_flag("--json", options->json, "Print it as JSON, for programs");
  parser->footer("Exit status: 0 the last round agreed and chronyd keeps the clock by it, 1 otherwise.");
  return {parser, [options] { return show_status(*options); }};
}

}  // namespace sdwdate::ui
