// sdwdate-probe with a deliberate hole: it does what the real one does before it meets the network, and then, instead
// of measuring, whatever the first label of its source's host says. The path of the URL says how it is confined, and
// may name a port or a process to attack: https://fork.attack.test/confined
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"
#include "ipc/child.h"
#include "ipc/records.h"
#include "net/trust.h"
#include "sandbox/landlock.h"
#include "sandbox/privileges.h"
#include "sandbox/sandbox.h"

namespace {

using namespace sdwdate;
using base::UniqueFd;

/// What an attack is aimed at; known before the process is confined, as an attacker might.
struct Target {
  std::uint16_t port = 0;  ///< somebody listens there, over TCP, UDP and as an abstract UNIX socket of that name
  pid_t parent = 0;
  pid_t sibling = 0;  ///< another probe
};

/// errno, or 0 if the attack succeeded.
using Attack = std::function<int(const Target&)>;

int done(long result) { return result < 0 ? errno : 0; }

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

template <typename Address>
const sockaddr* general(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

int open_file(const char* path, int flags) {
  const UniqueFd file{::open(path, flags | O_CLOEXEC, 0600)};
  return done(file.get());
}

int connect_to(std::uint16_t port, int protocol) {
  const UniqueFd socket{::socket(AF_INET, SOCK_STREAM, protocol)};
  if (!socket) return errno;
  const sockaddr_in address = loopback(port);
  return done(::connect(socket.get(), general(address), sizeof address));
}

int send_to(std::uint16_t port, int kind, int flags) {
  const UniqueFd socket{::socket(AF_INET, kind, 0)};
  if (!socket) return errno;
  const sockaddr_in address = loopback(port);
  return done(::sendto(socket.get(), "x", 1, flags | MSG_NOSIGNAL, general(address), sizeof address));
}

int listen_on_any_port() {
  const UniqueFd socket{::socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)};
  if (!socket) return errno;
  const sockaddr_in address = loopback(0);
  if (::bind(socket.get(), general(address), sizeof address) != 0) return errno;
  return done(::listen(socket.get(), 1));
}

int connect_to_abstract_socket(std::uint16_t port) {
  const UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM, 0)};
  if (!socket) return errno;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("sdwdate-attack-{}", port);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return done(::connect(socket.get(), general(address), size));
}

int fork_a_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return done(child);
}

int read_memory_of(pid_t process) {
  // Every process has the vector table of the same library somewhere; any readable address does.
  std::array<char, 8> bytes{};
  iovec local{bytes.data(), bytes.size()};
  iovec remote{reinterpret_cast<void*>(&std::strlen), bytes.size()};
  const long got = ::process_vm_readv(process, &local, 1, &remote, 1, 0);
  return got < 0 && errno == EFAULT ? 0 : done(got);  // another address, but it was allowed to look
}

int map_executable() {
  void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? errno : 0;
}

