#include "service/compat.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "support/generators.h"
#include "support/temporary_directory.h"

namespace sdwdate::service {
namespace {

using namespace std::chrono_literals;
using support::TemporaryDirectory;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr std::chrono::sys_seconds kPast{1795392000s};  // 2026-11-23 00:00:00

/// What sdwdate-gui makes of the file: nothing, unless it is an object with two texts and a known icon.
struct Shown {
  std::string icon;
  std::string message;
};

std::optional<Shown> as_gui(const std::string& file) {
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object() || !json.contains("icon") || !json.contains("message")) return std::nullopt;
  if (!json["icon"].is_string() || !json["message"].is_string()) return std::nullopt;
  const auto icon = json["icon"].get<std::string>();
  if (icon != "success" && icon != "busy" && icon != "error") return std::nullopt;
  return Shown{icon, json["message"].get<std::string>()};
}

/// One event of inotify: what happened, and to which name ("" for the watched path itself).
struct Event {
  std::uint32_t mask;
  std::string name;
};

/// Watches one path as those programs do.
class Watch {
 public:
  Watch(const std::filesystem::path& path, std::uint32_t mask)
      : descriptor_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (::inotify_add_watch(descriptor_.get(), path.c_str(), mask) < 0) throw std::runtime_error("cannot watch");
  }

  [[nodiscard]] std::vector<Event> events() const {
    std::vector<Event> found;
    alignas(inotify_event) std::array<char, 4096> buffer{};
    for (ssize_t size = 0; (size = ::read(descriptor_.get(), buffer.data(), buffer.size())) > 0;) {
      for (ssize_t at = 0; at < size;) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* name = buffer.data() + at + sizeof event;
        found.push_back({event.mask, event.len == 0 ? "" : name});
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    }
    return found;
  }

 private:
  base::UniqueFd descriptor_;
};

class Compat : public testing::Test {
 protected:
  [[nodiscard]] bool exists(std::string_view name) const { return std::filesystem::exists(runtime.path() / name); }

  [[nodiscard]] Shown shown() const {
    const auto status = as_gui(runtime.read("status"));
    EXPECT_TRUE(status) << runtime.read("status");
    return status.value_or(Shown{});
  }

  /// The words of systemcheck, and the order in which it looks.
  [[nodiscard]] std::string as_systemcheck() const {
    for (const char* name : {"success", "first_success", "fail"})
      if (exists(name)) return name;
    return "pending";
  }

  TemporaryDirectory runtime;
  TemporaryDirectory state;
  CompatFiles files{runtime.path(), state.path()};
};

TEST_F(Compat, ABootFromItsStartToItsFirstSuccess) {
  EXPECT_EQ(files.busy("Measuring."), std::nullopt);
  EXPECT_EQ(shown().icon, "busy");
  EXPECT_EQ(shown().message, "Measuring.");
  EXPECT_EQ(as_systemcheck(), "pending");
  EXPECT_EQ(files.failure("Nobody answered."), std::nullopt);
  EXPECT_EQ(shown().icon, "error");
  EXPECT_EQ(as_systemcheck(), "fail");
  EXPECT_EQ(files.busy("Trying again."), std::nullopt);
  EXPECT_EQ(shown().icon, "busy");
  EXPECT_EQ(as_systemcheck(), "pending");
  EXPECT_EQ(files.success("Right to 5 ms.", kPast), std::nullopt);
  EXPECT_EQ(shown().icon, "success");
  EXPECT_EQ(as_systemcheck(), "success");
  EXPECT_TRUE(exists("first_success"));
}

TEST_F(Compat, OnceThereWasASuccessMeasuringIsNoReasonToWorry) {
  EXPECT_EQ(files.success("Right.", kPast), std::nullopt);
  EXPECT_EQ(files.busy("Measuring again."), std::nullopt);
  EXPECT_EQ(shown().icon, "success");
  EXPECT_EQ(shown().message, "Measuring again.");
  EXPECT_EQ(files.failure("Nobody answered."), std::nullopt);
  EXPECT_EQ(shown().icon, "error");
  EXPECT_TRUE(exists("fail"));
  EXPECT_EQ(as_systemcheck(), "success") << "the clock has been set in this boot";
  EXPECT_EQ(files.success("Right.", kPast), std::nullopt);
  EXPECT_FALSE(exists("fail"));
}

