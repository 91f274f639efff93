// run_measured FILE COMMAND...: runs a command and writes what it cost, with all the processes it waited for, to FILE:
// seconds of CPU, and the largest resident size of any of them in KiB. A small parent: a child's peak begins with that
// of the process that forked it.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX wants it declared by whoever uses it

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    static_cast<void>(std::fputs("run_measured FILE COMMAND...\n", stderr));
    return 2;
  }
  pid_t child = 0;
  if (posix_spawnp(&child, argv[2], nullptr, nullptr, argv + 2, environ) != 0) return 127;
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child) return 126;
  std::ofstream{argv[1]} << seconds(usage.ru_utime) + seconds(usage.ru_stime) << ' ' << usage.ru_maxrss << '\n';
  return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
