// A helper process, in the place of sdwdate-probe and of sdwdate-resolve, that misbehaves as its job's host tells it.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "ipc/child.h"
#include "ipc/records.h"

namespace {

using namespace std::chrono_literals;
using namespace sdwdate;
using base::RawClock;
using base::RawTime;
using ipc::ExchangeReport;

constexpr int kChannel = STDIN_FILENO;

void send(std::span<const std::byte> record) {
  // Blocks, unlike ipc::send_record: a flood shall be one.
  ::send(kChannel, record.data(), record.size(), MSG_NOSIGNAL);
}

void send(const ipc::ProbeReport& report) { send(ipc::encode(report)); }

/// As an honest probe reports it: the right time, asked just now.
ExchangeReport honest_exchange() {
  const RawTime sent = RawClock::now();
  const auto date = std::chrono::floor<std::chrono::seconds>(base::real_now());
  return {sent, RawClock::now(), date};
}

void honest() {
  for (int i = 0; i < 3; ++i) {
    send(honest_exchange());
    std::this_thread::sleep_for(20ms);
  }
  send(ipc::Done{{100, 200}});
}

[[noreturn]] void hang() {
  while (true) ::pause();
}

void floods() {
  while (true) send(honest_exchange());
}

void garbage_bytes(std::size_t size) { send(std::vector<std::byte>(size, std::byte{0xa5})); }

/// One exchange with these times and this date, and a good end.
void lies(RawTime sent, RawTime received, std::chrono::sys_seconds date) {
  send(ExchangeReport{sent, received, date});
  send(ipc::Done{});
}

std::chrono::sys_seconds now_in_seconds() { return std::chrono::floor<std::chrono::seconds>(base::real_now()); }

/// What is wrong with our descriptors; empty when 0, 1 and 2 are one socket and there is no other.
std::string wrong_with_descriptors() {
  struct stat first{};
  if (::fstat(0, &first) != 0 || !S_ISSOCK(first.st_mode)) return "0 is not a socket";
  for (const int descriptor : {1, 2}) {
    struct stat other{};
    if (::fstat(descriptor, &other) != 0 || other.st_dev != first.st_dev || other.st_ino != first.st_ino) {
      return std::to_string(descriptor) + " is not the same socket as 0";
    }
  }
  const long most = std::min(::sysconf(_SC_OPEN_MAX), 70'000L);
  for (int descriptor = 3; descriptor < most; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0) return std::to_string(descriptor) + " is open, too";
  }
  return {};
}

std::string environment() {
  std::vector<std::string> names;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text{*variable};
    names.emplace_back(text.substr(0, text.find('=')));
  }
  std::ranges::sort(names);
  std::string joined;
  for (const std::string& name : names) joined += name + ' ';
  return joined;
}

/// Reports a text as a failure's message.
void tell(const std::string& text) { send(ipc::Failure{base::ErrorCode::connect, text, {}}); }

void descriptors() {
  if (const std::string wrong = wrong_with_descriptors(); !wrong.empty()) return tell(wrong);
  honest();
}

using Misdeed = void (*)();

