#include "tor/controller.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "support/generators.h"

namespace sdwdate::tor {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kCookie(kCookieSize, 'c');
constexpr Nonce kOurs{std::byte{1}};
constexpr Nonce kTheirs{std::byte{2}};

constexpr std::string_view kOk = "250 OK\r\n";
constexpr std::string_view kAll =
    "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=COOKIE,SAFECOOKIE,HASHEDPASSWORD\r\n250 OK\r\n";
constexpr std::string_view kDone =
    "250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"\r\n"
    "250-status/circuit-established=1\r\n250-consensus/valid-after=2026-11-22 22:23:19\r\n"
    "250-consensus/fresh-until=2026-11-22 22:28:19\r\n250-consensus/valid-until=\r\n250 OK\r\n";

/// A controller that has been let in and waits for the first state.
Controller ready() {
  Controller controller{{}, kOurs};
  EXPECT_EQ(controller.to_send(), "PROTOCOLINFO 1\r\n");
  EXPECT_TRUE(controller.feed("250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250 OK\r\n"));
  EXPECT_EQ(controller.to_send(), "AUTHENTICATE\r\n");
  EXPECT_TRUE(controller.feed(kOk));
  EXPECT_EQ(controller.to_send(), "SETEVENTS STATUS_CLIENT STATUS_GENERAL\r\n");
  EXPECT_TRUE(controller.feed(kOk));
  EXPECT_EQ(controller.to_send(), "SIGNAL ACTIVE\r\n");
  EXPECT_TRUE(controller.feed(kOk));
  EXPECT_THAT(controller.to_send(), StartsWith("GETINFO status/bootstrap-phase "));
  return controller;
}

/// What is sent after PROTOCOLINFO was answered like this.
std::string login(Credentials credentials, std::string_view answer) {
  Controller controller{std::move(credentials), kOurs};
  static_cast<void>(controller.to_send());
  const auto fed = controller.feed(answer);
  return fed ? controller.to_send() : fed.error();
}

TEST(Controller, ProvesThatItKnowsTheCookieToOneThatKnowsItToo) {
  Controller controller{{kCookie, "password"}, kOurs};
  static_cast<void>(controller.to_send());
  ASSERT_TRUE(controller.feed(kAll));
  EXPECT_EQ(controller.to_send(), fmt::format("AUTHCHALLENGE SAFECOOKIE {}\r\n", wire::to_hex(kOurs)));
  ASSERT_TRUE(controller.feed(fmt::format("250 AUTHCHALLENGE SERVERHASH={} SERVERNONCE={}\r\n",
                                          wire::to_hex(server_proof(kCookie, kOurs, kTheirs)), wire::to_hex(kTheirs))));
  EXPECT_EQ(controller.to_send(),
            fmt::format("AUTHENTICATE {}\r\n", wire::to_hex(client_proof(kCookie, kOurs, kTheirs))));
}

TEST(Controller, TellsNothingToOneThatDoesNotKnowTheCookie) {
  Controller controller{{kCookie, "password"}, kOurs};
  ASSERT_TRUE(controller.feed(kAll));
  static_cast<void>(controller.to_send());
  const auto fed = controller.feed(
      fmt::format("250 AUTHCHALLENGE SERVERHASH={} SERVERNONCE={}\r\n", std::string(64, '0'), wire::to_hex(kTheirs)));
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error(), HasSubstr("does not know"));
  EXPECT_EQ(controller.to_send(), "");
}

TEST(Controller, TakesTheBestWayInThatItHasTheMeansFor) {
  EXPECT_EQ(login({"", "pass \"word\""}, kAll), "AUTHENTICATE \"pass \\\"word\\\"\"\r\n");
  EXPECT_THAT(login({kCookie, ""}, "250-AUTH METHODS=COOKIE\r\n250 OK\r\n"), StartsWith("AUTHENTICATE 6363"));
  EXPECT_THAT(login({"", ""}, kAll), HasSubstr("its cookie"));
  EXPECT_THAT(login({"short", ""}, kAll), HasSubstr("its cookie"));
  EXPECT_THAT(login({"", ""}, "250-AUTH METHODS=HASHEDPASSWORD\r\n250 OK\r\n"), HasSubstr("a password"));
  EXPECT_THAT(login({"", ""}, "250 OK\r\n"), HasSubstr("no control port"));
  EXPECT_THAT(login({"", ""}, "HTTP/1.1 400 Bad Request\r\n"), HasSubstr("no control port"));
}

