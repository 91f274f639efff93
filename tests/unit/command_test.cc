#include "machine/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>

#include "machine/systemd.h"
#include "support/helpers.h"
#include "support/temporary_directory.h"

namespace sdwdate::machine {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

CommandResult result_of(const std::vector<std::string>& command) {
  const auto result = run_command(command, 20s);
  EXPECT_TRUE(result) << result.error();
  return result.value_or(CommandResult{-1, ""});
}

CommandResult shell(const std::string& script) { return result_of({"/bin/sh", "-c", script}); }

TEST(Command, ExitStatusAndOutputComeBack) {
  EXPECT_EQ(shell("exit 7").status, 7);
  EXPECT_EQ(shell("echo out; echo err >&2").output, "out\nerr\n");
  EXPECT_EQ(result_of({"true"}).output, "");
}

TEST(Command, ArgumentsAreNotReadByAShell) {
  EXPECT_EQ(result_of({"echo", "$HOME; *", "a  b"}).output, "$HOME; * a  b\n");
}

TEST(Command, NamesAreLookedForWhereDebianKeepsPrograms) {
  const support::TemporaryDirectory directory;
  const auto fake = directory.write("true", "#!/bin/sh\nexit 9\n");
  std::filesystem::permissions(fake, std::filesystem::perms{0755});
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", directory.path().c_str(), 1);
  EXPECT_EQ(result_of({"true"}).status, 0);
  EXPECT_EQ(result_of({fake.string()}).status, 9);
  ::setenv("PATH", path.c_str(), 1);
}

TEST(Command, ItGetsNothingToReadNoVariablesAndNoDescriptors) {
  ::setenv("SDWDATE_TEST_SECRET", "1", 1);
  const std::string variables = result_of({"env"}).output;
  EXPECT_THAT(variables, AllOf(HasSubstr("LC_ALL=C"), testing::Not(HasSubstr("SECRET"))));
  EXPECT_EQ(result_of({"cat"}).output, "");
  const int left_open = ::dup(STDOUT_FILENO);
  EXPECT_EQ(result_of({"ls", "/proc/self/fd"}).output, "0\n1\n2\n3\n") << "3 is the folder that it lists";
  ::close(left_open);
}

TEST(Command, WhatDoesNotEndIsKilledWithAllThatItStarted) {
  const auto start = std::chrono::steady_clock::now();
  const auto result = run_command({"/bin/sh", "-c", "sleep 60 & sleep 60"}, 200ms);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error(), HasSubstr("/bin/sh did not end within 0.2 s"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  EXPECT_TRUE(support::no_child_left());
}

TEST(Command, WhatItLeavesRunningIsNotWaitedFor) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(shell("sleep 5 & echo started").output, "started\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 4s);
}

TEST(Command, AFloodIsCutOffAndDoesNotBlock) {
  const CommandResult flood = shell("head -c 3000000 /dev/zero");
  EXPECT_EQ(flood.status, 0);
  EXPECT_EQ(flood.output.size(), 64U * 1024);
}

TEST(Command, ItsOutputMayEndBeforeIt) { EXPECT_EQ(shell("exec >&- 2>&-; sleep 0.2; exit 3").status, 3); }

TEST(Command, ASignalIsNamed) {
  const auto result = run_command({"/bin/sh", "-c", "kill -SEGV $$"}, 20s);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error(), HasSubstr("signal 11"));
}

TEST(Command, AProgramThatDoesNotExistIsNamed) {
  const auto result = run_command({"/nonexistent/program"}, 20s);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error(), AllOf(HasSubstr("/nonexistent/program"), HasSubstr("No such file")));
  EXPECT_FALSE(run_command({"sdwdate-has-no-such-program"}, 20s));
}

TEST(Command, ItLeavesNothingOpenBehind) {
  const auto before = support::open_descriptors();
  shell("exit 1");
  static_cast<void>(run_command({"/bin/sh", "-c", "sleep 60"}, 50ms));
  EXPECT_EQ(support::open_descriptors(), before);
  EXPECT_TRUE(support::no_child_left());
}

// --- systemctl ---------------------------------------------------------------------------------------------------

TEST(Systemd, UnitsAreToldApart) {
  const auto units = parse_units(
      "MainPID=812\nId=chrony.service\nActiveState=active\nUnitFileState=enabled\n\n"
      "MainPID=0\nId=ntp.service\nActiveState=inactive\nUnitFileState=\n");
  ASSERT_EQ(units.size(), 2U);
  EXPECT_EQ(units[0].name, "chrony.service");
  EXPECT_EQ(units[0].main_process, 812);
  EXPECT_TRUE(units[0].is_active());
  EXPECT_TRUE(units[0].is_enabled());
  EXPECT_EQ(units[1].name, "ntp.service");
  EXPECT_FALSE(units[1].is_active());
  EXPECT_FALSE(units[1].is_enabled());
  EXPECT_TRUE(parse_units("").empty());
}

TEST(Systemd, IsAskedInItsOwnWords) {
  const support::TemporaryDirectory directory;
  const auto fake = directory.write("systemctl", "#!/bin/sh\necho \"$@\" >> " + (directory.path() / "log").string() +
                                                     "\n[ $1 != show ] || printf 'Id=%s\\nActiveState=failed\\n' $4\n");
  std::filesystem::permissions(fake, std::filesystem::perms{0755});
  const Systemd systemd{fake};
  ASSERT_TRUE(systemd.reload());
  ASSERT_TRUE(systemd.restart("chrony.service"));
  const auto units = systemd.units({"chrony.service"});
  ASSERT_TRUE(units);
  EXPECT_EQ(units->front().active, "failed");
  EXPECT_EQ(directory.read("log"),
            "daemon-reload\nrestart chrony.service\n"
            "show --property=Id,ActiveState,UnitFileState,MainPID -- chrony.service\n");
}

TEST(Systemd, ItsComplaintIsRepeated) {
  const support::TemporaryDirectory directory;
  const auto fake = directory.write("systemctl", "#!/bin/sh\necho 'Job failed.' >&2\nexit 5\n");
  std::filesystem::permissions(fake, std::filesystem::perms{0755});
  const auto restarted = Systemd{fake}.restart("chrony.service");
  ASSERT_FALSE(restarted);
  EXPECT_THAT(restarted.error(), AllOf(HasSubstr("restart chrony.service"), HasSubstr("5"), HasSubstr("Job failed.")));
}

}  // namespace
}  // namespace sdwdate::machine
