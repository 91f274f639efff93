#include "wire/tor_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "support/generators.h"

namespace sdwdate::wire {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::vector<ControlReply> read(std::string_view bytes) {
  ControlReader reader;
  const auto replies = reader.feed(bytes);
  EXPECT_TRUE(replies.has_value()) << replies.error();
  return replies.value_or(std::vector<ControlReply>{});
}

ControlReply one(std::string_view bytes) {
  const auto replies = read(bytes);
  EXPECT_EQ(replies.size(), 1U);
  return replies.empty() ? ControlReply{} : replies.front();
}

std::string refused(std::string_view bytes) {
  ControlReader reader;
  const auto replies = reader.feed(bytes);
  return replies ? "accepted" : replies.error();
}

// --- replies
// ---------------------------------------------------------------------------------------------------------

TEST(ControlReader, ReadsRepliesOfOneLineOfManyAndOfData) {
  EXPECT_THAT(read("250 OK\r\n"
                   "250-version=0.4.9.11\r\n250 OK\r\n"
                   "250+circuit-status=\r\n1 BUILT a\r\n..2 BUILT b\r\n.\r\n250 OK\r\n"
                   "552 Unrecognized key \"x\"\r\n"),
              ElementsAre(ControlReply{250, {{"OK", ""}}}, ControlReply{250, {{"version=0.4.9.11", ""}, {"OK", ""}}},
                          ControlReply{250, {{"circuit-status=", "1 BUILT a\n.2 BUILT b\n"}, {"OK", ""}}},
                          ControlReply{552, {{"Unrecognized key \"x\"", ""}}}));
}

TEST(ControlReader, KeepsWhatIsNotCompleteForLater) {
  ControlReader reader;
  EXPECT_TRUE(reader.feed("250-version=0.4")->empty());
  EXPECT_TRUE(reader.feed(".9.11\r")->empty());
  EXPECT_TRUE(reader.feed("\n250")->empty());
  EXPECT_THAT(*reader.feed(" OK\r\n650 X"), ElementsAre(ControlReply{250, {{"version=0.4.9.11", ""}, {"OK", ""}}}));
}

TEST(ControlReader, KnowsAnEventByItsStatus) {
  EXPECT_TRUE(one("650 STATUS_CLIENT NOTICE CIRCUIT_ESTABLISHED\r\n").is_event());
  EXPECT_FALSE(one("250 OK\r\n").is_event());
  EXPECT_TRUE(one("250 OK\r\n").ok());
  EXPECT_FALSE(one("515 Authentication failed\r\n").ok());
}

TEST(ControlReader, RefusesWhatIsNoControlPort) {
  EXPECT_EQ(refused("HTTP/1.0 501 Tor is not an HTTP Proxy\r\n"), "a line without a status");
  EXPECT_EQ(refused("250 OK\n"), "a line without a carriage return");
  EXPECT_EQ(refused("250\r\n"), "a line without a status");
  EXPECT_EQ(refused("25 OK\r\n"), "a line without a status");
  EXPECT_EQ(refused("250_OK\r\n"), "a line whose status is not followed by a space, '-' or '+'");
  EXPECT_EQ(refused("250-a\r\n251 b\r\n"), "a reply with two statuses");
}

TEST(ControlReader, CollectsNoMoreThanItsLimits) {
  EXPECT_EQ(refused(std::string(kMaxControlLine + 2, '2')), "a line that is too long");
  std::string lines;
  while (lines.size() < 2 * kMaxControlReply) lines += "250-" + std::string(1000, 'x') + "\r\n";
  EXPECT_EQ(refused(lines), "a reply that is too long");
  lines.clear();
  for (int i = 0; i < 1000; ++i) lines += "250-x\r\n";
  EXPECT_EQ(refused(lines), "a reply of too many lines");
  EXPECT_EQ(read("250 " + std::string(kMaxControlLine - 4, 'x') + "\r\n").size(), 1U);
}

TEST(ControlReader, GivesUpAfterAnError) {
  ControlReader reader;
  EXPECT_FALSE(reader.feed("nonsense\r\n"));
  EXPECT_FALSE(reader.feed("250 OK\r\n"));
}

RC_GTEST_PROP(ControlReader, ReadsTheSameHoweverTheBytesAreCut, ()) {
  std::string stream;
  const auto replies = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "250 OK\r\n", "250-a=b\r\n250 OK\r\n", "250+d=\r\nx\r\n..\r\n.\r\n250 OK\r\n", "650 A B\r\n", "514 No\r\n"));
  for (const std::string& reply : replies) stream += reply;
  const auto whole = read(stream);
  ControlReader reader;
  std::vector<ControlReply> pieces;
  while (!stream.empty()) {
    const std::size_t length = std::min<std::size_t>(stream.size(), *support::uniform<std::size_t>(1, 40));
    const auto fed = reader.feed(stream.substr(0, length));
    RC_ASSERT(fed.has_value());
    pieces.insert(pieces.end(), fed->begin(), fed->end());
    stream.erase(0, length);
  }
  RC_ASSERT(pieces == whole);
}

