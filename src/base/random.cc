#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace sdwdate::base {

SystemRandom::result_type SystemRandom::operator()() {
  result_type value = 0;
  // Up to 256 bytes are never delivered in part (getrandom(2)); only a signal can interrupt the wait at boot.
  while (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) {
    if (errno != EINTR) std::abort();  // no kernel we run on lacks getrandom
  }
  return value;
}

}  // namespace sdwdate::base
