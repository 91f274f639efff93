#include "ui/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace sdwdate::ui {
namespace {

using doctor::Finding;
using doctor::Verdict;
using testing::HasSubstr;

const std::vector<Finding> kFindings{
    {"chronyd", "chronyd", Verdict::ok, "it runs", ""},
    {"competitors", "other time daemons", Verdict::problem, "ntpd runs", "sudo systemctl disable --now ntp"},
    {"rtc", "real-time clock", Verdict::not_checked, "there is none", ""},
};

std::string printed(bool coloured) {
  std::ostringstream out;
  print_findings(out, kFindings, coloured);
  return out.str();
}

TEST(Findings, StandInColumns) {
  EXPECT_EQ(printed(false),
            "ok           chronyd             it runs\n"
            "PROBLEM      other time daemons  ntpd runs\n"
            "                                 -> sudo systemctl disable --now ntp\n"
            "not checked  real-time clock     there is none\n");
}

TEST(Findings, ColoursChangeNoColumn) {
  std::string plain = printed(true);
  EXPECT_THAT(plain, HasSubstr("\x1b[1;31mPROBLEM"));
  for (std::size_t start = plain.find('\x1b'); start != std::string::npos; start = plain.find('\x1b')) {
    plain.erase(start, plain.find('m', start) + 1 - start);
  }
  EXPECT_EQ(plain, printed(false));
}

TEST(Findings, AreOneLineOfJson) {
  const std::string text = to_json(kFindings);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["well"], false);
  ASSERT_EQ(json["checks"].size(), 3U);
  EXPECT_EQ(json["checks"][0]["check"], "chronyd");
  EXPECT_EQ(json["checks"][0]["verdict"], "ok");
  EXPECT_TRUE(json["checks"][0]["remedy"].is_null());
  EXPECT_EQ(json["checks"][1]["verdict"], "problem");
  EXPECT_EQ(json["checks"][1]["remedy"], "sudo systemctl disable --now ntp");
  EXPECT_EQ(json["checks"][2]["verdict"], "not_checked");
}

TEST(Findings, WithoutAProblemAllIsWell) {
  EXPECT_EQ(nlohmann::json::parse(to_json(std::vector{kFindings[0], kFindings[2]}))["well"], true);
}

}  // namespace
}  // namespace sdwdate::ui
