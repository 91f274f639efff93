#include "ui/commands.h"

#include <array>
#include <iostream>

#include "ui/configured.h"
#include "ui/daemon.h"
#include "ui/feed_tool.h"
#include "ui/subcommand.h"

namespace sdwdate::ui {
int complain(const base::UserError& error) {
  std::cerr << error.message << '\n';
  return status(base::ExitCode::usage);
}

int run_sdwdate(int argc, char** argv) {
  CLI::App app{"Authenticated time from the web, for chrony.", "sdwdate"};
  app.footer("Exit status: 0 done, 1 no agreement, 2 usage or configuration, 3 chrony not fed, 4 refused as insane.");
  const std::array subcommands{add_chrony(app), add_doctor(app), add_import(app), add_query(app), add_sync(app)};
  if (const auto code = parse(app, argc, argv)) return *code;
  for (const Subcommand& subcommand : subcommands) {
    if (subcommand.parser->parsed()) return subcommand.run();
  }
  return complain(
      {"what shall be done? 'sdwdate query URL...' measures servers, 'sdwdate sync' does a configured round, "
       "'sdwdate doctor' looks for what is wrong; --help says more"});
}

int run_sdwdated(int argc, char** argv) {
  CLI::App app{"Learns the time from web servers and hands it to chrony, round after round.", "sdwdated"};
  ConfiguredOptions options;
  options.add_to(app);
  bool once = false;
  app.add_flag("--once", once, "Do one round and exit");
  if (const auto code = parse(app, argc, argv)) return *code;
  return once ? sync_once(options) : run_for_ever(options);
}

int run_unixtime_to_chrony_socket(int argc, char** argv) {
  CLI::App app{"Tells chronyd, through its refclock SOCK driver, what time it is now.", "unixtime-to-chrony-socket"};
  std::string socket = default_socket();
  std::string time;
  app.add_option("--socket", socket, "chronyd's socket")->type_name("PATH")->capture_default_str();
  app.add_option("UNIXTIME", time, "Seconds since 1970, up to 9 decimals; - reads one from each line of standard input")
      ->required();
  app.footer("Exit status: 0 sent, 2 not a time, 3 chrony could not be fed, 4 a time chrony would refuse.");
  OutputOptions output;
  add_output_options(app, output);
  if (const auto code = parse(app, argc, argv)) return *code;
  FeedTool tool{socket, output, std::cout, std::cerr};
  return status(time == "-" ? tool.feed_lines(std::cin) : tool.feed(time));
}

}  // namespace sdwdate::ui