int make_executable() {
  void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return errno;
  return done(::mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

int take_memory(int kind) {
  constexpr std::size_t kSize = std::size_t{256} * 1024 * 1024;
  void* const pages = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? errno : 0;
}

int open_many_files() {
  for (int i = 0; i < 200; ++i) {
    if (::socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) < 0) return errno;
  }
  return 0;
}

const std::map<std::string_view, Attack> kAttacks{
    {"open-file", [](const Target&) { return open_file("/etc/passwd", O_RDONLY); }},
    {"list-folder", [](const Target&) { return open_file("/usr", O_RDONLY | O_DIRECTORY); }},
    {"write-file", [](const Target&) { return open_file("/tmp", O_TMPFILE | O_WRONLY); }},
    {"execute", [](const Target&) { return done(::execl("/bin/true", "true", nullptr)); }},
    {"fork", [](const Target&) { return fork_a_process(); }},
    {"connect-elsewhere", [](const Target& target) { return connect_to(target.port, IPPROTO_TCP); }},
    {"connect-by-mptcp", [](const Target& target) { return connect_to(target.port, IPPROTO_MPTCP); }},
    {"connect-by-fast-open", [](const Target& target) { return send_to(target.port, SOCK_STREAM, MSG_FASTOPEN); }},
    {"send-udp", [](const Target& target) { return send_to(target.port, SOCK_DGRAM, 0); }},
    {"listen", [](const Target&) { return listen_on_any_port(); }},
    {"connect-unix", [](const Target& target) { return connect_to_abstract_socket(target.port); }},
    {"ask-kernel", [](const Target&) { return done(::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)); }},
    {"read-probe", [](const Target& target) { return read_memory_of(target.sibling); }},
    {"read-parent", [](const Target& target) { return read_memory_of(target.parent); }},
    {"trace-probe",
     [](const Target& target) { return done(::ptrace(PTRACE_SEIZE, target.sibling, nullptr, nullptr)); }},
    {"signal-parent", [](const Target& target) { return done(::kill(target.parent, SIGURG)); }},
    {"map-executable", [](const Target&) { return map_executable(); }},
    {"make-executable", [](const Target&) { return make_executable(); }},
    {"take-memory", [](const Target&) { return take_memory(MAP_PRIVATE); }},
    {"take-shared-memory", [](const Target&) { return take_memory(MAP_SHARED); }},
    {"open-many", [](const Target&) { return open_many_files(); }},
    {"new-namespace", [](const Target&) { return done(::unshare(CLONE_NEWUSER | CLONE_NEWNET)); }},
    {"ask-clock",
     [](const Target&) {
       timex nothing{};  // changes nothing, and is refused nevertheless: chronyd's business
       return done(::adjtimex(&nothing));
     }},
};

/// Another child of our parent, waited for; 0 if there is none.
pid_t find_sibling(pid_t parent) {
  for (int patience = 0; patience < 100; ++patience) {
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
      std::ifstream stat{entry.path() / "stat"};
      int process = 0;
      std::string name;
      std::string state;
      int its_parent = 0;
      if (stat >> process >> name >> state >> its_parent && its_parent == parent && process != ::getpid()) {
        std::this_thread::sleep_for(std::chrono::milliseconds{300});  // it shall have confined itself
        return process;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return 0;
}

void report(const std::string& message) {
  ipc::send_record(STDIN_FILENO, ipc::encode(ipc::Failure{base::ErrorCode::connect, message, {}}));
}

/// All layers but seccomp, to see that they hold by themselves.
bool confine_without_seccomp(std::uint16_t port) {
  if (!sandbox::give_up_new_privileges()) return false;
  sandbox::enter_empty_namespaces();
  sandbox::apply_landlock({.paths = {}, .restrict_tcp = true, .port = port, .restrict_abstract_sockets = true});
  return sandbox::close_memory() && sandbox::give_up_capabilities() &&
         sandbox::limit_resources({{RLIMIT_NPROC, 0}, {RLIMIT_FSIZE, 0}, {RLIMIT_NOFILE, 32}, {RLIMIT_DATA, 64 << 20}});
}

bool confine(std::string_view how, std::uint16_t port) {
  if (how == "confined") return sandbox::confine_probe(port).has_value();
  return how == "plain" || (how == "without-seccomp" && confine_without_seccomp(port));
}

}  // namespace

int main() {
  ipc::ProbeJobRecord record{};
  if (ipc::await_record(STDIN_FILENO, record) != ipc::Received::record) return 1;
  const auto job = ipc::decode_probe_job(record);
  if (!job || !net::make_client_context(job->ca_file)) return 1;

  // "/confined/1234": how, and which port
  const std::string how = job->target.substr(1, job->target.find('/', 1) - 1);
  const std::string name = job->host.substr(0, job->host.find('.'));
  Target target;
  target.port = static_cast<std::uint16_t>(std::atoi(job->target.substr(job->target.rfind('/') + 1).c_str()));
  target.parent = ::getppid();
  if (name.contains("probe")) target.sibling = find_sibling(target.parent);

  if (!confine(how, job->connect_port)) return 2;
  if (name == "victim") {
    std::this_thread::sleep_for(std::chrono::seconds{3});
    return 0;
  }
  const int error = kAttacks.at(name)(target);
  report(error == 0 ? "got through" : fmt::format("refused: {}", base::errno_text(error)));
  return 0;
}
