// `sdwdate chrony enable|disable|status`: whether chrony.service runs chronyd for us alone.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "config/config.h"
#include "doctor/gather.h"
#include "machine/chrony_setup.h"
#include "machine/systemd.h"
#include "ui/findings.h"
#include "ui/subcommand.h"

namespace sdwdate::ui {
namespace {

using base::ExitCode;
using machine::ChronySetup;
using machine::Setup;
using machine::SetupMode;

constexpr const char* kUnit = "chrony.service";

struct ChronyOptions {
  machine::Serving serving;
  bool no_restart = false;
  std::string root;
  std::string systemctl;
  std::string file;
  bool json = false;
};

int failed(const std::string& message) {
  std::cerr << message << '\n';
  return status(ExitCode::no_agreement);
}

/// Another root is changed by whoever may write there; this machine by root.
std::optional<std::string> may_not_change(const ChronyOptions& options) {
  if (!options.root.empty() || ::geteuid() == 0) return std::nullopt;
  return "only root may change what chrony.service starts: run this with sudo";
}

std::string describe(const Setup& setup) {
  switch (setup.mode) {
    case SetupMode::offline: return "offline: chronyd has no network, and is fed by sdwdated alone";
    case SetupMode::serving:
      return fmt::format("serving {}{}: chronyd is fed by sdwdated alone", fmt::join(setup.serving.networks, ", "),
                         setup.serving.certificate.empty() ? "" : " (also over NTS)");
    case SetupMode::foreign: return fmt::format("{} is there, but not from this command", machine::kDropIn);
    case SetupMode::none: break;
  }
  return "not enabled: chronyd runs with the configuration of its own package";
}

/// Has systemd and chronyd learn of changed files, as far as they run and that is wanted.
int take_effect(const ChronyOptions& options) {
  const bool systemd = !options.systemctl.empty() || (options.root.empty() && machine::systemd_runs());
  if (!systemd) {
    std::cout << "systemd does not run here: this takes effect when it starts chrony.service.\n";
    return status(ExitCode::done);
  }
  const auto systemctl = options.systemctl.empty() ? machine::Systemd{} : machine::Systemd{options.systemctl};
  if (const auto reloaded = systemctl.reload(); !reloaded) return failed(reloaded.error());
  if (options.no_restart) {
    std::cout << "chronyd was not restarted: this takes effect with 'systemctl restart chrony'.\n";
    return status(ExitCode::done);
  }
  const auto units = systemctl.units({kUnit});
  if (!units) return failed(units.error());
  const bool wanted =
      std::ranges::any_of(*units, [](const machine::Unit& unit) { return unit.is_active() || unit.is_enabled(); });
  if (!wanted) {
    std::cout << "chrony.service is neither running nor enabled, and stays so.\n";
    return status(ExitCode::done);
  }
  if (const auto restarted = systemctl.restart(kUnit); !restarted) {
    return failed(fmt::format("{}\nsee 'journalctl -u chrony'; 'sdwdate chrony disable' brings back what was before",
                              restarted.error()));
  }
  std::cout << "chrony.service was restarted.\n";
  return status(ExitCode::done);
}

int enable(const ChronyOptions& options) {
  if (auto refusal = may_not_change(options)) return complain({*std::move(refusal)});
  const ChronySetup setup{options.root.empty() ? "/" : options.root};
  if (auto obstacle = setup.obstacle()) return complain({*std::move(obstacle)});
  machine::Serving serving = options.serving;
  for (std::string& network : serving.networks) {
    auto parsed = machine::parse_network(network);
    if (!parsed) return complain({fmt::format("--serve: {}", parsed.error())});
    network = *std::move(parsed);
  }
  if (!serving.certificate.empty()) {
    if (auto fault = setup.certificate_fault(serving)) return complain({*std::move(fault)});
  }
  const auto placed = serving.networks.empty() ? setup.enable_offline() : setup.enable_serving(serving);
  if (!placed) return failed(placed.error());
  std::cout << describe(setup.read()) << ".\n";
  return take_effect(options);
}

int disable(const ChronyOptions& options) {
  if (auto refusal = may_not_change(options)) return complain({*std::move(refusal)});
  const ChronySetup setup{options.root.empty() ? "/" : options.root};
  const SetupMode before = setup.read().mode;
  if (const auto removed = setup.disable(); !removed) return failed(removed.error());
  std::cout << describe(setup.read()) << ".\n";
  if (before == SetupMode::none || before == SetupMode::foreign) return status(ExitCode::done);
  return take_effect(options);
}

int show_status(const ChronyOptions& options) {
  const auto config = options.file.empty() ? config::load(config::system_files()) : config::load({options.file});
  if (!config) return complain(config.error());
  const doctor::ChronyFacts facts = doctor::gather_chrony(*config);
  const auto findings = doctor::examine(facts);
  if (options.json) {
    std::cout << to_json(findings) << '\n';
  } else {
    std::cout << describe(facts.setup) << '\n';
    print_findings(std::cout, findings, ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr);
  }
  return status(doctor::has_problem(findings) ? ExitCode::no_agreement : ExitCode::done);
}

void add_change_options(CLI::App& command, ChronyOptions& options) {
  command.add_flag("--no-restart", options.no_restart, "Leave a running chronyd as it is");
  command.add_option("--root", options.root, "Change the files below this folder, for an image or a test")
      ->type_name("DIR");
  command.add_option("--systemctl", options.systemctl, "Ask systemd with this command")->type_name("FILE");
}

}  // namespace

Subcommand add_chrony(CLI::App& parent) {
  CLI::App* parser = parent.add_subcommand("chrony", "Have chrony.service run chronyd offline, fed by sdwdated alone");
  parser->require_subcommand(1);
  parser->footer("Exit status: 0 done, 1 something is wrong or went wrong, 2 cannot be done as things are.");
  auto options = std::make_shared<ChronyOptions>();

  CLI::App* on = parser->add_subcommand("enable", "Run chronyd with our configuration, without a network");
  on->add_option("--serve", options->serving.networks, "Let chronyd serve the time to this network; may be repeated")
      ->type_name("NETWORK")
      ->allow_extra_args(false);
  auto* certificate = on->add_option("--nts-certificate", options->serving.certificate,
                                     "Serve with NTS, with this certificate below /etc/chrony")
                          ->type_name("FILE")
                          ->needs("--serve");
  auto* key =
      on->add_option("--nts-key", options->serving.key, "The certificate's key")->type_name("FILE")->needs(certificate);
  certificate->needs(key);
  add_change_options(*on, *options);

  CLI::App* off = parser->add_subcommand("disable", "Undo that: run chronyd as its own package has it");
  add_change_options(*off, *options);

  CLI::App* shown = parser->add_subcommand("status", "Show how chronyd runs, whether it is offline and follows us");
  shown->add_option("--config", options->file, "Read only this file instead of the system's configuration")
      ->type_name("FILE");
  shown->add_flag("--json", options->json, "Print the findings as JSON, for programs");

  return {parser, [=] {
            if (on->parsed()) return enable(*options);
            return off->parsed() ? disable(*options) : show_status(*options);
          }};
}

}  // namespace sdwdate::ui
