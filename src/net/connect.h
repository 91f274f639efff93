// Connections, directly or through a SOCKS5 proxy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "ipc/address.h"
#include "net/asio.h"
#include "wire/socks5.h"

namespace sdwdate::net {

/// RFC 8305 section 5 ("happy eyeballs"): the families take turns (ipc::interleave), attempts start 250 ms apart, or at
/// once when the one before failed; the first connection made wins and the others are closed. The socket does not block
/// and does not delay. The error is `connect`.
awaitable<base::SourceResult<Stream>> connect(const std::vector<ipc::IpAddress>& addresses, std::uint16_t port);

/// Asks the SOCKS5 proxy at the other end to connect to `host`, which it resolves itself. The error is `proxy`.
awaitable<base::SourceResult<void>> connect_through(Stream& proxy, const std::string& host, std::uint16_t port,
                                                    const wire::SocksCredentials& credentials);

}  // namespace sdwdate::net
