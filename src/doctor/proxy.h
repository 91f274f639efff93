// Does a SOCKS5 proxy answer?
#pragma once

#include <chrono>

#include "doctor/facts.h"
#include "wire/url.h"

namespace sdwdate::doctor {

/// Connects and offers what a probe would offer; goes no further. The error is a sentence.
Known<void> greet_proxy(const wire::ProxyUrl& proxy, std::chrono::seconds patience);

}  // namespace sdwdate::doctor
