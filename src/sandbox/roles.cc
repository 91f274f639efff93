#include "sandbox/roles.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <initializer_list>

namespace sdwdate::sandbox {
namespace {

constexpr scmp_datum_t datum(int value) { return static_cast<scmp_datum_t>(static_cast<unsigned>(value)); }

scmp_arg_cmp is(unsigned argument, int value) { return {argument, SCMP_CMP_EQ, datum(value), 0}; }
scmp_arg_cmp is_null(unsigned argument) { return {argument, SCMP_CMP_EQ, 0, 0}; }
/// Of the bits in `mask`, those in `value` are set and the others are not.
scmp_arg_cmp bits(unsigned argument, int mask, int value) {
  return {argument, SCMP_CMP_MASKED_EQ, datum(mask), datum(value)};
}
scmp_arg_cmp without(unsigned argument, int mask) { return bits(argument, mask, 0); }

/// Kinds of sockets are given together with flags.
constexpr int kSocketKind = ~(SOCK_NONBLOCK | SOCK_CLOEXEC);

using Rules = std::vector<Rule>;

void add(Rules& rules, std::initializer_list<Rule> more) { rules.insert(rules.end(), more); }

/// Memory for data, never for code, and never shared: what is shared is not counted as this process' data.
void add_memory(Rules& rules) {
  const std::vector<scmp_arg_cmp> own{without(2, PROT_EXEC),
                                      bits(3, MAP_TYPE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS)};
  add(rules, {SCMP_SYS(brk),
              SCMP_SYS(munmap),
              SCMP_SYS(mremap),
              {SCMP_SYS(mmap), own},
              {SCMP_SYS(mmap2), own},
              {SCMP_SYS(mprotect), {without(2, PROT_EXEC)}}});
}

/// The older of two calls, which newer architectures do not have.
constexpr int first_of(int older, int newer) { return older >= 0 ? older : newer; }

/// What an event loop with timers waits by, once it is there.
void add_waiting(Rules& rules) {
  add(rules, {first_of(SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait)), first_of(SCMP_SYS(poll), SCMP_SYS(ppoll)),
              SCMP_SYS(epoll_ctl), SCMP_SYS(timerfd_settime), SCMP_SYS(clock_gettime), SCMP_SYS(futex)});
  // The same on 32 bits, with times that last.
  add(rules, {SCMP_SYS(ppoll_time64), SCMP_SYS(timerfd_settime64), SCMP_SYS(clock_gettime64), SCMP_SYS(futex_time64)});
}

/// What the resolver and the daemon need besides, and the probe does not: to read files, and what libraries ask.
void add_reading_files(Rules& rules) {
  add(rules, {SCMP_SYS(epoll_pwait),  SCMP_SYS(ppoll),           SCMP_SYS(openat),
              SCMP_SYS(open),         SCMP_SYS(lseek),           SCMP_SYS(pread64),
              SCMP_SYS(readv),        SCMP_SYS(writev),          SCMP_SYS(_llseek),
              SCMP_SYS(fstat),        SCMP_SYS(fstat64),         SCMP_SYS(fstatat64),
              SCMP_SYS(fcntl64),      SCMP_SYS(getuid32),        SCMP_SYS(geteuid32),
              SCMP_SYS(getgid32),     SCMP_SYS(getegid32),       SCMP_SYS(newfstatat),
              SCMP_SYS(stat),         SCMP_SYS(lstat),           SCMP_SYS(statx),
              SCMP_SYS(access),       SCMP_SYS(faccessat),       SCMP_SYS(faccessat2),
              SCMP_SYS(readlink),     SCMP_SYS(readlinkat),      SCMP_SYS(getdents64),
              SCMP_SYS(fcntl),        SCMP_SYS(madvise),         SCMP_SYS(getuid),
              SCMP_SYS(geteuid),      SCMP_SYS(getgid),          SCMP_SYS(getegid),
              SCMP_SYS(gettid),       SCMP_SYS(sysinfo),         SCMP_SYS(uname),
              SCMP_SYS(tgkill),       SCMP_SYS(rt_sigaction),    SCMP_SYS(rt_sigprocmask),
              SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(clock_nanosleep),
              SCMP_SYS(exit)});
}

}  // namespace

Rules probe_rules() {
  Rules rules{
      SCMP_SYS(read),
      SCMP_SYS(write),
      SCMP_SYS(recvfrom),
      // Without an address: with one, it can open a TCP connection past Landlock (MSG_FASTOPEN).
      {SCMP_SYS(sendto), {is_null(4)}},
      SCMP_SYS(close),
      // TCP itself: Landlock does not count its relatives, such as MPTCP.
      {SCMP_SYS(socket), {is(0, AF_INET), bits(1, kSocketKind, SOCK_STREAM), is(2, IPPROTO_TCP)}},
      {SCMP_SYS(socket), {is(0, AF_INET6), bits(1, kSocketKind, SOCK_STREAM), is(2, IPPROTO_TCP)}},
      SCMP_SYS(connect),
      {SCMP_SYS(getsockopt), {is(1, SOL_SOCKET), is(2, SO_ERROR)}},
      {SCMP_SYS(setsockopt), {is(1, IPPROTO_TCP), is(2, TCP_NODELAY)}},
      {SCMP_SYS(ioctl), {is(1, FIONBIO)}},
      // OpenSSL: randomness, and whether this is still the process that it was set up in.
      SCMP_SYS(getrandom),
      SCMP_SYS(getpid),
      SCMP_SYS(exit_group),
  };
  add_waiting(rules);
  add_memory(rules);
  return rules;
}