TEST_F(Compat, ARestartedDaemonGoesOnWhereTheLastOneWas) {
  EXPECT_EQ(files.success("Right.", kPast), std::nullopt);
  EXPECT_EQ(files.stopped("Stopped."), std::nullopt);
  EXPECT_EQ(shown().icon, "error");
  const CompatFiles next{runtime.path(), state.path()};
  EXPECT_EQ(next.busy("Starting."), std::nullopt);
  EXPECT_EQ(shown().icon, "success");
}

TEST_F(Compat, AfterAClockJumpAllIsAsAtBoot) {
  EXPECT_EQ(files.success("Right.", kPast), std::nullopt);
  for (const char* name : {"first_success", "success"}) std::filesystem::remove(runtime.path() / name);
  EXPECT_EQ(files.busy("Starting."), std::nullopt);
  EXPECT_EQ(shown().icon, "busy");
  const Watch watch{runtime.path(), IN_CREATE};
  EXPECT_EQ(files.success("Right.", kPast), std::nullopt);
  EXPECT_EQ(watch.events().back().name, "first_success");
}

TEST_F(Compat, TheMessageAloneIsThere) {
  EXPECT_EQ(files.busy("Measuring."), std::nullopt);
  EXPECT_EQ(runtime.read("msg"), "Measuring.");
  EXPECT_EQ(files.failure("Nobody answered."), std::nullopt);
  EXPECT_EQ(runtime.read("msg"), "Nobody answered.");
}

