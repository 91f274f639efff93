// One source as a round sees it: whom to ask, and what came of it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ipc/launcher.h"
#include "ipc/records.h"
#include "sandbox/sandbox.h"
#include "timecore/sanity.h"
#include "timecore/transfer.h"
#include "wire/url.h"

namespace sdwdate::service {

struct SourceSpec {
  wire::Url url;
  std::optional<std::string> pool = std::nullopt;
  std::optional<std::string> operator_name = std::nullopt;
  bool self_signed = false;                                    ///< see config::Source
  std::optional<std::chrono::nanoseconds> lag = std::nullopt;  ///< likewise

  /// Who has the vote: the operator or, where none is named, the server itself.
  [[nodiscard]] std::string voter() const { return operator_name.value_or(url.authority()); }
  /// What is allowed for this source, where others are allowed `usual`.
  [[nodiscard]] timecore::TransferOptions transfer(timecore::TransferOptions usual) const {
    usual.lag = lag.value_or(usual.lag);
    return usual;
  }
};

/// What one source's probe brought home: exchanges, or an error.
struct Reading {
  std::vector<timecore::Exchange> exchanges;
  ipc::Traffic traffic;
  sandbox::Missing missing;  ///< of its probe's confinement
  std::optional<base::SourceError> error;
};

/// Addresses given by the user instead of the resolver, as by curl's --resolve.
using ResolveOverrides = std::map<wire::HostPort, std::vector<ipc::IpAddress>>;

/// How sources are asked; the same for all of a round.
struct MeasureOptions {
  std::vector<wire::ProxyUrl> proxies;  ///< sources take them in turn; none: asked directly
  std::string ca_file;
  int exchanges = 8;
  std::chrono::nanoseconds timeout = std::chrono::seconds{30};
  /// How long after the round's start sources are asked more than enough; empty: always. See timecore::enough().
  std::optional<std::chrono::nanoseconds> sharpen;
  timecore::TransferOptions transfer;
  timecore::TimeLimits limits;
  ResolveOverrides overrides;
  std::shared_ptr<ipc::Launcher> launcher;  ///< of the helper processes
};

}  // namespace sdwdate::service
