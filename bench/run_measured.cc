// run_measured FILE COMMAND...: runs a command and writes to FILE what it cost, with all the processes it waited for:
// seconds of CPU, the largest resident size of any of them, and the sum of the largest of each, in KiB. A small parent:
// a child's peak begins with that of the process that forked it.
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX wants it declared by whoever uses it

namespace {

/// Seldom enough to cost nothing; what a process takes in its last moments goes unseen.
constexpr int kLookEveryMilliseconds = 100;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// The peak of a process and of all below it, as far as they live.
void look(pid_t pid, std::map<pid_t, long>& peaks) {
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream status{folder + "/status"};
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    long peak = 0;
    if (status >> peak) peaks[pid] = std::max(peaks[pid], peak);
    break;
  }
  std::ifstream children{folder + "/task/" + std::to_string(pid) + "/children"};
  for (pid_t child = 0; children >> child;) look(child, peaks);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    static_cast<void>(std::fputs("run_measured FILE COMMAND...\n", stderr));
    return 2;
  }
  pid_t child = 0;
  if (posix_spawnp(&child, argv[2], nullptr, nullptr, argv + 2, environ) != 0) return 127;
  pollfd ended{static_cast<int>(syscall(SYS_pidfd_open, child, 0)), POLLIN, 0};
  std::map<pid_t, long> peaks;
  while (ended.fd >= 0 && poll(&ended, 1, kLookEveryMilliseconds) == 0) look(child, peaks);
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child) return 126;
  long sum = 0;
  for (const auto& [pid, peak] : peaks) sum += peak;
  std::ofstream{argv[1]} << seconds(usage.ru_utime) + seconds(usage.ru_stime) << ' ' << usage.ru_maxrss << ' '
                         << std::max(sum, usage.ru_maxrss) << '\n';
  return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