// --- words
// -----------------------------------------------------------------------------------------------------------

TEST(ControlWords, AreNamedOrPlainAndQuotedOrNot) {
  const auto words =
      parse_control_words(R"(NOTICE  BOOTSTRAP PROGRESS=80 SUMMARY="Connecting to \"a\" relay" "x y" E=)");
  ASSERT_TRUE(words);
  EXPECT_THAT(words->plain, ElementsAre("NOTICE", "BOOTSTRAP", "x y"));
  EXPECT_THAT(words->named,
              ElementsAre(Pair("E", ""), Pair("PROGRESS", "80"), Pair("SUMMARY", "Connecting to \"a\" relay")));
  EXPECT_EQ((*words)["PROGRESS"], "80");
  EXPECT_EQ((*words)["NOTHING"], "");
}

TEST(ControlWords, EscapesAreThoseOfTheSpecification) {
  const auto words = parse_control_words(R"(F="a\\b\tc\n\101\7z\'")");
  ASSERT_TRUE(words);
  EXPECT_EQ((*words)["F"], "a\\b\tc\nA\az'");
}

TEST(ControlWords, RefusesWhatHasTwoMeanings) {
  for (const char* text : {R"(A="open)", R"(A="x"y)", "A=1 A=2", R"(A="\)", R"(A="\777")"}) {
    EXPECT_FALSE(parse_control_words(text)) << text;
  }
}

RC_GTEST_PROP(ControlWords, WhatIsQuotedReadsAsItWas, ()) {
  const std::string value = *support::any_bytes();
  const auto words = parse_control_words("V=" + quote_for_control(value));
  RC_ASSERT(words.has_value());
  RC_ASSERT((*words)["V"] == value);
}

// --- what is asked
// ---------------------------------------------------------------------------------------------------

TEST(ProtocolInfo, SaysHowToLogIn) {
  const auto info = parse_protocol_info(
      one("250-PROTOCOLINFO 1\r\n"
          "250-AUTH METHODS=COOKIE,SAFECOOKIE,HASHEDPASSWORD COOKIEFILE=\"/run/tor/control.authcookie\"\r\n"
          "250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n"));
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->cookie && info->safe_cookie && info->password);
  EXPECT_FALSE(info->no_authentication);
  EXPECT_EQ(info->cookie_file, "/run/tor/control.authcookie");
}

TEST(ProtocolInfo, NeedsNoCookie) {
  const auto info = parse_protocol_info(one("250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250 OK\r\n"));
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->no_authentication);
  EXPECT_FALSE(info->cookie || info->safe_cookie || info->password);
  EXPECT_FALSE(parse_protocol_info(one("514 Authentication required.\r\n")));
  EXPECT_FALSE(parse_protocol_info(one("250 OK\r\n")));
}

TEST(AuthChallenge, IsTwoTimes32Bytes) {
  const std::string hash(64, 'a');
  const std::string nonce = "00ff" + std::string(60, '1');
  const auto challenge =
      parse_auth_challenge(one("250 AUTHCHALLENGE SERVERHASH=" + hash + " SERVERNONCE=" + nonce + "\r\n"));
  ASSERT_TRUE(challenge);
  EXPECT_EQ(to_hex(challenge->server_hash), hash);
  EXPECT_EQ(to_hex(challenge->server_nonce), nonce);
  EXPECT_FALSE(parse_auth_challenge(one("250 AUTHCHALLENGE SERVERHASH=ab SERVERNONCE=" + nonce + "\r\n")));
  EXPECT_FALSE(parse_auth_challenge(
      one("250 AUTHCHALLENGE SERVERHASH=" + std::string(64, 'g') + " SERVERNONCE=" + nonce + "\r\n")));
  EXPECT_FALSE(parse_auth_challenge(one("513 AUTHCHALLENGE only supports SAFECOOKIE\r\n")));
}

