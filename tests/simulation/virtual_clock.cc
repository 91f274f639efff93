// A machine with a clock of its own, for the one process that preloads this library: chronyd.
//
// True time stands still while chronyd computes and passes while it waits in select(). The machine's oscillator runs
// at a wrong and wandering frequency; the kernel's adjustments (adjtimex) are obeyed as Linux obeys them. A scenario
// says what happens when: rounds, whose datagrams reach chronyd through its real SOCK socket, suspends, pauses, steps
// by someone else, commands given by a real chronyc, restarts of chronyd. Where the clock's error went is written to a
// file. README.md describes the scenario's words.
//
// No call that sets a clock is passed on, and the library ends a process that could set the real one.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iomanip>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include "refclock/sock_sample.h"
#include "timecore/discipline.h"
#include "timecore/steadiness.h"

namespace {

/// Seconds. With 64 bits of mantissa, decades keep a tenth of a nanosecond.
using Seconds = long double;

constexpr Seconds kNever = 1e18L;
/// What reading the clock costs; chronyd measures it as the clock's precision.
constexpr Seconds kReading = 2e-7L;
/// How late a process runs whose wait is over.
constexpr Seconds kWakeUp = 6e-5L;
/// How long the oscillator keeps one frequency.
constexpr Seconds kSteady = 16;
constexpr double kDay = 86400;

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "virtual clock: %s\n", why.c_str());
  std::abort();
}

/// splitmix64: the same numbers on every machine.
struct Random {
  std::uint64_t state;

  std::uint64_t operator()() {
    std::uint64_t mixed = state += 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }

  double normal() {
    const double radius = std::sqrt(-2 * std::log((static_cast<double>((*this)() >> 11U) + 1) * 0x1p-53));
    return radius * std::cos(2 * std::numbers::pi * static_cast<double>((*this)() >> 11U) * 0x1p-53);
  }
};

/// What a machine remembers. Lives in a file, so that it outlasts the chronyd that uses it.
struct State {
  bool begun;

  // Clocks, all in seconds since the scenario began.
  Seconds true_time;
  Seconds error;       ///< system clock - true time
  Seconds monotonic;   ///< CLOCK_MONOTONIC: adjusted in frequency, never stepped, stopped by a suspend
  Seconds oscillator;  ///< CLOCK_MONOTONIC_RAW

  // The oscillator's frequency error, as a fraction, until it changes.
  double rate;
  double walked;
  Seconds rate_changes;
  Random crystal_random;

  // What adjtimex() set; units as there.
  long tick;
  long frequency;
  int status;
  int tai;
  long time_constant;
  long maximum_error;
  long estimated_error;

  // The latest round: the reference was this when the oscillator showed that.
  Seconds round_reference;
  Seconds round_oscillator;
  Seconds round_monotonic;

  std::size_t events_done;
  Seconds trace_step;
  Seconds next_trace;
  Random process_random;
};

/// One line of the scenario.
struct Event {
  Seconds when;
  std::string verb;
  std::vector<std::string> words;
};

/// One line of the trace, which simulator.py reads.
struct TraceLine {
  double true_time;
  double error;
  double frequency_error;  ///< of the system clock, adjustments included
};

Seconds number(const std::string& word) {
  char* end = nullptr;
  const Seconds value = std::strtold(word.c_str(), &end);
  if (word.empty() || *end != '\0') die("not a number: " + word);
  return value;
}

/// The settings and events of a scenario.
class Scenario {
 public:
  explicit Scenario(const std::string& path) {
    std::ifstream file{path};
    if (!file) die("cannot read " + path);
    for (std::string line; std::getline(file, line);) read(line);
  }

  [[nodiscard]] const std::vector<Event>& events() const { return events_; }

  [[nodiscard]] std::string text(const std::string& name) const {
    for (const auto& [known, value] : settings_) {
      if (known == name) return value;
    }
    die("the scenario does not set " + name);
  }

  [[nodiscard]] Seconds operator[](const std::string& name) const { return number(text(name)); }

 private:
  void read(const std::string& line) {
    std::istringstream stream{line};
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (words.size() < 2) die("not understood: " + line);
    if (words[0] == "set") {
      settings_.emplace_back(words[1], words.size() > 2 ? words[2] : "");
      return;
    }
    const Event event{number(words[0]), words[1], {words.begin() + 2, words.end()}};
    add(event);
    if (event.verb != "round") return;
    // ERROR CLOCK SPACING EXTRA...
    for (std::size_t i = 3; i < event.words.size(); ++i) {
      const Seconds when = event.when + static_cast<Seconds>(i - 3) * number(event.words[2]);
      add({when, "send", {event.words[1], event.words[i]}});
    }
  }

