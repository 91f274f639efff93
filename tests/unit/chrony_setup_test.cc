#include "machine/chrony_setup.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "support/generators.h"
#include "support/temporary_directory.h"

namespace sdwdate::machine {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::string_view kDebianUnit = "/lib/systemd/system/chrony.service";
constexpr std::string_view kOffline = "[Service]\nPrivateNetwork=yes\n";
constexpr std::string_view kServe = "[Service]\nIPAddressDeny=any\nIPAddressAllow=@NETWORKS@\nLockPersonality=yes\n";

/// A machine on which chrony and our package are installed.
class Tree {
 public:
  Tree() {
    put(kDebianUnit, "[Service]\nExecStart=/usr/sbin/chronyd\n");
    put(kChronyConfiguration, "port 0\n");
    put(kOfflineDropIn, kOffline);
    put(kServeDropIn, kServe);
  }

  void put(std::string_view path, std::string_view content) const {
    fs::create_directories(at(path).parent_path());
    std::ofstream{at(path)} << content;
  }
  [[nodiscard]] fs::path at(std::string_view path) const { return directory_.path() / path.substr(1); }
  [[nodiscard]] std::string get(std::string_view path) const { return directory_.read(path.substr(1)); }
  [[nodiscard]] bool has(std::string_view path) const { return fs::symlink_status(at(path)).type() != none(); }
  [[nodiscard]] ChronySetup setup() const { return ChronySetup{directory_.path()}; }

  /// Every file and what is in it, or where it leads.
  [[nodiscard]] std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator{directory_.path()}) {
      const std::string path = entry.path().lexically_relative(directory_.path());
      if (entry.is_symlink()) {
        files[path] = "-> " + fs::read_symlink(entry.path()).string();
      } else {
        files[path] = entry.is_directory() ? "/" : directory_.read(path);
      }
    }
    return files;
  }

 private:
  static fs::file_type none() { return fs::file_type::not_found; }
  support::TemporaryDirectory directory_;
};

const Serving kLan{{"192.0.2.0/24", "2001:db8::/32"}, "", ""};
const Serving kNts{{"192.0.2.0/24"}, "/etc/chrony/nts.pem", "/etc/chrony/nts.key"};

// --- networks ----------------------------------------------------------------------------------------------------