TEST(ControlInfo, IsKeysWithValues) {
  const auto info = parse_info(
      one("250-consensus/valid-after=2026-11-22 22:23:19\r\n"
          "250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"\r\n250 OK\r\n"));
  ASSERT_TRUE(info);
  EXPECT_THAT(*info,
              ElementsAre(Pair("consensus/valid-after", "2026-11-22 22:23:19"),
                          Pair("status/bootstrap-phase", "NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"")));
  EXPECT_FALSE(parse_info(one("552 Unrecognized key \"x\"\r\n")));
  EXPECT_FALSE(parse_info(one("250-novalue\r\n250 OK\r\n")));
  EXPECT_FALSE(parse_info(one("250-a=1\r\n250-a=2\r\n250 OK\r\n")));
}

TEST(Bootstrap, HasAProgressAndWhatHoldsItUp) {
  const auto done = parse_bootstrap("NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->progress, 100U);
  EXPECT_EQ(done->summary, "Done");
  EXPECT_EQ(done->warning, "");
  const auto held = parse_bootstrap(
      "WARN BOOTSTRAP PROGRESS=14 TAG=handshake SUMMARY=\"Handshaking with a relay\" WARNING=\"Clock skew -10800 in "
      "NETINFO cell from OR\" REASON=CLOCK_SKEW COUNT=1 RECOMMENDATION=warn");
  ASSERT_TRUE(held);
  EXPECT_EQ(held->progress, 14U);
  EXPECT_THAT(held->warning, HasSubstr("-10800"));
  for (const char* text : {"", "NOTICE BOOTSTRAP", "NOTICE BOOTSTRAP PROGRESS=101", "NOTICE BOOTSTRAP PROGRESS=-1",
                           "NOTICE X PROGRESS=5", "NOTICE BOOTSTRAP PROGRESS=5 SUMMARY=\""}) {
    EXPECT_FALSE(parse_bootstrap(text)) << text;
  }
}

TEST(ControlTime, IsOneFormOnly) {
  EXPECT_EQ(parse_control_time("2026-11-22 22:23:19"), std::chrono::sys_seconds{seconds{1795386199}});
  for (const char* text : {"", "2026-11-22T22:23:19", "2026-11-22 22:23:1", "2026-02-30 00:00:00",
                           "2026-11-22 24:00:00", "2026-11-22 22:60:00", "2026-11-22 22:23:60", "2026-13-01 00:00:00",
                           "-026-11-22 22:23:19", "2026-11-22 22:23:19 "}) {
    EXPECT_FALSE(parse_control_time(text)) << text;
  }
}

// --- how wrong Tor thinks the clock is
// -------------------------------------------------------------------------------

TEST(ClockSkew, HasAnAmountAndASource) {
  const auto relay =
      parse_clock_skew(one("650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=-10800 SOURCE=OR:127.117.202.10:5000\r\n"));
  ASSERT_TRUE(relay);
  EXPECT_EQ(relay->skew, seconds{-10800});
  EXPECT_EQ(relay->source, SkewSource::relay);
  EXPECT_EQ(relay->address, "127.117.202.10:5000");
  const auto directory =
      parse_clock_skew(one("650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=3600 SOURCE=DIRSERV:192.0.2.1:9030\r\n"));
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->source, SkewSource::directory);
  const auto consensus = parse_clock_skew(one("650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=-10634 SOURCE=CONSENSUS\r\n"));
  ASSERT_TRUE(consensus);
  EXPECT_EQ(consensus->source, SkewSource::consensus);
  EXPECT_EQ(consensus->address, "");
}

TEST(ClockSkew, IsNothingElse) {
  for (const char* line : {
           "250 STATUS_GENERAL WARN CLOCK_SKEW SKEW=-10800 SOURCE=OR:127.117.202.10:5000\r\n",
           "650 STATUS_CLIENT WARN CLOCK_SKEW SKEW=-10800 SOURCE=OR:127.117.202.10:5000\r\n",
           "650 STATUS_GENERAL WARN CLOCK_JUMPED TIME=100\r\n",
           "650 STATUS_GENERAL WARN CLOCK_SKEW SOURCE=OR:127.117.202.10:5000\r\n",
           "650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=1.5 SOURCE=OR:127.117.202.10:5000\r\n",
           "650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=9223372036854775807 SOURCE=OR:127.117.202.10:5000\r\n",
           "650 WARN CLOCK_SKEW SKEW=1\r\n",
       }) {
    EXPECT_FALSE(parse_clock_skew(one(line))) << line;
  }
}

}  // namespace
}  // namespace sdwdate::wire
