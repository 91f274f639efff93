// What each role can do and cannot do any more once it has confined itself. Each look is made in a process of its own.
#include "sandbox/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/files.h"
#include "base/unique_fd.h"
#include "sandbox/landlock.h"
#include "support/temporary_directory.h"

namespace sdwdate::sandbox {
namespace {

using base::UniqueFd;
using testing::Contains;
using testing::Not;

#ifdef SDWDATE_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

using Confine = std::function<Confined()>;

/// How a deed ended in a confined process: errno, 0 if it succeeded, or minus the signal that killed the process.
int in_confinement(const Confine& confine, const std::function<int()>& deed) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!confine()) ::_exit(250);
    ::_exit(deed());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int done(long result) { return result < 0 ? errno : 0; }

int open_file(const std::filesystem::path& path, int flags) {
  const UniqueFd file{::open(path.c_str(), flags | O_CLOEXEC, 0600)};
  return done(file.get());
}

int make_socket(int family, int kind, int protocol = 0) {
  const UniqueFd socket{::socket(family, kind, protocol)};
  return done(socket.get());
}

int connect_to(std::uint16_t port) {
  const UniqueFd socket{::socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)};
  if (!socket) return errno;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return done(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

int execute() { return done(::execl("/bin/true", "true", nullptr)); }

int fork_a_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return done(child);
}

/// Whether this kernel has it at all; asked in a process of its own.
bool has(Layer layer) {
  return in_confinement([] { return Confined{Missing{}}; },
                        [&] {
                          const Confined confined = confine_probe(443);
                          return confined && !confined->has(layer) ? 0 : 1;
                        }) == 0;
}

class Sandbox : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer's run time cannot live in a sandbox";
  }
  support::TemporaryDirectory folder_;
};

// --- the probe --------------------------------------------------------------------------------------------------

constexpr std::uint16_t kPort = 9;  // nobody listens there

TEST_F(Sandbox, AProbeMayConnectToItsPortOnly) {
  const Confine confine = [] { return confine_probe(kPort); };
  EXPECT_EQ(in_confinement(confine, [] { return connect_to(kPort); }), ECONNREFUSED);
  if (!has(Layer::ports)) GTEST_SKIP() << "this kernel's Landlock knows no ports";
  EXPECT_EQ(in_confinement(confine, [] { return connect_to(kPort + 1); }), EACCES);
}

TEST_F(Sandbox, AProbeHasMemoryAndRandomness) {
  const Confine confine = [] { return confine_probe(kPort); };
  EXPECT_EQ(in_confinement(confine,
                           [] {
                             std::vector<char> memory(std::size_t{8} * 1024 * 1024, 'x');
                             char byte = 0;
                             return ::getentropy(&byte, 1) == 0 && memory.back() == 'x' ? 0 : 1;
                           }),
            0);
}

TEST_F(Sandbox, AProbeThatDoesAnythingElseIsKilled) {
  const Confine confine = [] { return confine_probe(kPort); };
  EXPECT_EQ(in_confinement(confine, [] { return open_file("/etc/passwd", O_RDONLY); }), -SIGSYS);
  EXPECT_EQ(in_confinement(confine, execute), -SIGSYS);
  EXPECT_EQ(in_confinement(confine, fork_a_process), -SIGSYS);
  EXPECT_EQ(in_confinement(confine, [] { return make_socket(AF_INET, SOCK_DGRAM); }), -SIGSYS);
  EXPECT_EQ(in_confinement(confine, [] { return make_socket(AF_UNIX, SOCK_STREAM); }), -SIGSYS);
}

TEST_F(Sandbox, AProbesListIsShort) {
  const auto calls = allowed_calls(Role::probe);
  EXPECT_LE(calls.size(), 25U) << testing::PrintToString(calls);
  for (const char* never : {"open", "openat", "openat2", "execve", "execveat", "fork", "vfork", "clone", "clone3",
                            "ptrace", "kill", "bind", "listen", "accept4", "unshare"}) {
    EXPECT_THAT(calls, Not(Contains(never)));
  }
}

TEST_F(Sandbox, AProbesLimitsCannotBeRaisedAgain) {
  const Confine confine = [] {
    // Looked at before seccomp forbids to ask.
    return confine_probe(kPort);
  };
  EXPECT_EQ(in_confinement(confine,
                           [] {
                             const rlimit more{1000, 1000};
                             return done(::setrlimit(RLIMIT_NOFILE, &more));
                           }),
            -SIGSYS);
}

TEST_F(Sandbox, WithoutLandlockOrNamespacesItIsSaidSo) {
  Missing missing;
  EXPECT_EQ(missing.in_words(), "");
  missing.add(Layer::files, false);
  missing.add(Layer::namespaces, false);
  missing.add(Layer::ports, true);
  EXPECT_EQ(missing.in_words(), "files (no Landlock), own namespaces");
  EXPECT_EQ(Missing::of(missing.bits()), missing);
  EXPECT_EQ(Missing::of(0xF0), Missing{}) << "bits that mean nothing are dropped";
}

