// What a person or a service manager starts. Each returns the process' exit status.
#pragma once

namespace sdwdate::ui {

int run_sdwdate(int argc, char** argv);
int run_sdwdated(int argc, char** argv);
int run_unixtime_to_chrony_socket(int argc, char** argv);
int run_url_to_unixtime(int argc, char** argv);

}  // namespace sdwdate::ui