TEST(Network, IsWrittenInOneWay) {
  EXPECT_EQ(parse_network("192.0.2.0/24"), "192.0.2.0/24");
  EXPECT_EQ(parse_network("192.0.2.7"), "192.0.2.7/32");
  EXPECT_EQ(parse_network("0.0.0.0/0"), "0.0.0.0/0");
  EXPECT_EQ(parse_network("2001:DB8:0:0::/32"), "2001:db8::/32");
  EXPECT_EQ(parse_network("2001:db8::1"), "2001:db8::1/128");
  EXPECT_EQ(parse_network("10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_EQ(parse_network("192.0.2.128/25"), "192.0.2.128/25");
}

TEST(Network, AnAddressWithinANetworkNamesTheNetwork) {
  const auto network = parse_network("192.0.2.77/26");
  ASSERT_FALSE(network);
  EXPECT_THAT(network.error(), HasSubstr("the network is 192.0.2.64/26"));
  EXPECT_THAT(parse_network("2001:db8::1/64").error(), HasSubstr("2001:db8::/64"));
}

TEST(Network, OtherThingsAreNoNetworks) {
  for (const std::string_view text :
       {"", "lan", "192.0.2/24", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/24 ",
        "192.0.2.0/24\nport 0", "[2001:db8::]/32", "192.0.2.0/0x8"}) {
    const auto network = parse_network(text);
    ASSERT_FALSE(network) << text;
    EXPECT_THAT(network.error(), HasSubstr("192.0.2.0/24 or")) << text;
  }
}

RC_GTEST_PROP(Network, WhatIsAcceptedIsAcceptedAgainAndSafeInAFile, ()) {
  const std::string text = *support::any_text_of("0123456789abcdef:./ \n");
  const auto network = parse_network(text);
  if (!network) return;
  RC_ASSERT(parse_network(*network).value_or("") == *network);
  RC_ASSERT(network->find_first_not_of("0123456789abcdef:./") == std::string::npos);
}

// --- files -------------------------------------------------------------------------------------------------------

TEST(ServeConfiguration, SaysWhatItWasToldAndNoMore) {
  const std::string text = serve_configuration(kLan);
  EXPECT_THAT(text, AllOf(HasSubstr("\nport 123\n"), HasSubstr("\nallow 192.0.2.0/24\nallow 2001:db8::/32\n")));
  EXPECT_THAT(text, testing::Not(HasSubstr("nts")));
  EXPECT_THAT(serve_configuration(kNts),
              AllOf(HasSubstr("\nntsservercert /etc/chrony/nts.pem\n"),
                    HasSubstr("\nntsserverkey /etc/chrony/nts.key\n"), HasSubstr("\nntsdumpdir /var/lib/chrony\n")));
}

TEST(ServeConfiguration, ReadsBackAsWhatWasWritten) {
  EXPECT_EQ(parse_serving(serve_configuration(kLan)), kLan);
  EXPECT_EQ(parse_serving(serve_configuration(kNts)), kNts);
  EXPECT_EQ(parse_serving(""), Serving{});
}

TEST(ServeDropIn, TheNetworksStandInTheirPlace) {
  const auto text = serve_drop_in(kServe, kLan.networks);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, AllOf(StartsWith("# Made by 'sdwdate chrony enable"),
                           HasSubstr("\nIPAddressAllow=192.0.2.0/24 2001:db8::/32\nLockPersonality=yes\n")));
}

TEST(ServeDropIn, ATemplateWithoutAPlaceIsRefused) {
  EXPECT_THAT(serve_drop_in("[Service]\n", kLan.networks).error(), HasSubstr("@NETWORKS@"));
}

TEST(DropIn, OnlySettingsThatDecideWhatOursDecidesAreInTheWay) {
  EXPECT_EQ(overriding_setting("[Service]\nExecStart=\nExecStart=/usr/sbin/chronyd -x\n"), "ExecStart");
  EXPECT_EQ(overriding_setting("[Service]\n PrivateNetwork = no\n"), "PrivateNetwork");
  EXPECT_EQ(overriding_setting("[Unit]\nConditionCapability=\n[Service]\nNice=5\nExecStartPre=/bin/true\n"),
            std::nullopt);
  EXPECT_EQ(overriding_setting("# ExecStart=/bin/true\nExecStart\n"), std::nullopt);
}

// --- the tree ----------------------------------------------------------------------------------------------------

TEST(ChronySetup, NothingIsEnabledAtFirst) {
  const Tree tree;
  EXPECT_EQ(tree.setup().read().mode, SetupMode::none);
  EXPECT_EQ(tree.setup().obstacle(), std::nullopt);
}

TEST(ChronySetup, OfflineIsALinkToWhatThePackageBrings) {
  const Tree tree;
  ASSERT_TRUE(tree.setup().enable_offline());
  EXPECT_EQ(fs::read_symlink(tree.at(kDropIn)), kOfflineDropIn);
  EXPECT_EQ(tree.setup().read().mode, SetupMode::offline);
  EXPECT_FALSE(tree.has(kServeConfiguration));
}

TEST(ChronySetup, ServingIsTwoFilesThatEverybodyMayRead) {
  const Tree tree;
  const mode_t before = ::umask(077);
  ASSERT_TRUE(tree.setup().enable_serving(kNts));
  ::umask(before);
  EXPECT_EQ(tree.get(kServeConfiguration), serve_configuration(kNts));
  EXPECT_EQ(tree.get(kDropIn), serve_drop_in(kServe, kNts.networks));
  EXPECT_EQ(tree.setup().read().mode, SetupMode::serving);
  EXPECT_EQ(tree.setup().read().serving, kNts);
  for (const std::string_view file : {kServeConfiguration, kDropIn}) {
    EXPECT_EQ(fs::status(tree.at(file)).permissions(), fs::perms{0644}) << file;
    EXPECT_EQ(fs::status(tree.at(file).parent_path()).permissions(), fs::perms{0755}) << file;
  }
}

TEST(ChronySetup, WhatWasEnabledLastCounts) {
  const Tree tree;
  ASSERT_TRUE(tree.setup().enable_serving(kNts));
  ASSERT_TRUE(tree.setup().enable_serving(kLan));
  EXPECT_EQ(tree.setup().read().serving, kLan);
  ASSERT_TRUE(tree.setup().enable_offline());
  EXPECT_EQ(tree.setup().read().mode, SetupMode::offline);
  EXPECT_FALSE(tree.has(kServeConfiguration)) << "port 123 must not stay";
  ASSERT_TRUE(tree.setup().enable_serving(kLan));
  EXPECT_EQ(tree.setup().read().mode, SetupMode::serving);
}

TEST(ChronySetup, EnablingTwiceIsEnablingOnce) {
  const Tree tree;
  ASSERT_TRUE(tree.setup().enable_offline());
  const auto once = tree.all();
  ASSERT_TRUE(tree.setup().enable_offline());
  EXPECT_EQ(tree.all(), once);
  ASSERT_TRUE(tree.setup().enable_serving(kNts));
  const auto serving = tree.all();
  EXPECT_EQ(tree.setup().obstacle(), std::nullopt);
  ASSERT_TRUE(tree.setup().enable_serving(kNts));
  EXPECT_EQ(tree.all(), serving);
}

TEST(ChronySetup, DisablingLeavesNoTrace) {
  for (const bool serving : {false, true}) {
    const Tree tree;
    tree.put("/etc/chrony/sdwdate.d/README", "");  // the package's
    tree.put("/etc/systemd/system/other.service", "");
    const auto before = tree.all();
    ASSERT_TRUE(serving ? tree.setup().enable_serving(kLan) : tree.setup().enable_offline());
    ASSERT_NE(tree.all(), before);
    ASSERT_TRUE(tree.setup().disable());
    EXPECT_EQ(tree.all(), before);
    ASSERT_TRUE(tree.setup().disable()) << "once more is no error";
    EXPECT_EQ(tree.all(), before);
  }
}

TEST(ChronySetup, WhatOthersPutThereStays) {
  constexpr std::string_view kOther = "/etc/systemd/system/chrony.service.d/10-nice.conf";
  const Tree tree;
  tree.put(kOther, "[Service]\nNice=5\n");
  tree.put(kDropIn, "[Service]\nNice=6\n");
  tree.put(kServeConfiguration, "allow 203.0.113.0/24\n");
  const auto before = tree.all();
  EXPECT_EQ(tree.setup().read().mode, SetupMode::foreign);
  EXPECT_THAT(tree.setup().obstacle().value_or(""), HasSubstr("not from this command"));
  ASSERT_TRUE(tree.setup().disable());
  EXPECT_EQ(tree.all(), before);
}

TEST(ChronySetup, ALinkToElsewhereIsNotOurs) {
  const Tree tree;
  tree.put("/etc/other.conf", "[Service]\n");
  fs::create_directories(tree.at(kDropIn).parent_path());
  fs::create_symlink("/etc/other.conf", tree.at(kDropIn));
  EXPECT_EQ(tree.setup().read().mode, SetupMode::foreign);
}

TEST(ChronySetup, ServeConfOfSomebodyElseIsInTheWay) {
  const Tree tree;
  tree.put(kServeConfiguration, "allow 203.0.113.0/24\n");
  EXPECT_THAT(tree.setup().obstacle().value_or(""), AllOf(HasSubstr("serve.conf"), HasSubstr("move it away")));
}

TEST(ChronySetup, WithoutChronyNothingCanBeEnabled) {
  const Tree tree;
  fs::remove(tree.at(kDebianUnit));
  EXPECT_THAT(tree.setup().obstacle().value_or(""), HasSubstr("apt-get install chrony"));
}

TEST(ChronySetup, AMaskedUnitIsSaidSo) {
  const Tree tree;
  fs::create_directories(tree.at("/etc/systemd/system"));
  fs::create_symlink("/dev/null", tree.at("/etc/systemd/system/chrony.service"));
  EXPECT_THAT(tree.setup().obstacle().value_or(""), HasSubstr("systemctl unmask"));
}

TEST(ChronySetup, EachFileOfThePackageIsNeeded) {
  for (const std::string_view file : {kChronyConfiguration, kOfflineDropIn, kServeDropIn}) {
    const Tree tree;
    fs::remove(tree.at(file));
    EXPECT_THAT(tree.setup().obstacle().value_or(""), AllOf(HasSubstr(std::string{file}), HasSubstr("install")));
  }
}

TEST(ChronySetup, ADropInThatIsReadLaterAndDecidesTheSameIsInTheWay) {
  const Tree tree;
  tree.put("/etc/systemd/system/chrony.service.d/10-early.conf", "[Service]\nExecStart=\n");
  tree.put("/etc/systemd/system/chrony.service.d/60-nice.conf", "[Service]\nNice=5\n");
  tree.put("/etc/systemd/system/chrony.service.d/60-off.conf.disabled", "[Service]\nExecStart=\n");
  EXPECT_EQ(tree.setup().obstacle(), std::nullopt);
  tree.put("/usr/lib/systemd/system/chrony.service.d/90-mine.conf", "[Service]\nExecStart=\n");
  EXPECT_THAT(tree.setup().obstacle().value_or(""), AllOf(HasSubstr("90-mine.conf"), HasSubstr("ExecStart")));
}

TEST(ChronySetup, ATemplateWithoutAPlaceChangesNothing) {
  const Tree tree;
  tree.put(kServeDropIn, "[Service]\n");
  const auto before = tree.all();
  EXPECT_FALSE(tree.setup().enable_serving(kLan));
  EXPECT_EQ(tree.all(), before);
}

TEST(ChronySetup, ACertificateMustBeWhereChronydMayRead) {
  const Tree tree;
  tree.put("/etc/chrony/nts.pem", "");
  tree.put("/etc/chrony/nts.key", "");
  fs::permissions(tree.at("/etc/chrony/nts.key"), fs::perms{0644});
  const auto fault = [&](const std::string& certificate, const std::string& key) {
    return tree.setup().certificate_fault({{"192.0.2.0/24"}, certificate, key}).value_or("");
  };
  EXPECT_EQ(fault("/etc/chrony/nts.pem", "/etc/chrony/nts.key"), "");
  EXPECT_THAT(fault("/etc/ssl/nts.pem", "/etc/chrony/nts.key"), HasSubstr("AppArmor"));
  EXPECT_THAT(fault("/etc/chrony/nts.pem", "nts.key"), HasSubstr("below /etc/chrony"));
  EXPECT_THAT(fault("/etc/chrony/../ssl/nts.pem", "/etc/chrony/nts.key"), HasSubstr("below /etc/chrony"));
  EXPECT_THAT(fault("/etc/chrony/a b", "/etc/chrony/nts.key"), HasSubstr("without blanks"));
  EXPECT_THAT(fault("/etc/chrony/no.pem", "/etc/chrony/nts.key"), HasSubstr("there is no"));
}

}  // namespace
}  // namespace sdwdate::machine
