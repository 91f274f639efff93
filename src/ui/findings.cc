#include "ui/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>

namespace sdwdate::ui {
namespace {

using doctor::Finding;
using doctor::Verdict;

constexpr std::string_view kPlain = "\x1b[0m";

std::string_view words(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::problem: return "PROBLEM";
    case Verdict::not_checked: break;
  }
  return "not checked";
}

/// Green, red, yellow.
std::string_view colour(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "\x1b[32m";
    case Verdict::problem: return "\x1b[1;31m";
    case Verdict::not_checked: break;
  }
  return "\x1b[33m";
}

}  // namespace

void print_findings(std::ostream& out, const std::vector<Finding>& findings, bool coloured) {
  constexpr std::size_t kVerdictWidth = 11;
  std::size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.title.size());
  for (const Finding& finding : findings) {
    out << fmt::format("{}{:<{}}{}  {:<{}}  {}\n", coloured ? colour(finding.verdict) : "", words(finding.verdict),
                       kVerdictWidth, coloured ? kPlain : "", finding.title, width, finding.text);
    if (!finding.remedy.empty()) out << fmt::format("{:{}}  -> {}\n", "", kVerdictWidth + 2 + width, finding.remedy);
  }
}

std::string to_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    checks.push_back({{"check", finding.check},
                      {"verdict", doctor::name(finding.verdict)},
                      {"text", finding.text},
                      {"remedy", finding.remedy.empty() ? nlohmann::ordered_json(nullptr)
                                                        : nlohmann::ordered_json(finding.remedy)}});
  }
  const nlohmann::ordered_json json{
      {"schema", 1}, {"well", !doctor::has_problem(findings)}, {"checks", std::move(checks)}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace sdwdate::ui