  /// In order of time; what comes at the same time, in order of the lines.
  void add(const Event& event) {
    events_.insert(std::ranges::upper_bound(events_, event.when, {}, &Event::when), event);
  }

  std::vector<std::pair<std::string, std::string>> settings_;
  std::vector<Event> events_;
};

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

class Machine {
 public:
  explicit Machine(const std::string& directory);

  /// CLOCK_REALTIME; a reading takes a moment.
  timespec system_clock() {
    advance(state_.true_time + kReading, kNever);
    return as_timespec(start_ + state_.true_time + state_.error);
  }

  timespec monotonic_clock() {
    advance(state_.true_time + kReading, kNever);
    return as_timespec(state_.monotonic);
  }

  std::uint64_t random() { return state_.process_random(); }

  int adjust(timex& request);

  /// select(): lets time pass until something is ready, a signal came, or the timeout is over.
  int wait(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout);

 private:
  static State& remembered(const std::string& path);
  void begin();

  /// Seconds of the system clock per second of the oscillator, less one.
  [[nodiscard]] double adjustment() const {
    return static_cast<double>(state_.tick - 10000) / 1e4 + static_cast<double>(state_.frequency) / 65536e6;
  }

  void change_rate();
  /// Lets true time go on to `until`, or until CLOCK_MONOTONIC shows `deadline`, whichever comes first.
  void advance(Seconds until, Seconds deadline);
  void trace();

  [[nodiscard]] Seconds next_event() const {
    const Seconds next =
        state_.events_done < scenario_.events().size() ? scenario_.events()[state_.events_done].when : kNever;
    return sends_.empty() ? next : std::min(next, sends_.front().when);
  }
  void happen_next();
  void happen(const Event& event);
  void measured(Seconds error, Seconds lower, Seconds upper, Seconds delay);
  void send(bool by_raw_clock, Seconds extra);
  void run_chronyc(const std::vector<std::string>& words);
  bool chronyc_runs();

  static timespec as_timespec(Seconds seconds) {
    const Seconds whole = std::floor(seconds);
    return {static_cast<time_t>(whole), static_cast<long>((seconds - whole) * 1e9L)};
  }

  std::string directory_;
  Scenario scenario_;
  State& state_;
  Seconds start_;     ///< true time at the scenario's begin, since 1970
  double frequency_;  ///< the oscillator's: constant part, amplitude of its daily sine, random walk per root second
  double daily_;
  double walk_;
  std::ofstream trace_;
  std::deque<Event> sends_;  ///< what the daemon has planned
  sdwdate::timecore::Discipline discipline_;
  sdwdate::timecore::Steadiness steadiness_;
  pid_t chronyc_ = 0;
  bool ending_ = false;
};

Machine::Machine(const std::string& directory)
    : directory_(directory),
      scenario_(directory + "/scenario"),
      state_(remembered(directory + "/machine")),
      start_(scenario_["start"]),
      frequency_(static_cast<double>(scenario_["frequency"])),
      daily_(static_cast<double>(scenario_["daily"])),
      walk_(static_cast<double>(scenario_["walk"])),
      trace_(directory + "/trace", std::ios::binary | std::ios::app) {
  if (!state_.begun) begin();
}

State& Machine::remembered(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof(State)) != 0) die("cannot make " + path);
  void* memory = mmap(nullptr, sizeof(State), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) die("cannot map " + path);
  close(file);
  return *static_cast<State*>(memory);
}

void Machine::begin() {
  state_.begun = true;
  state_.error = scenario_["error"];
  state_.monotonic = 100;
  state_.crystal_random = {static_cast<std::uint64_t>(scenario_["seed"])};
  state_.process_random = {static_cast<std::uint64_t>(scenario_["seed"]) + 1};
  state_.tick = 10000;
  state_.status = STA_UNSYNC;
  state_.trace_step = 10;
}

void Machine::change_rate() {
  state_.walked += walk_ * std::sqrt(static_cast<double>(kSteady)) * state_.crystal_random.normal();
  const double time_of_day = 2 * std::numbers::pi * static_cast<double>(state_.true_time) / kDay;
  state_.rate = frequency_ + state_.walked + daily_ * std::sin(time_of_day);
  state_.rate_changes += kSteady;
}