TEST(Controller, ReportsTheState) {
  Controller controller = ready();
  const auto reports = controller.feed(kDone);
  ASSERT_TRUE(reports && reports->size() == 1);
  const auto* const state = std::get_if<ipc::TorState>(&reports->front());
  ASSERT_NE(state, nullptr);
  EXPECT_TRUE(state->works());
  EXPECT_EQ(state->phase, "Done");
  EXPECT_EQ(state->valid_after, std::chrono::sys_seconds{std::chrono::seconds{1795386199}});
  EXPECT_EQ(state->valid_until, std::nullopt);
  EXPECT_EQ(controller.to_send(), "");
}

TEST(Controller, ReloadsWhenToldToWhateverElseIsAsked) {
  Controller controller = ready();
  controller.reload();
  EXPECT_EQ(controller.to_send(), "SIGNAL RELOAD\r\n");
  const auto reports = controller.feed(std::string{kDone} + std::string{kOk});
  ASSERT_TRUE(reports) << reports.error();
  EXPECT_EQ(reports->size(), 1U);
  controller.ask_again();
  EXPECT_THAT(controller.to_send(), StartsWith("GETINFO"));
}

TEST(Controller, RefusesAnswersToWhatNobodyAsked) {
  Controller controller = ready();
  EXPECT_FALSE(controller.feed(std::string{kDone} + std::string{kOk}));
}

TEST(Controller, AsksAgainAfterAnEventAndOnlyOnceForMany) {
  Controller controller = ready();
  ASSERT_TRUE(controller.feed("650 STATUS_CLIENT NOTICE CIRCUIT_ESTABLISHED\r\n650 STATUS_CLIENT NOTICE X\r\n"));
  EXPECT_EQ(controller.to_send(), "") << "the last question has not been answered";
  ASSERT_TRUE(controller.feed(kDone));
  EXPECT_THAT(controller.to_send(), StartsWith("GETINFO"));
  ASSERT_TRUE(controller.feed(kDone));
  EXPECT_EQ(controller.to_send(), "");
  controller.ask_again();
  EXPECT_THAT(controller.to_send(), StartsWith("GETINFO"));
}

TEST(Controller, ReportsWhoseClockIsNotOurs) {
  Controller controller = ready();
  const auto reports = controller.feed("650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=-10800 SOURCE=OR:192.0.2.1:9001\r\n");
  ASSERT_TRUE(reports && reports->size() == 1);
  EXPECT_EQ(std::get<ipc::TorSkew>(reports->front()),
            (ipc::TorSkew{std::chrono::seconds{-10800}, ipc::SkewEvidence::relay, "192.0.2.1:9001"}));
}

TEST(Controller, EndsWhenRefused) {
  Controller controller = ready();
  const auto fed = controller.feed("510 Unrecognized\x1b command\r\n");
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error(), HasSubstr("refused: 510 Unrecognized"));
  EXPECT_THAT(fed.error(), Not(HasSubstr("\x1b")));
}

RC_GTEST_PROP(Controller, WhateverTorSaysTheReportsCanBeSent, ()) {
  Controller controller = ready();
  const auto words = *rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(
      rc::gen::element<std::string>("250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=", "100", "250 OK\r\n",
                                    "650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=", "9", " SOURCE=OR:", "\r\n",
                                    " SUMMARY=\"", "\"", "250-consensus/valid-after=2026-11-22 22:23:19\r\n"),
      support::any_bytes()));
  for (const std::string& word : words) {
    const auto reports = controller.feed(word);
    if (!reports) return;
    for (const ipc::TorReport& report : *reports) RC_ASSERT(ipc::decode_tor_report(ipc::encode(report)) == report);
  }
}

}  // namespace
}  // namespace sdwdate::tor
