#include "service/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "base/build_info.h"
#include "support/generators.h"
#include "support/temporary_directory.h"

namespace sdwdate::service {
namespace {

using namespace std::chrono_literals;
using support::TemporaryDirectory;
using testing::AllOf;
using testing::HasSubstr;

constexpr int kYears = 20;

std::chrono::sys_seconds later() { return base::build_floor() + 1000h; }

/// A round that says so, and the next one, too.
std::optional<std::string> save_floor(const std::filesystem::path& directory, std::chrono::sys_seconds time,
                                      int rounds = 2) {
  std::optional<std::string> warning;
  for (int i = 0; i < rounds; ++i) {
    warning = service::save_floor(directory, kYears, {time, std::chrono::sys_seconds{1800000000s}, "a, b, c"});
  }
  return warning;
}

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

TEST(State, TheFileHasTheFloorAndTheLastRoundAndNothingElseIsLeft) {
  const TemporaryDirectory directory;
  save_floor(directory.path(), std::chrono::sys_seconds{1900000000s}, 1);
  EXPECT_EQ(directory.read("last-agreed"), "round 1900000000 1800000000 a, b, c\n");
  save_floor(directory.path(), std::chrono::sys_seconds{1900000001s}, 1);
  EXPECT_EQ(directory.read("last-agreed"),
            "floor 1900000000 rounds 1800000000 a, b, c\nround 1900000001 1800000000 a, b, c\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{directory.path()}, {}), 1);
}

// C5: it refused the right time for ever.
TEST(State, OneRoundsWordRefusesNothing) {
  const TemporaryDirectory directory;
  const auto truth = base::build_floor() + 10h;
  save_floor(directory.path(), truth);
  save_floor(directory.path(), truth + 24h * 100, 1);
  EXPECT_EQ(load_floor(directory.path(), kYears).time, truth);
  EXPECT_EQ(load_floor(directory.path(), kYears).warning, std::nullopt);
  save_floor(directory.path(), truth + 1h, 1);
  EXPECT_EQ(load_floor(directory.path(), kYears).time, truth + 1h) << "the lie before it is as good a word for that";
  save_floor(directory.path(), truth + 2h, 1);
  EXPECT_EQ(load_floor(directory.path(), kYears).time, truth + 1h);
}

// C4: the floor went back by a second at each round.
RC_GTEST_PROP(State, WhateverRoundsSayTheFloorNeverGoesBackAndNoRoundAloneRaisesIt, ()) {
  const TemporaryDirectory directory;
  std::chrono::sys_seconds before = base::build_floor();
  std::chrono::sys_seconds said_before{};
  const int rounds = *support::uniform(1, 6);
  for (int i = 0; i < rounds; ++i) {
    // Near the floor, where a round's bounds are cut, and far from it.
    const int reach = *rc::gen::element(2, 100'000'000);
    const auto said = before + std::chrono::seconds{*support::uniform(-reach, reach)};
    RC_ASSERT(!save_floor(directory.path(), said, 1));
    const Floor floor = load_floor(directory.path(), 100);
    RC_ASSERT(!floor.warning);
    RC_ASSERT(floor.time >= before);
    RC_ASSERT((floor.time == before || floor.time <= std::min(said, said_before)));
    before = floor.time;
    said_before = said;
  }
}

TEST(State, TheOneNumberOfAnEarlierVersionIsAFloorOnOneRoundsWord) {
  const TemporaryDirectory directory;
  directory.write("last-agreed", std::to_string(later().time_since_epoch().count()) + "\n");
  Floor floor = load_floor(directory.path(), kYears);
  EXPECT_EQ(floor.time, later());
  EXPECT_TRUE(floor.is_saved());
  EXPECT_EQ(floor.saved.floor->voucher, timecore::Voucher::old_version);
  EXPECT_EQ(floor.vouched(), base::build_floor());
  save_floor(directory.path(), later() + 1h, 1);
  floor = load_floor(directory.path(), kYears);
  EXPECT_EQ(floor.time, later());
  EXPECT_EQ(floor.vouched(), later()) << "by now a round of this version has said so, too";
}

TEST(State, AnAdministratorsWordCountsAlsoBackwards) {
  const TemporaryDirectory directory;
  save_floor(directory.path(), later());
  ASSERT_TRUE(set_floor(directory.path(), {later() - 1h, std::nullopt, {}}));
  Floor floor = load_floor(directory.path(), kYears);
  EXPECT_EQ(floor.time, later() - 1h);
  EXPECT_EQ(floor.saved.floor->voucher, timecore::Voucher::administrator);
  EXPECT_EQ(floor.vouched(), base::build_floor());
  ASSERT_TRUE(forget_floor(directory.path()));
  EXPECT_EQ(load_floor(directory.path(), kYears).time, base::build_floor());
  EXPECT_FALSE(load_floor(directory.path(), kYears).is_saved());
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  EXPECT_TRUE(forget_floor(directory.path())) << "that nothing is there is no error";
}

TEST(State, AFloorIsNotSetWhereStrangersCanWriteOrNothingIs) {
  const TemporaryDirectory directory;
  EXPECT_FALSE(set_floor(directory.path() / "missing", {later(), std::nullopt, {}}));
  EXPECT_FALSE(forget_floor(directory.path() / "missing"));
  ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
  const auto set = set_floor(directory.path(), {later(), std::nullopt, {}});
  ASSERT_FALSE(set);
  EXPECT_THAT(set.error(), HasSubstr("chmod go-w " + directory.path().string()));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(State, SettingAFloorFollowsNoLink) {
  const TemporaryDirectory directory;
  const TemporaryDirectory elsewhere;
  const auto target = elsewhere.write("target", "precious");
  std::filesystem::create_symlink(target, directory.path() / "last-agreed");
  std::filesystem::create_symlink(target, directory.path() / "last-agreed.new");
  ASSERT_TRUE(set_floor(directory.path(), {later(), std::nullopt, {}}));
  EXPECT_EQ(elsewhere.read("target"), "precious");
  EXPECT_EQ(load_floor(directory.path(), kYears).time, later());
  std::filesystem::remove(directory.path() / "last-agreed");
  std::filesystem::create_symlink(target, directory.path() / "last-agreed");
  ASSERT_TRUE(forget_floor(directory.path()));
  EXPECT_EQ(elsewhere.read("target"), "precious");
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
  for (const std::string_view content : {""sv,
                                         "\n"sv,
                                         "garbage"sv,
                                         "garbage\n"sv,
                                         "1900000000"sv,
                                         "-5"sv,
                                         "1900000000 "sv,
                                         "1900000000\n\n"sv,
                                         "1900000000\0"sv,
                                         "9223372035"sv,
                                         "99999999999999999999"sv,
                                         "1.9e9"sv,
                                         "floor 1900000000\n"sv,
                                         "floor 1900000000 rounds 1900000000\n"sv,
                                         "floor 1900000000 gods - -\n"sv,
                                         "floor 1900000000 rounds - a"sv,
                                         "round 1900000000 - a\nround 1900000000 - a\n"sv,
                                         "round x - a\n"sv,
                                         "round 1900000000 - a\n\n"sv,
                                         "1900000000\nround 1900000000 - a\n"sv}) {
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
  ASSERT_TRUE(set_floor(directory.path(), {decades(3), std::nullopt, {}}));
  expect_build_floor_with_warning(directory);
  EXPECT_EQ(load_floor(directory.path(), 40).time, decades(3)) << "with that ceiling it can";
  ASSERT_TRUE(set_floor(directory.path(), {decades(1), std::nullopt, {}}));
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
    const std::string saved = directory.read("last-agreed");
    EXPECT_EQ(save_floor(directory.path(), later() + 1h), std::nullopt);
    EXPECT_EQ(directory.read("last-agreed"), saved);
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
