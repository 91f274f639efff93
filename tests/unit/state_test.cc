#include "service/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "base/build_info.h"
#include "support/temporary_directory.h"

namespace sdwdate::service {
namespace {

using namespace std::chrono_literals;
using support::TemporaryDirectory;
using testing::AllOf;
using testing::HasSubstr;

constexpr int kYears = 20;

std::chrono::sys_seconds later() { return base::build_floor() + 1000h; }

void expect_build_floor_with_warning(const TemporaryDirectory& directory) {
  const Floor floor = load_floor(directory.path(), kYears);
  EXPECT_EQ(floor.time, base::build_floor());
  ASSERT_TRUE(floor.warning);
  EXPECT_THAT(*floor.warning, HasSubstr((directory.path() / "last-agreed").string()));
}

TEST(State, WhatIsSavedIsLoaded) {
  const TemporaryDirectory directory;
  EXPECT_EQ(save_floor(directory.path(), later()), std::nullopt);
  const Floor floor = load_floor(directory.path(), kYears);
  EXPECT_EQ(floor.time, later());
  EXPECT_EQ(floor.warning, std::nullopt);
}

TEST(State, TheFileIsOneLineOfUnixTimeAndNothingElseIsLeft) {
  const TemporaryDirectory directory;
  save_floor(directory.path(), std::chrono::sys_seconds{1900000000s});
  save_floor(directory.path(), std::chrono::sys_seconds{1900000001s});
  EXPECT_EQ(directory.read("last-agreed"), "1900000001\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{directory.path()}, {}), 1);
}

TEST(State, ATimeBeforeTheBuildIsNoBetterThanTheBuild) {
  const TemporaryDirectory directory;
  save_floor(directory.path(), base::build_floor() - 1h);
  EXPECT_EQ(load_floor(directory.path(), kYears).time, base::build_floor());
  EXPECT_EQ(load_floor(directory.path(), kYears).warning, std::nullopt);
}

TEST(State, WithoutADirectoryOrAFileTheBuildIsTheFloor) {
  const TemporaryDirectory directory;
  for (const auto& path : {directory.path(), directory.path() / "missing", directory.write("file", "") / "x"}) {
    EXPECT_EQ(load_floor(path, kYears).time, base::build_floor());
    EXPECT_EQ(load_floor(path, kYears).warning, std::nullopt);
  }
}

TEST(State, NothingIsSavedWithoutADirectory) {
  const TemporaryDirectory directory;
  EXPECT_EQ(save_floor(directory.path() / "missing", later()), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "missing"));
}

TEST(State, ACorruptFileIsAWarningAndIsReplacedByTheNextSave) {
  using namespace std::string_view_literals;
  for (const std::string_view content :
       {""sv, "\n"sv, "garbage"sv, "garbage\n"sv, "1900000000"sv, "-5"sv, "1900000000 "sv, "1900000000\n\n"sv,
        "1900000000\0"sv, "9223372035"sv, "99999999999999999999"sv, "1.9e9"sv}) {
    const TemporaryDirectory directory;
    directory.write("last-agreed", content);
    expect_build_floor_with_warning(directory);
    EXPECT_EQ(save_floor(directory.path(), later()), std::nullopt);
    EXPECT_EQ(load_floor(directory.path(), kYears).time, later());
  }
}

TEST(State, ALongFileIsCorrupt) {
  const TemporaryDirectory directory;
  directory.write("last-agreed", "1900000000\n" + std::string(10000, '\n'));
  expect_build_floor_with_warning(directory);
  directory.write("last-agreed", std::string(64, '1') + "\n");
  expect_build_floor_with_warning(directory);
}

// Whoever may write into the directory must not be able to make us read, write or wait elsewhere.
TEST(State, ASymbolicLinkIsNotFollowedToBeRead) {
  const TemporaryDirectory directory;
  const TemporaryDirectory elsewhere;
  elsewhere.write("target", "1900000000\n");
  std::filesystem::create_symlink(elsewhere.path() / "target", directory.path() / "last-agreed");
  expect_build_floor_with_warning(directory);
}

TEST(State, ASymbolicLinkIsNotFollowedToBeWritten) {
  const TemporaryDirectory directory;
  const TemporaryDirectory elsewhere;
  elsewhere.write("target", "precious");
  std::filesystem::create_symlink(elsewhere.path() / "target", directory.path() / "last-agreed.new");
  EXPECT_EQ(save_floor(directory.path(), later()), std::nullopt);
  EXPECT_EQ(elsewhere.read("target"), "precious");
  EXPECT_EQ(load_floor(directory.path(), kYears).time, later());
  std::filesystem::remove(directory.path() / "last-agreed");
  std::filesystem::create_symlink(elsewhere.path() / "target", directory.path() / "last-agreed");
  EXPECT_EQ(save_floor(directory.path(), later()), std::nullopt);
  EXPECT_EQ(elsewhere.read("target"), "precious");
  EXPECT_EQ(load_floor(directory.path(), kYears).time, later());
}

TEST(State, AnotherNameOfAPreciousFileIsNotWritten) {
  const TemporaryDirectory directory;
  const auto precious = directory.write("precious", "precious");
  std::filesystem::create_hard_link(precious, directory.path() / "last-agreed.new");
  EXPECT_EQ(save_floor(directory.path(), later()), std::nullopt);
  EXPECT_EQ(directory.read("precious"), "precious");
}

TEST(State, APipeIsNeitherWaitedForNorInTheWay) {
  const TemporaryDirectory directory;
  ASSERT_EQ(::mkfifo((directory.path() / "last-agreed").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((directory.path() / "last-agreed.new").c_str(), 0600), 0);
  expect_build_floor_with_warning(directory);
  EXPECT_EQ(save_floor(directory.path(), later()), std::nullopt);
  EXPECT_EQ(load_floor(directory.path(), kYears).time, later());
}

// A machine whose state says "2150" would refuse every round until somebody removes the file.
TEST(State, ATimeThatNoRoundCanHaveAgreedOnIsAWarning) {
  const TemporaryDirectory directory;
  const auto decades = [](int count) { return base::build_floor() + std::chrono::days{count * 3653}; };
  save_floor(directory.path(), decades(3));
  expect_build_floor_with_warning(directory);
  EXPECT_EQ(load_floor(directory.path(), 40).time, decades(3)) << "with that ceiling it can";
  save_floor(directory.path(), decades(1));
  EXPECT_EQ(load_floor(directory.path(), 1).time, decades(1)) << "an old build with a low ceiling";
}

TEST(State, WhatStrangersCanChangeIsNeitherReadNorWritten) {
  for (const mode_t mode : {0777U, 0757U, 01777U}) {
    const TemporaryDirectory directory;
    save_floor(directory.path(), later());
    ASSERT_EQ(::chmod(directory.path().c_str(), mode), 0);
    const Floor floor = load_floor(directory.path(), kYears);
    EXPECT_EQ(floor.time, base::build_floor()) << mode;
    ASSERT_TRUE(floor.warning) << mode;
    EXPECT_THAT(*floor.warning, AllOf(HasSubstr(directory.path().string()), HasSubstr("everybody"),
                                      HasSubstr("chmod go-w " + directory.path().string())));
    EXPECT_EQ(save_floor(directory.path(), later() + 1h), std::nullopt);
    EXPECT_EQ(directory.read("last-agreed"), std::to_string(later().time_since_epoch().count()) + "\n");
  }
}

TEST(State, AFileThatStrangersCanChangeIsReplaced) {
  const TemporaryDirectory directory;
  save_floor(directory.path(), later());
  ASSERT_EQ(::chmod((directory.path() / "last-agreed").c_str(), 0666), 0);
  expect_build_floor_with_warning(directory);
  EXPECT_EQ(save_floor(directory.path(), later()), std::nullopt);
  EXPECT_EQ(load_floor(directory.path(), kYears).warning, std::nullopt);
}

TEST(State, AFileInPlaceOfTheDirectoryIsAWarning) {
  const TemporaryDirectory directory;
  const Floor floor = load_floor(directory.write("state", ""), kYears);
  ASSERT_TRUE(floor.warning);
  EXPECT_THAT(*floor.warning, HasSubstr("is a file"));
  EXPECT_EQ(save_floor(directory.path() / "state", later()), std::nullopt);
}

TEST(State, ADirectoryInPlaceOfTheFileIsAWarning) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() / "last-agreed");
  expect_build_floor_with_warning(directory);
  const auto warning = save_floor(directory.path(), later());
  ASSERT_TRUE(warning);
  EXPECT_THAT(*warning, HasSubstr(directory.path().string()));
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "last-agreed.new"));
}

TEST(State, ADirectoryThatCannotBeWrittenIsAWarning) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const TemporaryDirectory directory;
  std::filesystem::permissions(directory.path(),
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const auto warning = save_floor(directory.path(), later());
  std::filesystem::permissions(directory.path(), std::filesystem::perms::owner_all);
  ASSERT_TRUE(warning);
  EXPECT_THAT(*warning, HasSubstr("Permission denied"));
}

}  // namespace
}  // namespace sdwdate::service