// --- the resolver -----------------------------------------------------------------------------------------------

TEST_F(Sandbox, AResolverReadsConfigurationAndAsksOverTheNetwork) {
  EXPECT_EQ(in_confinement(confine_resolve, [] { return open_file("/etc/passwd", O_RDONLY); }), 0);
  EXPECT_EQ(in_confinement(confine_resolve, [] { return make_socket(AF_INET, SOCK_DGRAM); }), 0);
  EXPECT_EQ(in_confinement(confine_resolve, [] { return make_socket(AF_UNIX, SOCK_STREAM); }), 0);
}

TEST_F(Sandbox, AResolverWritesNothingAndStartsNothing) {
  EXPECT_EQ(in_confinement(confine_resolve, execute), -SIGSYS);
  EXPECT_EQ(in_confinement(confine_resolve, fork_a_process), ENOSYS);
  EXPECT_EQ(in_confinement(confine_resolve, [] { return make_socket(AF_PACKET, SOCK_RAW); }), ENOSYS);
  if (has(Layer::files)) {
    const auto path = folder_.path() / "file";
    EXPECT_EQ(in_confinement(confine_resolve, [&] { return open_file(path, O_WRONLY | O_CREAT); }), EACCES);
    EXPECT_EQ(in_confinement(confine_resolve, [&] { return open_file(folder_.path(), O_RDONLY); }), EACCES);
  }
  if (has(Layer::ports)) {
    EXPECT_EQ(in_confinement(confine_resolve, [] { return connect_to(443); }), EACCES);
  }
}

TEST_F(Sandbox, AResolverLoadsLibrariesAndMakesNoCode) {
  const auto map = [](int protection, int flags, const char* file) {
    return in_confinement(confine_resolve, [=] {
      const UniqueFd from{file == nullptr ? -1 : ::open(file, O_RDONLY | O_CLOEXEC)};
      return ::mmap(nullptr, 4096, protection, flags, from.get(), 0) == MAP_FAILED ? errno : 0;
    });
  };
  EXPECT_EQ(map(PROT_READ | PROT_EXEC, MAP_PRIVATE, "/bin/true"), 0);
  EXPECT_EQ(map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, "/bin/true"), ENOSYS);
  EXPECT_EQ(map(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, nullptr), ENOSYS);
}

// --- the daemon -------------------------------------------------------------------------------------------------

TEST_F(Sandbox, TheDaemonHasItsFilesAndUnixSockets) {
  const auto readable = folder_.path() / "read";
  const auto writable = folder_.path() / "write";
  std::filesystem::create_directory(readable);
  std::filesystem::create_directory(writable);
  ASSERT_EQ(base::replace_file(readable / "file", "x", 0644, base::Keep::until_reboot), 0);
  const Confine confine = [&] { return confine_service({.read = {readable}, .write = {writable}}); };

  EXPECT_EQ(in_confinement(confine, [&] { return open_file(readable / "file", O_RDONLY); }), 0);
  EXPECT_EQ(
      in_confinement(confine, [&] { return base::replace_file(writable / "x", "text", 0644, base::Keep::for_ever); }),
      0);
  EXPECT_EQ(in_confinement(confine, [&] { return make_socket(AF_UNIX, SOCK_DGRAM); }), 0);
  if (!has(Layer::files)) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(in_confinement(confine, [&] { return open_file(readable / "new", O_WRONLY | O_CREAT); }), EACCES);
  EXPECT_EQ(in_confinement(confine, [&] { return open_file("/etc/passwd", O_RDONLY); }), EACCES);
  EXPECT_EQ(in_confinement(confine, [&] { return done(::mkdir((writable / "d").c_str(), 0700)); }), ENOSYS);
}

TEST_F(Sandbox, TheDaemonHasNoNetworkStartsNothingAndSetsNoClock) {
  const Confine confine = [] { return confine_service({}); };
  for (const int family : {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET}) {
    EXPECT_EQ(in_confinement(confine, [&] { return make_socket(family, SOCK_RAW); }), ENOSYS) << family;
  }
  EXPECT_EQ(in_confinement(confine, execute), -SIGSYS);
  EXPECT_EQ(in_confinement(confine, fork_a_process), ENOSYS);
  EXPECT_EQ(in_confinement(confine,
                           [] {
                             const timespec no_time{0, -1};  // not even root could set it
                             return done(::syscall(SYS_clock_settime, CLOCK_REALTIME, &no_time));
                           }),
            -SIGSYS);
  EXPECT_EQ(in_confinement(confine, [] { return done(::syscall(SYS_kill, ::getppid(), 0)); }), ENOSYS);
}

}  // namespace
}  // namespace sdwdate::sandbox
