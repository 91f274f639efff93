// `sdwdate doctor`: is everything as it should be, and is chronyd really offline?
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "config/config.h"
#include "doctor/gather.h"
#include "ui/findings.h"
#include "ui/subcommand.h"

namespace sdwdate::ui {
namespace {

struct DoctorOptions {
  std::string file;
  bool json = false;
};

int examine_machine(const DoctorOptions& options) {
  auto config = options.file.empty() ? config::load(config::system_files()) : config::load({options.file});
  if (config) config = config::with_default_pools(*std::move(config), config::kPoolsFolder);
  const auto findings = doctor::examine(doctor::gather(config));
  if (options.json) {
    std::cout << to_json(findings) << '\n';
  } else {
    print_findings(std::cout, findings, ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr);
    const bool unchecked = std::ranges::count(findings, doctor::Verdict::not_checked, &doctor::Finding::verdict) > 0;
    if (unchecked && ::geteuid() != 0) std::cout << "Root sees more: sudo sdwdate doctor\n";
  }
  return status(doctor::has_problem(findings) ? base::ExitCode::no_agreement : base::ExitCode::done);
}

}  // namespace

Subcommand add_doctor(CLI::App& parent) {
  CLI::App* parser = parent.add_subcommand("doctor", "Check that all is well, and that chronyd is really offline");
  auto options = std::make_shared<DoctorOptions>();
  parser->add_option("--config", options->file, "Read only this file instead of the system's configuration")
      ->type_name("FILE");
  parser->add_flag("--json", options->json, "Print the findings as JSON, for programs");
  parser->footer("Exit status: 0 no problem, 1 something is wrong. What could not be checked is no problem.");
  return {parser, [options] { return examine_machine(*options); }};
}

}  // namespace sdwdate::ui
