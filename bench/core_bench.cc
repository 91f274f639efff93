// How fast the pure core is, as ratios to a known peer or to a smaller task, measured in one interleaved run.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "ipc/records.h"
#include "timecore/agreement.h"
#include "timecore/transfer.h"
#include "wire/http_date.h"

namespace {

using namespace sdwdate;
using namespace std::chrono_literals;
using benchmark::DoNotOptimize;

constexpr std::array kDates{"Sun, 06 Nov 1994 08:49:37 GMT", "Thu, 29 Feb 2024 23:59:59 GMT",
                            "Wed, 31 Dec 2025 00:00:00 GMT", "Fri, 01 Aug 2036 12:34:56 GMT"};
constexpr std::chrono::sys_seconds kReference = std::chrono::sys_days{std::chrono::year{2025} / 1 / 1};

void http_date_ours(benchmark::State& state) {
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state)
    DoNotOptimize(wire::parse_http_date(kDates[next++ % kDates.size()], kReference));
}

void http_date_glibc(benchmark::State& state) {
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    std::tm fields{};
    DoNotOptimize(strptime(kDates[next++ % kDates.size()], "%a, %d %b %Y %H:%M:%S GMT", &fields));
    DoNotOptimize(timegm(&fields));
  }
}

/// Honest sources but for every fifth, in pools of three.
void agree(benchmark::State& state) {
  std::vector<timecore::Vote> votes;
  for (int i = 0; i < state.range(0); ++i) {
    const timecore::RawOffset estimate{(i % 5 == 4 ? 600s : 0s) + std::chrono::nanoseconds{5ms} * (i % 7)};
    const timecore::RawBounds bounds = timecore::RawBounds{estimate, estimate}.widened(40ms);
    votes.push_back({bounds,
                     {bounds.lower, bounds.upper + 1s},
                     estimate,
                     true,
                     "operator" + std::to_string(i),
                     "pool" + std::to_string(i / 3)});
  }
  for ([[maybe_unused]] auto _ : state) DoNotOptimize(timecore::agree(votes, {}));
}

void combine(benchmark::State& state) {
  const base::RawTime start{1h};
  std::vector<timecore::Exchange> exchanges;
  for (int i = 0; i < state.range(0); ++i) {
    const base::RawTime sent = start + 1100ms * i;
    exchanges.push_back({sent, sent + 30ms, std::chrono::floor<std::chrono::seconds>(kReference + 1100ms * i + 15ms)});
  }
  const base::RawTime at = exchanges.back().received;
  for ([[maybe_unused]] auto _ : state) DoNotOptimize(timecore::combine(exchanges, {}, at));
}

constexpr ipc::ExchangeReport kReport{base::RawTime{1s}, base::RawTime{2s}, kReference};

void record_ours(benchmark::State& state) {
  ipc::ProbeReport report = kReport;
  for ([[maybe_unused]] auto _ : state) {
    DoNotOptimize(report);
    auto record = ipc::encode(report);
    DoNotOptimize(record);
    DoNotOptimize(ipc::decode_probe_report(record));
  }
}

/// What a record would cost if its bytes were trusted: a copy out and a copy in.
void record_memcpy(benchmark::State& state) {
  ipc::ExchangeReport report = kReport;
  for ([[maybe_unused]] auto _ : state) {
    DoNotOptimize(report);
    ipc::ProbeReportRecord record{};
    std::memcpy(record.data(), &report, sizeof(report));
    DoNotOptimize(record);
    ipc::ExchangeReport copy;
    std::memcpy(&copy, record.data(), sizeof(copy));
    DoNotOptimize(copy);
  }
}

BENCHMARK(http_date_ours);
BENCHMARK(http_date_glibc);
BENCHMARK(agree)->Arg(5)->Arg(9)->Arg(45);
BENCHMARK(combine)->Arg(8)->Arg(32);
BENCHMARK(record_ours);
BENCHMARK(record_memcpy);

/// The usual table, then the ratios of the medians.
class RatioReporter : public benchmark::ConsoleReporter {
 public:
  using ConsoleReporter::ConsoleReporter;

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.aggregate_name == "median") medians_[run.run_name.str()] = run.GetAdjustedRealTime();
    }
    ConsoleReporter::ReportRuns(runs);
  }

  void Finalize() override {
    std::printf("\n");
    ratio("http_date_ours", "http_date_glibc");
    ratio("record_ours", "record_memcpy");
    ratio("agree/9", "agree/5");
    ratio("agree/45", "agree/5");
    ratio("combine/32", "combine/8");
  }

 private:
  void ratio(const char* what, const char* to) const {
    const auto above = medians_.find(what);
    const auto below = medians_.find(to);
    if (above == medians_.end() || below == medians_.end()) return;  // filtered out
    std::printf("%-14s takes %6.2f times as long as %s\n", what, above->second / below->second, to);
  }

  std::map<std::string, double> medians_;
};

}  // namespace

int main(int argc, char** argv) {
  // What comes first can be overridden on the command line.
  std::string interleaved = "--benchmark_enable_random_interleaving=true";
  std::string repetitions = "--benchmark_repetitions=11";
  std::string aggregates = "--benchmark_report_aggregates_only=true";
  std::string least = "--benchmark_min_time=0.05";
  std::vector<char*> arguments{argv[0], interleaved.data(), repetitions.data(), aggregates.data(), least.data()};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  RatioReporter reporter{benchmark::ConsoleReporter::OO_Tabular};
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return 0;
}
