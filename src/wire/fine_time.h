// Headers with a finer time than Date: X-HTTPSTIME (Poul-Henning Kamp's time over HTTPS, at IANA's /.well-known/time)
// and Fastly's X-Timer. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "base/fine_time.h"

namespace sdwdate::wire {

/// "1795392000.123456": UNIX seconds and one to nine digits of a fraction, which say how fine it is. Empty for anything
/// else, and from base::kLatestFineTime on: a header that we do not understand is no evidence, and no error either.
std::optional<base::FineTime> parse_x_httpstime(std::string_view value);

/// "S1795392000.123456,VS0,VE1": the same behind an S; the rest is not looked at.
std::optional<base::FineTime> parse_x_timer(std::string_view value);

}  // namespace sdwdate::wire
