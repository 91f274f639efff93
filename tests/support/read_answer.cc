// Says what we make of an answer to a HEAD request on standard input, all of it there at once: one line with the status
// of "date", "incomplete" or "refused", then the Date as UNIX time and how much later the latest one is, or why not.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "wire/http_answer.h"

int main() {
  using sdwdate::wire::AnswerReader;
  const std::string bytes{std::istreambuf_iterator<char>{std::cin}, {}};
  AnswerReader reader{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};
  const auto answer = reader.feed(bytes);
  if (!answer) {
    fmt::print("refused {}: {}\n", name(answer.error().code), answer.error().message);
  } else if (!*answer) {
    fmt::print("incomplete\n");
  } else {
    fmt::print("date {} {}\n", (*answer)->date.time_since_epoch().count(), (*answer)->spread.count());
  }
  return 0;
}
