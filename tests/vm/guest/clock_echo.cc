// clock_echo PORT: for each byte that arrives, one line with CLOCK_REALTIME, CLOCK_MONOTONIC and CLOCK_BOOTTIME in
// nanoseconds. The host notes when it asked and when the answer came: in between, the guest's clock said this.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

long long nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace

int main(int argc, char** argv) {
  const int port = argc == 2 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
  if (port < 0) {
    std::perror("clock_echo PORT");
    return EXIT_FAILURE;
  }
  for (;;) {
    char question = 0;
    const auto count = read(port, &question, 1);
    const auto real = nanoseconds(CLOCK_REALTIME);
    const auto monotonic = nanoseconds(CLOCK_MONOTONIC);
    const auto boottime = nanoseconds(CLOCK_BOOTTIME);
    if (count == 1) {
      dprintf(port, "%lld %lld %lld\n", real, monotonic, boottime);
      continue;
    }
    // Nobody is at the other end yet, or a suspend has interrupted the wait.
    pollfd patience{.fd = port, .events = 0, .revents = 0};
    poll(&patience, 1, 100);
  }
}
