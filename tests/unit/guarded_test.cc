#include "base/guarded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "support/temporary_directory.h"

namespace sdwdate::base {
namespace {

namespace fs = std::filesystem;
using support::TemporaryDirectory;
using testing::AllOf;
using testing::HasSubstr;

constexpr uid_t kStranger = 4'000'000'001;
constexpr uid_t kMe = 4'000'000'002;

struct stat status_of(mode_t mode, uid_t user, gid_t group) {
  struct stat status{};
  status.st_mode = mode;
  status.st_uid = user;
  status.st_gid = group;
  return status;
}

std::optional<Exposure> exposure_of(mode_t mode, uid_t user, gid_t group = 0) {
  return exposure("/some/thing", status_of(mode, user, group), std::array{kMe});
}

std::string refusal(const fs::path& path) {
  const auto text = read_guarded_file(path);
  EXPECT_FALSE(text);
  EXPECT_EQ(check_guarded_file(path), text.error());
  return text ? "" : text.error();
}

TEST(Guarded, WhatBelongsToRootOrUsIsOurs) {
  for (const uid_t owner : {uid_t{0}, kMe}) {
    for (const mode_t mode : {S_IFREG | 0644U, S_IFREG | 0600U, S_IFDIR | 0755U, S_IFLNK | 0777U, S_IFREG | 0664U}) {
      EXPECT_FALSE(exposure_of(mode, owner)) << mode;
    }
  }
}

TEST(Guarded, WhatStrangersCanChangeHasARemedy) {
  const auto owned = exposure_of(S_IFREG | 0600, kStranger);
  ASSERT_TRUE(owned);
  EXPECT_EQ(owned->how, "which belongs to user 4000000001");
  EXPECT_EQ(owned->remedy, "chown root /some/thing");
  EXPECT_EQ(exposure_of(S_IFLNK | 0777, kStranger)->remedy, "chown -h root /some/thing");
  const auto open = exposure_of(S_IFREG | 0646, 0);
  ASSERT_TRUE(open);
  EXPECT_EQ(open->how, "which everybody may write to (mode 0646)");
  EXPECT_EQ(open->remedy, "chmod go-w /some/thing");
  EXPECT_EQ(exposure_of(S_IFDIR | 0775, kMe, kStranger)->how, "which group 4000000001 may write to (mode 0775)");
}

TEST(Guarded, AStickyFolderKeepsWhatIsInIt) {
  EXPECT_FALSE(exposure_of(S_IFDIR | 01777, 0));
  EXPECT_TRUE(exposure_of(S_IFDIR | 01777, kStranger)) << "its owner may remove anything";
  EXPECT_TRUE(exposure_of(S_IFREG | 01666, 0));
}

RC_GTEST_PROP(Guarded, NoModeMakesUpForAStrangersOwnership, ()) {
  const auto mode = *rc::gen::inRange<mode_t>(0, 0200000);
  const auto group = *rc::gen::arbitrary<gid_t>();
  RC_ASSERT(exposure_of(mode, kStranger, group).has_value());
}

RC_GTEST_PROP(Guarded, OurFilesAreExposedExactlyIfOthersMayWrite, ()) {
  const auto permissions = *rc::gen::inRange<mode_t>(0, 010000);
  const auto group = *rc::gen::element<gid_t>(0, kStranger);
  const bool others = (permissions & 0002) != 0 || ((permissions & 0020) != 0 && group != 0);
  RC_ASSERT(exposure_of(S_IFREG | permissions, kMe, group).has_value() == others);
}

TEST(Guarded, FilesOfOursAreReadWhole) {
  const TemporaryDirectory directory;
  EXPECT_EQ(read_guarded_file(directory.write("file", "text")), "text");
  EXPECT_EQ(check_guarded_file(directory.path() / "file"), std::nullopt);
  EXPECT_EQ(read_guarded_file("/proc/self/comm").has_value(), true);
}

TEST(Guarded, WhatCannotBeReadIsSaidSo) {
  const TemporaryDirectory directory;
  EXPECT_THAT(refusal(directory.path() / "none"), AllOf(HasSubstr("none"), HasSubstr("No such file")));
  EXPECT_THAT(refusal(directory.path() / "no" / "file"), HasSubstr("No such file"));
  EXPECT_THAT(read_guarded_file(directory.path()).error(), HasSubstr("Is a directory"));
  fs::create_symlink("loop", directory.path() / "loop");
  EXPECT_THAT(refusal(directory.path() / "loop"), HasSubstr("Too many levels"));
}

TEST(Guarded, AFileThatEverybodyMayWriteToIsNotRead) {
  const TemporaryDirectory directory;
  const auto file = directory.write("file", "text");
  fs::permissions(file, fs::perms{0666});
  EXPECT_THAT(refusal(file), AllOf(HasSubstr(file.string()), HasSubstr("mode 0666"), HasSubstr("chmod go-w")));
}

TEST(Guarded, AFileInAFolderThatEverybodyMayWriteToIsNotRead) {
  const TemporaryDirectory directory;
  const auto file = directory.write("file", "text");
  fs::permissions(directory.path(), fs::perms{0777});
  EXPECT_THAT(refusal(file), AllOf(HasSubstr("replaced"), HasSubstr("chmod go-w " + directory.path().string())));
  fs::permissions(directory.path(), fs::perms{01777});
  EXPECT_EQ(read_guarded_file(file), "text");
}

TEST(Guarded, EachFolderOnTheWayOfLinksCounts) {
  const TemporaryDirectory here;
  const TemporaryDirectory between;
  const TemporaryDirectory there;
  const auto file = there.write("file", "text");
  fs::create_symlink(file, between.path() / "link");
  fs::create_symlink(between.path() / "link", here.path() / "link");
  fs::create_symlink("link", here.path() / "relative");
  EXPECT_EQ(read_guarded_file(here.path() / "relative"), "text");
  for (const TemporaryDirectory* open : {&here, &between, &there}) {
    fs::permissions(open->path(), fs::perms{0777});
    EXPECT_THAT(refusal(here.path() / "relative"), HasSubstr("chmod go-w " + open->path().string()));
    fs::permissions(open->path(), fs::perms{0755});
  }
  fs::permissions(file, fs::perms{0622});
  EXPECT_THAT(refusal(here.path() / "relative"), HasSubstr("chmod go-w " + file.string()));
}

TEST(Guarded, AStrangersFileFolderOrLinkIsNotFollowed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give things away";
  const TemporaryDirectory directory;
  const auto file = directory.write("file", "text");
  const auto link = directory.path() / "link";
  fs::create_symlink(file, link);
  const std::string stranger = "user 4000000001";
  ASSERT_EQ(::lchown(link.c_str(), kStranger, 0), 0);
  EXPECT_THAT(refusal(link), AllOf(HasSubstr(stranger), HasSubstr("chown -h root " + link.string())));
  EXPECT_EQ(read_guarded_file(file), "text");
  ASSERT_EQ(::chown(file.c_str(), kStranger, 0), 0);
  EXPECT_THAT(refusal(file), AllOf(HasSubstr(stranger), HasSubstr("chown root " + file.string())));
  ASSERT_EQ(::chown(file.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(directory.path().c_str(), kStranger, 0), 0);
  EXPECT_THAT(refusal(file), AllOf(HasSubstr(stranger), HasSubstr("chown root " + directory.path().string())));
}

// A shell's process substitution, and /dev/stdin.
TEST(Guarded, WhatThisProcessWasStartedWithIsRead) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd reading{ends[0]};
  UniqueFd writing{ends[1]};
  ASSERT_EQ(::write(writing.get(), "text", 4), 4);
  writing.reset();
  EXPECT_EQ(read_guarded_file("/dev/fd/" + std::to_string(reading.get())), "text");
}

TEST(Guarded, AFifoIsNotWaitedForByACheck) {
  const TemporaryDirectory directory;
  const auto fifo = directory.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(check_guarded_file(fifo), std::nullopt);
}

}  // namespace
}  // namespace sdwdate::base
