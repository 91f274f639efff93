// A clock that advances in ticks, for programs that are started with this library in LD_PRELOAD.
//
//   COARSE_CLOCK="TICK LATE OFFSET"    in nanoseconds
//
// The time of day is that of the last tick, as Linux's time() and CLOCK_REALTIME_COARSE have it: 1 s holds a whole
// number of ticks, so that the first one of each second is always as late, by LATE (below TICK). OFFSET is added to the
// clock. All other clocks stay as they are.
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::int64_t kBillion = 1'000'000'000;

/// Before it is set, and where it never is, the clock stays as it is.
struct Ticks {
  std::int64_t apart = 1;
  std::int64_t late = 0;
  std::int64_t offset = 0;
};

Ticks ticks;

// Read once: nginx clears its environment.
[[gnu::constructor]] void read_environment() {
  const char* text = std::getenv("COARSE_CLOCK");
  Ticks read;
  if (text == nullptr) return;
  char* end = nullptr;
  read.apart = std::strtoll(text, &end, 10);
  read.late = std::strtoll(end, &end, 10);
  read.offset = std::strtoll(end, &end, 10);
  if (read.apart < 1 || read.late < 0 || read.late >= read.apart || *end != '\0') {
    static_cast<void>(std::fputs("coarse_clock: COARSE_CLOCK is \"TICK LATE OFFSET\", in nanoseconds\n", stderr));
    std::abort();
  }
  ticks = read;
}

int of_kernel(clockid_t clock, timespec* time) { return static_cast<int>(::syscall(SYS_clock_gettime, clock, time)); }

timespec last_tick() {
  timespec now{};
  of_kernel(CLOCK_REALTIME, &now);
  std::int64_t shown = now.tv_sec * kBillion + now.tv_nsec + ticks.offset;
  shown -= (shown - ticks.late) % ticks.apart;
  return {shown / kBillion, shown % kBillion};
}

}  // namespace

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's have reserved names
extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return of_kernel(clock, time);
  *time = last_tick();
  return 0;
}

int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  const timespec now = last_tick();
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* into) noexcept {
  const time_t now = last_tick().tv_sec;
  if (into != nullptr) *into = now;
  return now;
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
