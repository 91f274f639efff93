// kernel_timestamps PORT [TIMES]: what the kernel's time stamps (SO_TIMESTAMPING) would add to our own, on a real
// connection to a web server without TLS at 127.0.0.1:PORT. Prints by how much an exchange becomes narrower at either
// end if the kernel's times of sending and receiving are taken instead of the process'. docs/estimate.md says what came
// of it.
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr std::string_view kRequest = "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n";

double now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);  // the clock of the kernel's stamps
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// The stamp of what recvmsg() returns with these flags, if there is one.
std::optional<double> receive(int socket, int flags) {
  std::array<char, 4096> bytes{};
  std::array<char, 512> control{};
  iovec piece{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (recvmsg(socket, &message, flags) < 0) return std::nullopt;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPING) continue;
    scm_timestamping stamps{};
    std::memcpy(&stamps, CMSG_DATA(part), sizeof stamps);
    return static_cast<double>(stamps.ts[0].tv_sec) + static_cast<double>(stamps.ts[0].tv_nsec) / 1e9;
  }
  return std::nullopt;
}

void print(const char* what, std::vector<double> gains) {
  if (gains.empty()) {
    std::printf("%s: the kernel gave no stamps\n", what);
    return;
  }
  std::ranges::sort(gains);
  const auto at = [&](double share) {
    return 1e6 * gains.at(static_cast<std::size_t>(share * static_cast<double>(gains.size() - 1)));
  };
  std::printf("%s: median %.1f us, 95 %% %.1f us, most %.1f us\n", what, at(0.5), at(0.95), at(1));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    static_cast<void>(std::fputs("kernel_timestamps PORT [TIMES]\n", stderr));
    return 2;
  }
  const int times = argc > 2 ? std::atoi(argv[2]) : 200;
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) {
    std::perror("connect");
    return 1;
  }
  const int yes = 1;
  const int wanted = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
                     SOF_TIMESTAMPING_OPT_TSONLY;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPING, &wanted, sizeof wanted) != 0) {
    std::perror("SO_TIMESTAMPING");
    return 1;
  }
  std::vector<double> sending;
  std::vector<double> receiving;
  for (int i = 0; i < times; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20 + std::rand() % 20});
    const double before = now();
    if (send(socket, kRequest.data(), kRequest.size(), 0) < 0) return 1;
    pollfd waiting{socket, POLLIN, 0};
    while ((waiting.revents & POLLIN) == 0) poll(&waiting, 1, 1000);
    const auto arrived = receive(socket, 0);
    const double after = now();
    if (arrived) receiving.push_back(after - *arrived);
    while (const auto left = receive(socket, MSG_ERRQUEUE | MSG_DONTWAIT)) sending.push_back(*left - before);
  }
  close(socket);
  print("sending", sending);
  print("receiving", receiving);
  return 0;
}
