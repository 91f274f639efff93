#include "ui/commands.h"

#include <array>

#include "ui/options.h"
#include "ui/subcommand.h"

namespace sdwdate::ui {

int run_sdwdate(int argc, char** argv) {
  CLI::App app{"Authenticated time from the web, for chrony.", "sdwdate"};
  app.footer("Exit status: 0 done, 1 no agreement, 2 usage or configuration, 3 chrony not fed, 4 refused as insane.");
  const std::array subcommands{add_chrony(app), add_doctor(app), add_floor(app),  add_import(app), add_query(app),
                               add_rough(app),  add_status(app), add_survey(app), add_sync(app)};
  if (const auto code = parse(app, argc, argv)) return *code;
  for (const Subcommand& subcommand : subcommands) {
    if (subcommand.parser->parsed()) return subcommand.run();
  }
  return complain(
      {"what shall be done? 'sdwdate query URL...' measures servers, 'sdwdate sync' does a configured round, "
       "'sdwdate doctor' looks for what is wrong; --help says more"});
}

}  // namespace sdwdate::ui
