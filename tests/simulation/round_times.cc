// Prints when the product's schedule would hold rounds: the moments, in seconds, at which each round is done.
//
// usage: round_times SEED SECONDS [START...]
//
// A schedule begins anew at each START (0 unless given), as it does when the daemon starts or the clock has jumped,
// and goes on until the next START or until SECONDS. A round takes 5 to 8 s.
#include <fmt/format.h>

#include <cstdlib>
#include <random>
#include <vector>

#include "timecore/schedule.h"

using sdwdate::timecore::nanoseconds;
using sdwdate::timecore::Schedule;

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: round_times SEED SECONDS [START...]\n");
    return EXIT_FAILURE;
  }
  std::mt19937_64 random{std::strtoull(argv[1], nullptr, 10)};
  std::vector<double> starts;
  for (int i = 3; i < argc; ++i) starts.push_back(std::strtod(argv[i], nullptr));
  if (starts.empty()) starts.push_back(0);
  starts.push_back(std::strtod(argv[2], nullptr));

  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    Schedule schedule{{}};
    double now = starts[i];
    while (true) {
      now += 5.0 + 3.0 * static_cast<double>(random() >> 11U) * 0x1p-53;
      if (now >= starts[i + 1]) break;
      fmt::print("{:.3f}\n", now);
      now += std::chrono::duration<double>{schedule.after_success(random())}.count();
    }
  }
  return EXIT_SUCCESS;
}