/// What either kind of helper can do wrong.
const std::map<std::string_view, Misdeed> kMisdeeds{
    {"dies.test", [] { std::abort(); }},
    {"segfaults.test",
     [] {
       std::signal(SIGSEGV, SIG_DFL);  // a sanitizer would report it, and exit
       ::raise(SIGSEGV);
     }},
    {"exits.test", [] { std::exit(3); }},
    {"ends.test", [] {}},
    {"hangs.test", [] { hang(); }},
    {"stubborn.test",
     [] {
       for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_IGN);
       hang();
     }},
    {"stops.test", [] { ::raise(SIGSTOP); }},
    {"closes.test",
     [] {
       for (const int descriptor : {0, 1, 2}) ::close(descriptor);
       hang();
     }},
    {"garbage-size.test", [] { garbage_bytes(7); }},
    {"garbage-long.test", [] { garbage_bytes(60'000); }},
    {"garbage-empty.test",
     [] {
       send(std::span<const std::byte>{});
       hang();
     }},
    {"prints.test",
     [] {
       std::fputs("terminate called without an active exception\n", stderr);
       hang();
     }},
};

const std::map<std::string_view, Misdeed> kProbeMisdeeds{
    {"garbage-bytes.test", [] { garbage_bytes(ipc::kProbeReportSize); }},
    {"floods.test", floods},
    {"half-done.test",
     [] {
       send(honest_exchange());
       std::abort();
     }},
    {"future.test", [] { lies(RawClock::now(), RawClock::now() + 1h, now_in_seconds()); }},
    {"past.test", [] { lies(RawClock::now() - 1h, RawClock::now(), now_in_seconds()); }},
    {"backwards.test", [] { lies(RawClock::now(), RawClock::now() - 1ms, now_in_seconds()); }},
    {"end-of-time.test", [] { lies(RawTime::min(), RawTime::max(), now_in_seconds()); }},
    {"overlaps.test",
     [] {
       const ExchangeReport first = honest_exchange();
       send(first);
       lies(first.sent, RawClock::now(), first.date);
     }},
    {"centuries.test", [] { lies(RawClock::now(), RawClock::now(), now_in_seconds() + 1'000'000h); }},
    {"overflows.test", [] { lies(RawClock::now(), RawClock::now(), std::chrono::sys_seconds::max()); }},
    {"underflows.test", [] { lies(RawClock::now(), RawClock::now(), std::chrono::sys_seconds::min()); }},
    {"honest.test", honest},
    {"late.test",
     [] {
       const RawTime now = RawClock::now();
       lies(now, now, now_in_seconds() - 600s);
     }},
    {"after-end.test",
     [] {
       honest();
       while (true) send(ExchangeReport{RawClock::now(), RawClock::now(), now_in_seconds() - 600s});
     }},
    {"message.test", [] { tell("a\x1b[31m\n"); }},
    {"descriptors.test", descriptors},
    {"environment.test", [] { tell(environment()); }},
};

void send_address() { send(ipc::encode(ipc::ResolveReply{{*ipc::parse_address("127.0.0.1")}, {}})); }

const std::map<std::string_view, Misdeed> kResolverMisdeeds{
    {"garbage-bytes.test", [] { garbage_bytes(ipc::kResolveReplySize); }},
    {"floods.test",
     [] {
       while (true) garbage_bytes(ipc::kResolveReplySize);
     }},
    {"unknown.test", [] { send(ipc::encode(ipc::ResolveReply{{}, "Name or service not known"})); }},
    {"honest.test", send_address},
    {"after-end.test",
     [] {
       send_address();
       while (true) garbage_bytes(ipc::kResolveReplySize);
     }},
};

/// A host's name ends with its misdeed: "a.dies.test".
bool commit(const std::map<std::string_view, Misdeed>& misdeeds, std::string_view host) {
  for (const auto& [name, misdeed] : misdeeds) {
    if (host != name && !host.ends_with('.' + std::string{name})) continue;
    misdeed();
    return true;
  }
  return false;
}

}  // namespace

int main() {
  std::array<std::byte, ipc::kProbeJobSize> buffer{};
  const ssize_t size = ::recv(kChannel, buffer.data(), buffer.size(), 0);
  if (size <= 0) return 99;
  const std::span record{buffer.data(), static_cast<std::size_t>(size)};
  if (const auto job = ipc::decode_probe_job(record)) {
    return commit(kProbeMisdeeds, job->host) || commit(kMisdeeds, job->host) ? 0 : 98;
  }
  if (const auto job = ipc::decode_resolve_job(record)) {
    return commit(kResolverMisdeeds, job->host) || commit(kMisdeeds, job->host) ? 0 : 98;
  }
  return 97;
}
