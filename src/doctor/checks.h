// The doctor's verdicts: pure functions of facts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/facts.h"

namespace sdwdate::doctor {

enum class Verdict : std::uint8_t { ok, problem, not_checked };

/// "ok", "problem", "not_checked": part of the JSON contract.
std::string_view name(Verdict verdict);

struct Finding {
  std::string_view check;  ///< for programs, such as "chrony-sockets"
  std::string_view title;
  Verdict verdict = Verdict::not_checked;
  std::string text;    ///< what was found
  std::string remedy;  ///< what to do about it; may be empty
};

// One check each.
Finding check_sources(const Facts& facts);
Finding check_helpers(const Facts& facts);
Finding check_account(const Facts& facts);
Finding check_daemon(const Facts& facts);
Finding check_chronyd(const ChronyFacts& chrony);
Finding check_chrony_network(const ChronyFacts& chrony);
Finding check_chrony_sockets(const ChronyFacts& chrony);
Finding check_chrony_sources(const ChronyFacts& chrony);
Finding check_chrony_follows(const ChronyFacts& chrony);
Finding check_sample_socket(const ChronyFacts& chrony);
Finding check_report_socket(const ChronyFacts& chrony);
Finding check_reset_socket(const ChronyFacts& chrony);
Finding check_competitors(const Facts& facts);
Finding check_clock(const Facts& facts);
Finding check_rtc(const Facts& facts);
Finding check_proxy(const Facts& facts);
Finding check_tor(const Facts& facts);

/// What concerns chronyd alone.
std::vector<Finding> examine(const ChronyFacts& chrony);

/// Everything, in the order in which to read it.
std::vector<Finding> examine(const Facts& facts);

bool has_problem(const std::vector<Finding>& findings);

}  // namespace sdwdate::doctor
