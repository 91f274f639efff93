#include "ui/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace sdwdate::ui {
namespace {

using namespace std::chrono_literals;
using base::RawTime;
using nlohmann::ordered_json;
using service::Outcome;
using timecore::RawOffset;
using Keys = std::vector<std::string>;

constexpr RawTime kRaw{100s};
constexpr RawOffset kZero{900s};  // the system clock shows 1000 s: an offset of nothing

Keys keys_of(const ordered_json& json) {
  Keys keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  return keys;
}

service::SourceReport source(const std::string& url) {
  service::SourceReport report;
  report.spec.url = wire::parse_url(url).value_or(wire::Url{});
  return report;
}

/// Two that agree, a falseticker and one that failed.
service::RoundReport some_round() {
  service::RoundReport round;
  round.at = {kRaw, base::RealTime{1000s}, 100ns};
  round.duration = 6200ms;
  round.sources = {source("https://a.example/"), source("https://b.example/"), source("https://c.example/"),
                   source("https://d.example/x")};

  service::SourceReport& a = round.sources[0];
  a.spec.pool = "privacy";
  a.spec.operator_name = "A";
  a.outcome = Outcome::truechimer;
  a.claim = timecore::Claim{{kZero - 4ms, kZero + 6ms}, {kZero - 4ms, kZero + 1006ms}, true};
  a.estimate = {kZero + 1ms, 2ms};
  a.reading.exchanges = {{kRaw - 2s, kRaw - 2s + 30ms, {}}, {kRaw - 1s, kRaw - 1s + 10ms, {}}};
  a.reading.traffic = {1210, 9800};

  round.sources[1].outcome = Outcome::truechimer;
  round.sources[1].claim = a.claim;
  round.sources[2].outcome = Outcome::falseticker;
  round.sources[2].claim = timecore::Claim{{kZero - 600s, kZero - 600s}, {kZero - 600s, kZero - 599s}, true};
  round.sources[3].reading.error = base::SourceError{base::ErrorCode::tls_certificate, "its certificate: expired"};

  round.agreement.verdict = timecore::Verdict::agreed;
  round.agreement.bounds = timecore::RawBounds{kZero - 3ms, kZero + 5ms};
  round.agreement.certain = timecore::RawBounds{kZero - 3ms, kZero + 1005ms};
  round.agreement.narrow = true;
  round.agreement.estimate = kZero + 1ms;
  round.agreement.pools_agreeing = 2;
  round.agreement.operators_asked = 8;
  return round;
}

TEST(Json, KeysAreExactlyTheContracts) {
  const auto json = ordered_json::parse(to_json(some_round()));
  EXPECT_EQ(keys_of(json), (Keys{"schema", "sources", "selection", "duration"}));
  const Keys of_a_source{"url",        "pool",           "operator",      "outcome",        "error", "offset",
                         "lower",      "upper",          "certain_lower", "certain_upper",  "delay", "requests",
                         "bytes_sent", "bytes_received", "evidence",      "standard_error", "note"};
  for (const auto& one : json["sources"]) EXPECT_EQ(keys_of(one), of_a_source);
  EXPECT_EQ(keys_of(json["selection"]),
            (Keys{"agreed", "offset", "lower", "upper", "certain_lower", "certain_upper", "narrow", "standard_error",
                  "truechimers", "falsetickers", "failed", "asked", "pools_agreeing"}));
  EXPECT_EQ(keys_of(json["sources"][3]["error"]), (Keys{"code", "message"}));
}

TEST(Csv, ASourceIsALineAndWhatIsNullIsEmpty) {
  service::RoundReport round = some_round();
  round.sources[0].spec.operator_name = "A \"and\" B, Ltd.";
  round.sources.erase(round.sources.begin() + 1, round.sources.begin() + 3);
  EXPECT_EQ(to_csv(round),
            "pool,operator,url,outcome,error,offset,lower,upper,standard_error,delay,requests,bytes_sent,"
            "bytes_received,evidence\n"
            "\"privacy\",\"A \"\"and\"\" B, "
            "Ltd.\",\"https://a.example/\",\"truechimer\",,0.001,-0.0040001,0.0060001,0.003511885,"
            "0.01,2,1210,9800,\"date\"\n"
            ",,\"https://d.example/x\",\"failed\",\"tls_certificate\",,,,,,0,0,0,\n");
}

TEST(Json, ASyncAlsoSaysWhetherChronyWasFed) {
  service::SyncReport report;
  report.round = some_round();
  report.fed = true;
  const auto json = ordered_json::parse(to_json(report));
  EXPECT_EQ(keys_of(json), (Keys{"schema", "sources", "selection", "fed", "tor", "refused_by", "rough", "duration"}));
  EXPECT_EQ(json["fed"], true);
  EXPECT_TRUE(json["tor"].is_null()) << "nobody asked";
  EXPECT_TRUE(json["refused_by"].is_null());
  report.refused_by = "floor";
  EXPECT_EQ(ordered_json::parse(to_json(report))["refused_by"], "floor");
}

TEST(Json, ASyncSaysWhatTorSaid) {
  service::SyncReport report;
  report.round = some_round();
  report.tor = service::TorFacts{};
  report.tor->state = ipc::TorState{.progress = 40,
                                    .phase = "Loading",
                                    .warning = {},
                                    .valid_after = {},
                                    .fresh_until = {},
                                    .valid_until = std::chrono::sys_seconds{std::chrono::seconds{1795386199}}};
  auto tor = ordered_json::parse(to_json(report))["tor"];
  EXPECT_EQ(keys_of(tor), (Keys{"unavailable", "progress", "valid_after", "valid_until"}));
  EXPECT_TRUE(tor["unavailable"].is_null());
  EXPECT_EQ(tor["progress"], 40);
  EXPECT_TRUE(tor["valid_after"].is_null());
  EXPECT_EQ(tor["valid_until"], 1795386199);
  report.tor = service::TorFacts{{}, {}, "no answer"};
  tor = ordered_json::parse(to_json(report))["tor"];
  EXPECT_EQ(tor["unavailable"], "no answer");
  EXPECT_TRUE(tor["progress"].is_null());
}

TEST(Json, ValuesAreSecondsAsDoubles) {
  const auto json = ordered_json::parse(to_json(some_round()));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["duration"], 6.2);
  const auto& a = json["sources"][0];
  EXPECT_EQ(a["url"], "https://a.example/");
  EXPECT_EQ(a["pool"], "privacy");
  EXPECT_EQ(a["operator"], "A");
  EXPECT_EQ(a["outcome"], "truechimer");
  EXPECT_TRUE(a["error"].is_null());
  EXPECT_NEAR(a["offset"], 0.001, 1e-9);
  EXPECT_NEAR(a["lower"], -0.0040001, 1e-9) << "wider by the uncertainty of reading two clocks";
  EXPECT_NEAR(a["upper"], 0.0060001, 1e-9);
  EXPECT_NEAR(a["delay"], 0.010, 1e-9) << "the smallest round trip";
  EXPECT_EQ(a["requests"], 2);
  EXPECT_EQ(a["bytes_sent"], 1210);
  EXPECT_EQ(a["bytes_received"], 9800);
  EXPECT_EQ(a["evidence"], "date");
  EXPECT_NEAR(a["standard_error"], std::sqrt(0.002 * 0.002 + 0.005 * 0.005 / 3), 1e-9) << "with the path's share";
  EXPECT_TRUE(a["note"].is_null());
}