// sdwdate-gui watches the file itself: a new one in its place would never be seen, and an empty one is waited out.
TEST_F(Compat, TheStatusKeepsItsInode) {
  EXPECT_EQ(files.busy("Measuring, which has a long message."), std::nullopt);
  struct stat before{};
  ASSERT_EQ(::stat((runtime.path() / "status").c_str(), &before), 0);
  const Watch watch{runtime.path() / "status",
                    IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF};
  EXPECT_EQ(files.success("Right.", kPast), std::nullopt);
  EXPECT_EQ(files.failure("Wrong."), std::nullopt);
  EXPECT_EQ(files.stopped("Stopped."), std::nullopt);
  struct stat after{};
  ASSERT_EQ(::stat((runtime.path() / "status").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  const auto events = watch.events();
  EXPECT_FALSE(events.empty());
  for (const Event& event : events) EXPECT_EQ(event.mask, IN_MODIFY);
}

// whonix-firewall waits for the event of a file being created; one that is renamed into place it would never see.
TEST_F(Compat, TheFirstSuccessIsCreatedOnceAndIsTheLastThingToHappen) {
  EXPECT_EQ(files.busy("Measuring."), std::nullopt);
  const Watch watch{runtime.path(), IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE};
  EXPECT_EQ(files.success("Right.", kPast), std::nullopt);
  std::vector<std::string> created;
  for (const Event& event : watch.events()) {
    EXPECT_NE(event.mask, IN_MOVED_TO) << event.name;
    if (event.mask == IN_CREATE) created.push_back(event.name);
  }
  EXPECT_THAT(created, ElementsAre("success", "first_success"));

  struct stat before{};
  ASSERT_EQ(::stat((runtime.path() / "first_success").c_str(), &before), 0);
  EXPECT_EQ(files.success("Right.", kPast), std::nullopt);
  struct stat after{};
  ASSERT_EQ(::stat((runtime.path() / "first_success").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
  for (const Event& event : watch.events()) EXPECT_NE(event.name, "first_success");
}

/// helper-scripts' minimum-unixtime-show takes ten digits and nothing else.
TEST_F(Compat, TimeReplayProtection) {
  EXPECT_EQ(files.success("Right.", kPast), std::nullopt);
  EXPECT_EQ(state.read("time-replay-protection-utc-unixtime"), "1795392000");
  EXPECT_EQ(state.read("time-replay-protection-utc-humanreadable"), "2026-11-23 00:00:00");
  EXPECT_EQ(files.success("Right.", kPast + 1h), std::nullopt);
  EXPECT_EQ(state.read("time-replay-protection-utc-unixtime"), "1795395600");
  EXPECT_EQ(state.read("time-replay-protection-utc-humanreadable"), "2026-11-23 01:00:00");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{state.path()}, {}), 2) << "nothing else is left";
}

TEST_F(Compat, OtherUsersMayReadWhateverTheUmask) {
  const mode_t umask = ::umask(0077);
  EXPECT_EQ(files.failure("Nobody answered."), std::nullopt);
  struct stat fail{};
  ::stat((runtime.path() / "fail").c_str(), &fail);
  EXPECT_EQ(files.success("Right.", kPast), std::nullopt);
  ::umask(umask);
  EXPECT_EQ(fail.st_mode & 0777U, 0644U);
  for (const auto& folder : {runtime.path(), state.path()}) {
    for (const auto& entry : std::filesystem::directory_iterator{folder})
      EXPECT_EQ(entry.status().permissions(), std::filesystem::perms{0644}) << entry.path();
  }
}

RC_GTEST_FIXTURE_PROP(Compat, EveryMessageIsShownAsPrintableAscii, ()) {
  const std::string message = *support::any_bytes() + std::string(*support::uniform<std::size_t>(0, 1200), '"');
  RC_ASSERT(files.failure(message) == std::nullopt);
  const auto status = as_gui(runtime.read("status"));
  RC_ASSERT(status.has_value());
  RC_ASSERT(status->message.size() == std::min<std::size_t>(message.size(), 1000));
  RC_ASSERT(std::ranges::all_of(status->message, [](char c) { return c >= ' ' && c <= '~'; }));
  RC_ASSERT(runtime.read("msg") == status->message);
}

TEST_F(Compat, TroubleIsASentence) {
  const CompatFiles nowhere{runtime.path() / "missing", state.path() / "missing"};
  for (const auto& trouble :
       {nowhere.busy("x"), nowhere.success("x", kPast), nowhere.failure("x"), nowhere.stopped("x")}) {
    ASSERT_TRUE(trouble);
    EXPECT_THAT(*trouble, AllOf(HasSubstr((runtime.path() / "missing").string()), HasSubstr("No such file")));
  }
  EXPECT_FALSE(exists("missing"));
}

TEST_F(Compat, TroubleWithOneFileKeepsNoOther) {
  std::filesystem::create_directory(runtime.path() / "status");
  std::filesystem::create_directory(state.path() / "time-replay-protection-utc-unixtime");
  const auto trouble = files.success("Right.", kPast);
  ASSERT_TRUE(trouble);
  EXPECT_THAT(*trouble, HasSubstr((runtime.path() / "status").string()));
  EXPECT_EQ(runtime.read("msg"), "Right.");
  EXPECT_TRUE(exists("first_success"));
  EXPECT_EQ(state.read("time-replay-protection-utc-humanreadable"), "2026-11-23 00:00:00");
}

TEST_F(Compat, WithoutTheStateDirectoryTheRestIsWritten) {
  const CompatFiles half{runtime.path(), state.path() / "missing"};
  EXPECT_THAT(half.success("Right.", kPast).value_or(""), HasSubstr((state.path() / "missing").string()));
  EXPECT_TRUE(exists("first_success"));
}

// Whoever may write into the directory must not be able to make us write elsewhere, or wait.
TEST_F(Compat, SymbolicLinksAreNotFollowed) {
  const TemporaryDirectory elsewhere;
  const auto precious = elsewhere.write("precious", "precious");
  for (const char* name : {"status", "msg", "success", "fail", "first_success"})
    std::filesystem::create_symlink(precious, runtime.path() / name);
  for (const char* name : {"time-replay-protection-utc-unixtime.new", "time-replay-protection-utc-humanreadable"})
    std::filesystem::create_symlink(precious, state.path() / name);
  EXPECT_THAT(files.busy("x").value_or(""), HasSubstr("status"));
  EXPECT_TRUE(files.success("x", kPast));
  EXPECT_TRUE(files.failure("x"));
  EXPECT_EQ(elsewhere.read("precious"), "precious");
  EXPECT_EQ(state.read("time-replay-protection-utc-humanreadable"), "2026-11-23 00:00:00") << "the link is replaced";
  // The link in the way of the other is gone by now, and the next success works.
  EXPECT_TRUE(files.success("x", kPast)) << "status is a link still";
  EXPECT_EQ(state.read("time-replay-protection-utc-unixtime"), "1795392000");
}

TEST_F(Compat, ALinkInPlaceOfTheDirectoryIsNotFollowed) {
  const TemporaryDirectory elsewhere;
  std::filesystem::create_directory_symlink(elsewhere.path(), runtime.path() / "link");
  const CompatFiles linked{runtime.path() / "link", state.path()};
  EXPECT_TRUE(linked.success("x", kPast));
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
}

TEST_F(Compat, AFifoIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo((runtime.path() / "status").c_str(), 0600), 0);
  EXPECT_THAT(files.busy("x").value_or(""), HasSubstr("status"));
  const base::UniqueFd reader{::open((runtime.path() / "status").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  EXPECT_THAT(files.busy("x").value_or(""), HasSubstr("status")) << "nor written to, if somebody reads";
  EXPECT_EQ(runtime.read("msg"), "x");
}

}  // namespace
}  // namespace sdwdate::service