void Machine::advance(Seconds until, Seconds deadline) {
  while (state_.true_time < until && state_.monotonic < deadline) {
    while (state_.true_time >= state_.rate_changes) change_rate();
    if (state_.true_time >= state_.next_trace) trace();
    const Seconds speed = (1 + static_cast<Seconds>(state_.rate)) * (1 + static_cast<Seconds>(adjustment()));
    Seconds passed = std::min({until, state_.rate_changes, state_.next_trace}) - state_.true_time;
    const bool ends = passed * speed >= deadline - state_.monotonic;
    if (ends) passed = (deadline - state_.monotonic) / speed;
    state_.true_time += passed;
    state_.error += passed * (speed - 1);
    state_.oscillator += passed * (1 + static_cast<Seconds>(state_.rate));
    state_.monotonic = ends ? deadline : state_.monotonic + passed * speed;
  }
}

void Machine::trace() {
  const TraceLine line{static_cast<double>(state_.true_time), static_cast<double>(state_.error),
                       (1 + state_.rate) * (1 + adjustment()) - 1};
  if (!trace_.write(reinterpret_cast<const char*>(&line), sizeof line)) die("cannot write the trace");
  while (state_.next_trace <= state_.true_time) state_.next_trace += state_.trace_step;
}

int Machine::adjust(timex& request) {
  constexpr unsigned kKnown = ADJ_FREQUENCY | ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS | ADJ_TIMECONST | ADJ_TAI |
                              ADJ_SETOFFSET | ADJ_NANO | ADJ_TICK;
  const unsigned modes = request.modes;
  // chronyd clears what an NTP client before it may have left: the offset of adjtime() and that of the kernel's PLL.
  const unsigned cleared = request.offset == 0 ? ADJ_OFFSET_SINGLESHOT | ADJ_OFFSET : 0U;
  if ((modes & ~(kKnown | cleared)) != 0) die("adjtimex with a mode not simulated");

  if ((modes & ADJ_TICK) != 0) {
    if (request.tick < 9000 || request.tick > 11000) {
      errno = EINVAL;
      return -1;
    }
    state_.tick = request.tick;
  }
  if ((modes & ADJ_SETOFFSET) != 0) {
    state_.error += static_cast<Seconds>(request.time.tv_sec) +
                    static_cast<Seconds>(request.time.tv_usec) / ((modes & ADJ_NANO) != 0 ? 1e9L : 1e6L);
    state_.maximum_error = 16000000;
  }
  if ((modes & ADJ_FREQUENCY) != 0) state_.frequency = std::clamp(request.freq, -32768000L, 32768000L);
  if ((modes & ADJ_STATUS) != 0) state_.status = request.status;
  if ((modes & ADJ_MAXERROR) != 0) state_.maximum_error = request.maxerror;
  if ((modes & ADJ_ESTERROR) != 0) state_.estimated_error = request.esterror;
  if ((modes & ADJ_TIMECONST) != 0) state_.time_constant = request.constant;
  if ((modes & ADJ_TAI) != 0) state_.tai = static_cast<int>(request.constant);

  request.tick = state_.tick;
  request.freq = state_.frequency;
  request.status = state_.status;
  request.maxerror = state_.maximum_error;
  request.esterror = state_.estimated_error;
  request.constant = state_.time_constant;
  request.tai = state_.tai;
  request.offset = 0;
  const timespec now = system_clock();
  request.time = {now.tv_sec, now.tv_nsec};
  return (state_.status & STA_UNSYNC) != 0 ? TIME_ERROR : TIME_OK;
}

/// The product's own datagram: offset and time are those of the moment of sending.
void Machine::send(bool by_raw_clock, Seconds extra) {
  using std::chrono::nanoseconds;
  const Seconds since =
      by_raw_clock ? state_.oscillator - state_.round_oscillator : state_.monotonic - state_.round_monotonic;
  const Seconds reference = state_.round_reference + since + extra;
  const timespec now = system_clock();
  const sdwdate::base::RealTime taken{std::chrono::seconds{now.tv_sec} + nanoseconds{now.tv_nsec}};
  const Seconds offset = reference - state_.true_time - state_.error;
  const auto datagram = sdwdate::refclock::encode(
      {.taken = taken, .offset = {nanoseconds{static_cast<std::int64_t>(std::llround(offset * 1e9L))}}});
  if (!datagram) die("a sample that the product would not send");

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = scenario_.text("socket");
  if (path.size() >= sizeof address.sun_path) die("too long: " + path);
  path.copy(static_cast<char*>(address.sun_path), path.size());
  const int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sendto(out, datagram->data(), datagram->size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      static_cast<ssize_t>(datagram->size())) {
    die("cannot send to " + path + ": " + std::strerror(errno));
  }
  close(out);
}

