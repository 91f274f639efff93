// What url_to_unixtime does: the helper of the Python sdwdate, for those who call it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "service/source.h"

namespace sdwdate::ui {

/// How url_to_unixtime ends. The numbers are the Python one's.
enum class UnixtimeStatus : std::uint8_t {
  done = 0,
  no_date = 1,      ///< the answer has no Date header
  date_length = 2,  ///< its Date header is too short or too long for one
  not_after_1970 = 3,
  too_far = 4,    ///< a time with more than ten digits, or beyond the year 2200
  connect = 5,    ///< no answer; also a URL or a proxy that cannot be asked
  no_time = 6,    ///< a Date header that makes no sense, or an old one, from a cache
  arguments = 7,  ///< fewer than four, or a port that is none
};

/// The time, or why there is none.
struct UnixtimeOutcome {
  UnixtimeStatus status = UnixtimeStatus::done;
  std::chrono::sys_seconds time;
  std::string complaint;
};

/// What one reading of one server comes to.
UnixtimeOutcome unixtime_of(const service::Reading& reading);

}  // namespace sdwdate::ui