TEST(Json, AFailedSourceHasItsErrorAndNullsForNumbers) {
  const auto json = ordered_json::parse(to_json(some_round()));
  const auto& failed = json["sources"][3];
  EXPECT_EQ(failed["outcome"], "failed");
  EXPECT_EQ(failed["error"]["code"], "tls_certificate");
  EXPECT_EQ(failed["error"]["message"], "its certificate: expired");
  for (const char* key : {"pool", "operator", "offset", "lower", "upper", "delay", "evidence"}) {
    EXPECT_TRUE(failed[key].is_null()) << key;
  }
  EXPECT_EQ(failed["requests"], 0);
}

TEST(Json, TheSelectionCountsOutcomes) {
  const auto selection = ordered_json::parse(to_json(some_round()))["selection"];
  EXPECT_EQ(selection["agreed"], true);
  EXPECT_NEAR(selection["offset"], 0.001, 1e-9);
  EXPECT_NEAR(selection["lower"], -0.0030001, 1e-9);
  EXPECT_NEAR(selection["upper"], 0.0050001, 1e-9);
  EXPECT_GE(selection["standard_error"], 0.005 / std::sqrt(3.0) - 1e-9) << "what a path of 10 ms can do";
  EXPECT_EQ(selection["truechimers"], 2);
  EXPECT_EQ(selection["falsetickers"], 1);
  EXPECT_EQ(selection["failed"], 1);
  EXPECT_EQ(selection["asked"], 8);
  EXPECT_EQ(selection["pools_agreeing"], 2);
}

TEST(Json, WithoutAgreementThereIsNoOffset) {
  auto round = some_round();
  round.agreement.verdict = timecore::Verdict::too_few_operators;
  const auto selection = ordered_json::parse(to_json(round))["selection"];
  EXPECT_EQ(selection["agreed"], false);
  for (const char* key : {"offset", "lower", "upper"}) EXPECT_TRUE(selection[key].is_null()) << key;
}

TEST(Json, ARoundInWhichTheMachineSleptHasNoOffset) {
  auto round = some_round();
  round.slept = true;
  const auto selection = ordered_json::parse(to_json(round))["selection"];
  EXPECT_EQ(selection["agreed"], false);
  EXPECT_TRUE(selection["offset"].is_null());
}

TEST(Json, AnEmptyRoundIsStillComplete) {
  const auto json = ordered_json::parse(to_json(service::RoundReport{}));
  EXPECT_TRUE(json["sources"].is_array() && json["sources"].empty());
  EXPECT_EQ(json["selection"]["agreed"], false);
}

TEST(Json, ItIsOneLineOfValidUtf8WhateverTheUserTyped) {
  auto round = some_round();
  round.sources[0].spec.pool = "\xff\xfe\n";
  const std::string text = to_json(round);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_TRUE(ordered_json::accept(text));
}

TEST(Json, ErrorCodesAreTheContracts) {
  const std::vector<std::string_view> contract{
      "dns",          "connect",        "proxy", "tls_handshake", "tls_certificate", "http_malformed",
      "date_missing", "date_malformed", "stale", "implausible",   "inconsistent",    "timeout",
      "probe_crashed"};
  EXPECT_THAT(base::kErrorNames, testing::UnorderedElementsAreArray(contract));
  EXPECT_EQ(base::name(base::ErrorCode::probe_crashed), "probe_crashed");
  EXPECT_EQ(base::name(base::ErrorCode::dns), "dns");
  EXPECT_EQ(base::name(base::ErrorCode::stale), "stale");
}

}  // namespace
}  // namespace sdwdate::ui