Rules resolve_rules() {
  Rules rules{
      SCMP_SYS(read),
      SCMP_SYS(write),
      SCMP_SYS(recvfrom),
      SCMP_SYS(recvmsg),
      SCMP_SYS(recvmmsg),
      SCMP_SYS(sendto),
      SCMP_SYS(sendmsg),
      SCMP_SYS(sendmmsg),
      SCMP_SYS(close),
      // Name servers; services such as systemd-resolved and nscd; and, to put addresses in order, the machine's own.
      {SCMP_SYS(socket), {is(0, AF_INET)}},
      {SCMP_SYS(socket), {is(0, AF_INET6)}},
      {SCMP_SYS(socket), {is(0, AF_UNIX)}},
      {SCMP_SYS(socket), {is(0, AF_NETLINK)}},
      SCMP_SYS(bind),
      SCMP_SYS(connect),
      SCMP_SYS(getsockname),
      SCMP_SYS(getpeername),
      SCMP_SYS(getsockopt),
      SCMP_SYS(setsockopt),
      {SCMP_SYS(ioctl), {is(1, FIONBIO)}},
      {SCMP_SYS(ioctl), {is(1, FIONREAD)}},
      SCMP_SYS(select),
      SCMP_SYS(pselect6),
      SCMP_SYS(epoll_create1),
      SCMP_SYS(eventfd2),
      SCMP_SYS(timerfd_create),
      SCMP_SYS(getrandom),
      SCMP_SYS(getpid),
      SCMP_SYS(gettimeofday),
      SCMP_SYS(time),
      SCMP_SYS(prlimit64),
      SCMP_SYS(exit_group),
      // The name service's modules are libraries that are loaded when they are needed: files, mapped and not changed.
      {SCMP_SYS(mmap), {without(2, PROT_EXEC)}},
      {SCMP_SYS(mmap), {without(2, PROT_WRITE), without(3, MAP_ANONYMOUS)}},
      {SCMP_SYS(mmap2), {without(2, PROT_EXEC)}},
      {SCMP_SYS(mmap2), {without(2, PROT_WRITE), without(3, MAP_ANONYMOUS)}},
  };
  add_waiting(rules);
  add_memory(rules);
  add_reading_files(rules);
  return rules;
}

Rules service_rules() {
  Rules rules{
      SCMP_SYS(read),
      SCMP_SYS(write),
      SCMP_SYS(recvfrom),
      SCMP_SYS(recvmsg),
      SCMP_SYS(sendto),
      SCMP_SYS(sendmsg),
      SCMP_SYS(close),
      // chronyd, the journal, the service manager, and the channels to helpers.
      {SCMP_SYS(socket), {is(0, AF_UNIX)}},
      {SCMP_SYS(socketpair), {is(0, AF_UNIX)}},
      SCMP_SYS(connect),
      SCMP_SYS(shutdown),
      SCMP_SYS(getsockopt),
      SCMP_SYS(setsockopt),
      {SCMP_SYS(ioctl), {is(1, FIONBIO)}},
      // Is this a terminal, and how wide?
      {SCMP_SYS(ioctl), {is(1, TCGETS)}},
      {SCMP_SYS(ioctl), {is(1, TIOCGWINSZ)}},
      SCMP_SYS(epoll_create1),
      SCMP_SYS(eventfd2),
      SCMP_SYS(timerfd_create),
      SCMP_SYS(inotify_init1),
      SCMP_SYS(inotify_add_watch),
      SCMP_SYS(inotify_rm_watch),
      SCMP_SYS(rename),
      SCMP_SYS(renameat),
      SCMP_SYS(renameat2),
      SCMP_SYS(unlink),
      SCMP_SYS(unlinkat),
      SCMP_SYS(fchmod),
      SCMP_SYS(fsync),
      SCMP_SYS(getrandom),
      SCMP_SYS(getpid),
      SCMP_SYS(exit_group),
  };
  add_waiting(rules);
  add_memory(rules);
  add_reading_files(rules);
  return rules;
}

std::vector<int> deadly_calls() {
  return {// other programs and processes
          SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace),
          SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
          // the clock, which is chronyd's
          SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime),
          // the kernel
          SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
          SCMP_SYS(kexec_load), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
          SCMP_SYS(add_key), SCMP_SYS(keyctl), SCMP_SYS(request_key),
          // what the system looks like
          SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(setns),
          SCMP_SYS(unshare)};
}

}  // namespace sdwdate::sandbox
