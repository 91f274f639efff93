#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>

#include "base/accounts.h"
#include "support/temporary_directory.h"

namespace sdwdate::base {
namespace {

namespace fs = std::filesystem;
using support::TemporaryDirectory;
using testing::StartsWith;

TEST(Files, AreReadUpToTheLengthAskedFor) {
  const TemporaryDirectory directory;
  const auto file = directory.write("short", "0123456789");
  EXPECT_EQ(read_file(file, 100).value(), "0123456789");
  EXPECT_EQ(read_file(file, 4).value(), "0123");
  EXPECT_EQ(read_file(directory.path() / "none", 4).error(), ENOENT);
}

TEST(Files, OfOthersAreNeitherLinksNorWaitedFor) {
  const TemporaryDirectory directory;
  const auto file = directory.write("file", "secret");
  fs::create_symlink(file, directory.path() / "link");
  EXPECT_EQ(read_file(directory.path() / "link", 100).error(), ELOOP);
  const fs::path fifo = directory.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(read_file(fifo, 100).value(), "");
}

TEST(Files, ThatAreTrustedAreReadWholeOrNotAtAll) {
  const TemporaryDirectory directory;
  const std::string large(std::size_t{4} * 1024 * 1024, 'x');
  EXPECT_EQ(read_trusted_file(directory.write("large", large)).value(), large);
  EXPECT_EQ(read_trusted_file(directory.write("larger", large + 'x')).error(), EFBIG);
  EXPECT_EQ(read_trusted_file(directory.path()).error(), EISDIR);
  EXPECT_EQ(read_trusted_file(directory.path() / "none").error(), ENOENT);
  EXPECT_THAT(read_trusted_file("/proc/self/status").value(), StartsWith("Name:"));
  fs::create_symlink(directory.write("file", "text"), directory.path() / "link");
  EXPECT_EQ(read_trusted_file(directory.path() / "link").value(), "text");
}

TEST(Files, AreReplacedWholeWithTheModeThatIsMeant) {
  const TemporaryDirectory directory;
  const auto file = directory.write("file", "old and longer");
  const mode_t before = ::umask(0077);
  EXPECT_EQ(replace_file(file, "new", 0644, Keep::for_ever), 0);
  ::umask(before);
  EXPECT_EQ(read_trusted_file(file).value(), "new");
  EXPECT_EQ(fs::status(file).permissions(), fs::perms{0644});
}

TEST(Files, ThatCannotBeReplacedStayAndLeaveNothingBehind) {
  const TemporaryDirectory directory;
  const fs::path folder = directory.path() / "folder";
  fs::create_directory(folder);
  EXPECT_EQ(replace_file(folder, "text", 0644, Keep::until_reboot), EISDIR);
  EXPECT_FALSE(fs::exists(directory.path() / "folder.new"));
  EXPECT_EQ(replace_file(directory.path() / "no" / "file", "text", 0644, Keep::until_reboot), ENOENT);
}

TEST(Files, ThatAreReplacedMayHaveAnythingBesideThem) {
  const TemporaryDirectory directory;
  const auto precious = directory.write("precious", "precious");
  fs::create_hard_link(precious, directory.path() / "file.new");
  EXPECT_EQ(replace_file(directory.path() / "file", "text", 0600, Keep::until_reboot), 0);
  EXPECT_EQ(directory.read("precious"), "precious");
  EXPECT_EQ(fs::status(precious).permissions(), fs::perms{0644});
  fs::create_directory(directory.path() / "file.new");
  EXPECT_NE(replace_file(directory.path() / "file", "other", 0600, Keep::until_reboot), 0);
  EXPECT_EQ(directory.read("file"), "text");
}

TEST(Files, BeyondALimitStayAsTheyWere) {
  survive_file_size_limit();
  const TemporaryDirectory directory;
  const auto file = directory.write("file", "old");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{4, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const int all = replace_file(file, "new and longer", 0644, Keep::for_ever);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_NE(all, 0);
  EXPECT_EQ(directory.read("file"), "old");
  EXPECT_FALSE(fs::exists(directory.path() / "file.new"));
}

TEST(Accounts, HaveANameOrANumber) {
  EXPECT_EQ(user_number("root"), 0U);
  EXPECT_EQ(user_number("no such user"), std::nullopt);
  EXPECT_EQ(user_name(0), "root");
  EXPECT_EQ(group_name(0), "root");
  EXPECT_EQ(user_name(4'000'000'000), "4000000000");
  EXPECT_EQ(group_name(4'000'000'000), "4000000000");
}

}  // namespace
}  // namespace sdwdate::base