/// Starts a real chronyc; until it is done, only chronyd runs and time stands still.
void Machine::run_chronyc(const std::vector<std::string>& words) {
  std::vector<std::string> command{scenario_.text("chronyc"), "-n", "-c", "-h", scenario_.text("command-socket")};
  command.insert(command.end(), words.begin(), words.end());
  const std::string log = directory_ + "/chronyc.log";
  std::ofstream file{log, std::ios::app};
  file << "# " << std::fixed << std::setprecision(3) << state_.true_time;
  for (const std::string& word : words) file << ' ' << word;
  if (!(file << std::endl)) die("cannot write " + log);

  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<char*, 1> environment{nullptr};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_APPEND, 0);
  if (posix_spawn(&chronyc_, command[0].c_str(), &files, nullptr, arguments.data(), environment.data()) != 0) {
    die("cannot start " + command[0]);
  }
  posix_spawn_file_actions_destroy(&files);
}

bool Machine::chronyc_runs() {
  if (chronyc_ == 0) return false;
  int status = 0;
  if (waitpid(chronyc_, &status, WNOHANG) == 0) return true;
  if (status != 0) die("chronyc failed");
  chronyc_ = 0;
  return false;
}

/// What the daemon does with a round's result, by the product's own rules.
void Machine::measured(Seconds error, Seconds lower, Seconds upper, Seconds delay) {
  using namespace sdwdate::timecore;
  const auto exact = [](Seconds seconds) {
    return nanoseconds{static_cast<std::int64_t>(std::llround(seconds * 1e9L))};
  };
  const sdwdate::base::ClockPair now{sdwdate::base::RawTime{exact(state_.oscillator)},
                                     sdwdate::base::RealTime{exact(start_ + state_.true_time + state_.error)},
                                     nanoseconds{0}};
  const RawOffset truth{exact(start_ + state_.true_time - state_.oscillator)};
  Known told{{{truth + exact(lower), truth + exact(upper)}, truth + exact(error)}, now.raw};
  Steadiness steadiness = steadiness_;
  const Weighed weighed = steadiness.weigh({now.raw, told.result.bounds, told.result.estimate, exact(delay)});
  const bool steady = scenario_["steady"] != 0;
  if (steady) told.result.estimate = weighed.estimate;
  const FeedPlan plan = discipline_.plan(told, now, steady && weighed.refuted);
  if (plan.hold) return;
  steadiness_ = steadiness;
  state_.round_reference = state_.true_time + static_cast<Seconds>((told.result.estimate - truth).count()) / 1e9L;
  state_.round_oscillator = state_.oscillator;
  state_.round_monotonic = state_.monotonic;
  sends_.clear();
  if (plan.forget) sends_.push_back({state_.true_time, "chronyc", {"reset", "sources"}});
  if (!plan.quick) {
    sends_.push_back({state_.true_time, "send", {"raw", "0"}});
    return;
  }
  Seconds when = state_.true_time;
  for (const char* extra : {"100e-6", "-200e-6", "100e-6"}) {
    sends_.push_back({when, "send", {"raw", extra}});
    when += 5;
  }
}

void Machine::happen_next() {
  if (!sends_.empty() && sends_.front().when <= next_event()) {
    const Event event = sends_.front();
    sends_.pop_front();
    happen(event);
    return;
  }
  happen(scenario_.events()[state_.events_done++]);
}

void Machine::happen(const Event& event) {
  const auto argument = [&](std::size_t i) { return number(event.words.at(i)); };
  if (event.verb == "round") {
    state_.round_reference = state_.true_time + argument(0);
    state_.round_oscillator = state_.oscillator;
    state_.round_monotonic = state_.monotonic;
  } else if (event.verb == "measure") {  // ERROR LOWER UPPER DELAY: the daemon decides what to make of the round
    measured(argument(0), argument(1), argument(2), argument(3));
  } else if (event.verb == "anew") {  // the daemon has noticed a jump
    discipline_.begin_anew();
    steadiness_.begin_anew();
  } else if (event.verb == "send") {
    send(event.words.at(0) == "raw", argument(1));
  } else if (event.verb == "suspend") {  // SECONDS ERROR: the kernel adds the time slept, as the RTC has it
    state_.true_time += argument(0);
    state_.error += argument(1);
  } else if (event.verb == "pause") {  // SECONDS: nothing runs, no clock notices
    state_.true_time += argument(0);
    state_.error -= argument(0);
  } else if (event.verb == "step") {  // SECONDS: someone else sets the clock
    state_.error += argument(0);
  } else if (event.verb == "chronyc") {
    run_chronyc(event.words);
  } else if (event.verb == "trace") {  // SECONDS between lines from now on
    state_.trace_step = argument(0);
    state_.next_trace = state_.true_time;
  } else if (event.verb == "stop") {  // chronyd ends; whoever started it may start another
    ending_ = true;
    if (kill(getpid(), SIGTERM) != 0) die("cannot end");
  } else {
    die("what is " + event.verb + "?");
  }
}

