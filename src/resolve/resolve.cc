#include "resolve/resolve.h"

#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ipc/child.h"
#include "ipc/records.h"
#include "sandbox/sandbox.h"

namespace sdwdate::resolve {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

std::optional<ipc::IpAddress> address_of(const addrinfo& entry) {
  ipc::IpAddress address;
  if (entry.ai_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, entry.ai_addr, sizeof v4);
    std::memcpy(address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return address;
  }
  if (entry.ai_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, entry.ai_addr, sizeof v6);
  address.v6 = true;
  std::memcpy(address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  return address;
}

ipc::ResolveReply look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) return {{}, ::gai_strerror(error)};

  const std::unique_ptr<addrinfo, FreeAddresses> list{found};
  std::vector<ipc::IpAddress> addresses;
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    if (const auto address = address_of(*entry)) addresses.push_back(*address);
  }
  if (addresses.empty()) return {{}, "it has no IP address"};
  // A reply has room for a few: of both families, if there are both.
  return {ipc::interleave(addresses), ""};
}

}  // namespace

int run(int channel) {
  ipc::ResolveJobRecord record{};
  if (ipc::await_record(channel, record) != ipc::Received::record) return 1;
  const auto job = ipc::decode_resolve_job(record);
  if (!job) return 1;
  if (const auto confined = sandbox::confine_resolve(); !confined) {
    return ipc::send_record(channel, ipc::encode(ipc::ResolveReply{{}, "our own helper process " + confined.error()}))
               ? 0
               : 1;
  }
  return ipc::send_record(channel, ipc::encode(look_up(job->host))) ? 0 : 1;
}

}  // namespace sdwdate::resolve