int Machine::wait(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout) {
  static auto* const real_select = real<decltype(select)>("select");
  const Seconds deadline = timeout == nullptr ? kNever
                                              : state_.monotonic + static_cast<Seconds>(timeout->tv_sec) +
                                                    static_cast<Seconds>(timeout->tv_usec) / 1e6L;
  const std::array<fd_set*, 3> sets{readable, writable, exceptional};
  std::array<fd_set, 3> wanted{};
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (sets[i] != nullptr) wanted[i] = *sets[i];
  }
  while (true) {
    for (std::size_t i = 0; i < sets.size(); ++i) {
      if (sets[i] != nullptr) *sets[i] = wanted[i];
    }
    const bool chronyc = chronyc_runs();
    timeval patience{0, chronyc ? 1000 : 0};
    const int ready = real_select(count, readable, writable, exceptional, &patience);
    if (ending_) {
      ending_ = false;
      errno = EINTR;
      return -1;
    }
    if (ready != 0) {
      if (timeout != nullptr) {
        const timespec left = as_timespec(std::max<Seconds>(deadline - state_.monotonic, 0));
        *timeout = {left.tv_sec, left.tv_nsec / 1000};
      }
      return ready;
    }
    if (chronyc) continue;
    if (state_.monotonic >= deadline) {
      *timeout = {0, 0};
      advance(state_.true_time + kWakeUp, kNever);
      return 0;
    }
    if (deadline == kNever && next_event() == kNever) die("chronyd waits for ever");
    advance(next_event(), deadline);
    if (state_.true_time >= next_event()) happen_next();
  }
}

Machine& machine() {
  static Machine the_one{[] {
    const char* directory = std::getenv("VIRTUAL_MACHINE");
    if (directory == nullptr) die("VIRTUAL_MACHINE names no directory");
    return std::string{directory};
  }()};
  return the_one;
}

/// The second guard: this process could not set the real clock even if a call slipped through.
[[gnu::constructor]] void refuse_power_over_the_real_clock() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) die("cannot read this process's capabilities");
  if (((sets[0].effective | sets[0].permitted) & (1U << CAP_SYS_TIME)) != 0) {
    die("this process has CAP_SYS_TIME; start it without");
  }
}

}  // namespace

// What chronyd calls, by the names of the C library.
extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  *time = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? machine().system_clock()
                                                                    : machine().monotonic_clock();
  return 0;
}

int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  const timespec now = machine().system_clock();
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* time) noexcept {
  const timespec now = machine().system_clock();
  if (time != nullptr) *time = now.tv_sec;
  return now.tv_sec;
}

int adjtimex(timex* request) noexcept { return machine().adjust(*request); }
int ntp_adjtime(timex* request) noexcept { return machine().adjust(*request); }
int clock_adjtime(clockid_t clock, timex* request) noexcept {
  if (clock != CLOCK_REALTIME) die("clock_adjtime on another clock");
  return machine().adjust(*request);
}

// chronyd steps by adjtimex on every kernel of this century.
int settimeofday(const timeval* /*time*/, const struct timezone* /*zone*/) noexcept { die("settimeofday"); }
int clock_settime(clockid_t /*clock*/, const timespec* /*time*/) noexcept { die("clock_settime"); }
int stime(const time_t* /*time*/) noexcept { die("stime"); }

int select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout) {
  return machine().wait(count, readable, writable, exceptional, timeout);
}

ssize_t getrandom(void* buffer, size_t length, unsigned /*flags*/) noexcept {
  auto* bytes = static_cast<unsigned char*>(buffer);
  for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<unsigned char>(machine().random() >> 56U);
  return static_cast<ssize_t>(length);
}

}  // extern "C"
