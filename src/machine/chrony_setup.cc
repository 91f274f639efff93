#include "machine/chrony_setup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ranges>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "ipc/address.h"
#include "machine/files.h"

namespace sdwdate::machine {
namespace {

namespace fs = std::filesystem;
using Done = std::expected<void, std::string>;

constexpr std::string_view kMark = "# Made by 'sdwdate chrony enable --serve'";
constexpr std::string_view kPlace = "@NETWORKS@";
constexpr std::array<std::string_view, 4> kUnitFolders{"/etc/systemd/system", "/run/systemd/system",
                                                       "/usr/lib/systemd/system", "/lib/systemd/system"};
/// Settings that decide what our drop-ins decide.
constexpr std::array<std::string_view, 5> kDecisive{"ExecStart", "PrivateNetwork", "RestrictAddressFamilies",
                                                    "IPAddressAllow", "IPAddressDeny"};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t start = std::min(text.find_first_not_of(kBlank), text.size());
  text.remove_prefix(start);
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

/// Bits beyond the prefix, which a network's address does not have, set to zero.
ipc::IpAddress masked(ipc::IpAddress address, unsigned prefix) {
  for (unsigned bit = prefix; bit < (address.v6 ? 128U : 32U); ++bit) {
    const auto keep = static_cast<std::uint8_t>(~(0x80U >> bit % 8));
    address.bytes.at(bit / 8) &= keep;
  }
  return address;
}

bool is_ours(const fs::path& file) { return base::read_trusted_file(file).value_or("").starts_with(kMark); }

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

}  // namespace

std::expected<std::string, std::string> parse_network(std::string_view text) {
  const auto wrong = [&] {
    return std::unexpected(
        fmt::format("'{}' is not a network: write it as 192.0.2.0/24 or 2001:db8::/32", base::printable(text, 60)));
  };
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto address = ipc::parse_address(text.substr(0, slash));
  if (!address) return wrong();
  const unsigned longest = address->v6 ? 128 : 32;
  if (slash == text.size()) return fmt::format("{}/{}", ipc::to_string(*address), longest);

  const std::string_view digits = text.substr(slash + 1);
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (error != std::errc{} || end != digits.data() + digits.size() || prefix > longest) return wrong();
  const ipc::IpAddress network = masked(*address, prefix);
  if (network != *address) {
    return std::unexpected(fmt::format("{} is an address within a network: the network is {}/{}",
                                       base::printable(text, 60), ipc::to_string(network), prefix));
  }
  return fmt::format("{}/{}", ipc::to_string(network), prefix);
}

std::string serve_configuration(const Serving& serving) {
  std::string text = fmt::format("{}; 'sdwdate chrony disable' removes it.\nport 123\n", kMark);
  for (const std::string& network : serving.networks) text += fmt::format("allow {}\n", network);
  if (!serving.certificate.empty()) {
    // Cookies that clients hold stay good when chronyd restarts, because it keeps their keys there.
    text += fmt::format("ntsservercert {}\nntsserverkey {}\nntsdumpdir /var/lib/chrony\n", serving.certificate,
                        serving.key);
  }
  return text;
}

Serving parse_serving(std::string_view text) {
  Serving serving;
  for (const auto piece : std::views::split(text, '\n')) {
    const std::string_view line = trimmed(std::string_view{piece});
    const std::size_t blank = std::min(line.find_first_of(" \t"), line.size());
    const std::string_view name = line.substr(0, blank);
    const std::string value{trimmed(line.substr(blank))};
    if (name == "allow") serving.networks.push_back(value);
    if (name == "ntsservercert") serving.certificate = value;
    if (name == "ntsserverkey") serving.key = value;
  }
  return serving;
}

std::expected<std::string, std::string> serve_drop_in(std::string_view form, const std::vector<std::string>& networks) {
  const std::size_t place = form.find(kPlace);
  if (place == std::string_view::npos) {
    return std::unexpected(fmt::format("{} has no {}: install the package sdwdated anew", kServeDropIn, kPlace));
  }
  return fmt::format("{}; 'sdwdate chrony disable' removes it.\n{}{}{}", kMark, form.substr(0, place),
                     fmt::join(networks, " "), form.substr(place + kPlace.size()));
}

std::optional<std::string> overriding_setting(std::string_view drop_in) {
  for (const auto piece : std::views::split(drop_in, '\n')) {
    const std::string_view line{piece};
    const std::string_view name = trimmed(line.substr(0, line.find('=')));
    if (line.contains('=') && std::ranges::count(kDecisive, name) > 0) return std::string{name};
  }
  return std::nullopt;
}

fs::path ChronySetup::below(std::string_view path) const { return root_ / path.substr(1); }

Setup ChronySetup::read() const {
  const fs::path drop_in = below(kDropIn);
  if (!is_there(drop_in)) return {};
  std::error_code error;
  if (fs::read_symlink(drop_in, error) == kOfflineDropIn) return {SetupMode::offline, {}};
  if (!is_ours(drop_in)) return {SetupMode::foreign, {}};
  return {SetupMode::serving, parse_serving(base::read_trusted_file(below(kServeConfiguration)).value_or(""))};
}

std::optional<std::string> ChronySetup::competing_drop_in() const {
  const fs::path ours{kDropIn};
  for (const std::string_view folder : kUnitFolders) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{below(folder) / "chrony.service.d", error}) {
      const fs::path name = entry.path().filename();
      if (name.extension() != ".conf" || name <= ours.filename()) continue;
      if (const auto setting = overriding_setting(base::read_trusted_file(entry.path()).value_or(""))) {
        return fmt::format("{} sets {} and is read after {}: remove it, or give it a name before 50",
                           entry.path().string(), *setting, ours.string());
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> ChronySetup::obstacle() const {
  const auto has_unit = [&](std::string_view folder) { return is_there(below(folder) / "chrony.service"); };
  if (std::ranges::none_of(kUnitFolders, has_unit)) {
    return "systemd has no chrony.service: install chrony (apt-get install chrony)";
  }
  std::error_code error;
  if (fs::read_symlink(below(kUnitFolders.front()) / "chrony.service", error) == "/dev/null") {
    return "chrony.service is masked: systemctl unmask chrony.service";
  }
  for (const std::string_view file : {kChronyConfiguration, kOfflineDropIn, kServeDropIn}) {
    if (!is_there(below(file))) {
      return fmt::format("there is no {}: install the package sdwdated (or 'cmake --install' of its source)",
                         below(file).string());
    }
  }
  if (read().mode == SetupMode::foreign) {
    return fmt::format("{} is there, but not from this command: move it away", below(kDropIn).string());
  }
  if (is_there(below(kServeConfiguration)) && !is_ours(below(kServeConfiguration))) {
    return fmt::format("{} is there, but not from this command: move it away", below(kServeConfiguration).string());
  }
  return competing_drop_in();
}

std::optional<std::string> ChronySetup::certificate_fault(const Serving& serving) const {
  for (const std::string& file : {serving.certificate, serving.key}) {
    if (file.find_first_of(" \t\n\r") != std::string::npos || file.contains("/../") ||
        !file.starts_with("/etc/chrony/")) {
      return fmt::format(
          "{} must be a path below /etc/chrony, without blanks: Debian's AppArmor profile lets chronyd read only "
          "there; "
          "copy certificate and key there, and anew when they are renewed",
          base::printable(file, 200));
    }
    if (!is_there(below(file))) return fmt::format("there is no {}", below(file).string());
  }
  const passwd* chrony = ::getpwnam("_chrony");
  struct stat status{};
  if (chrony == nullptr || ::stat(below(serving.key).c_str(), &status) != 0) return std::nullopt;
  const bool readable = (status.st_mode & S_IROTH) != 0 ||
                        ((status.st_mode & S_IRGRP) != 0 && status.st_gid == chrony->pw_gid) ||
                        ((status.st_mode & S_IRUSR) != 0 && status.st_uid == chrony->pw_uid);
  if (readable) return std::nullopt;
  return fmt::format("chronyd, which runs as _chrony, may not read {0}: chgrp _chrony {0} && chmod 0640 {0}",
                     below(serving.key).string());
}

Done ChronySetup::remove_serve_configuration() const {
  const fs::path file = below(kServeConfiguration);
  return is_ours(file) ? remove_file(file) : Done{};
}

Done ChronySetup::enable_offline() const {
  if (auto placed = replace_link(below(kDropIn), kOfflineDropIn); !placed) return placed;
  return remove_serve_configuration();
}

Done ChronySetup::enable_serving(const Serving& serving) const {
  const auto form = base::read_trusted_file(below(kServeDropIn));
  if (!form) {
    return std::unexpected(
        fmt::format("cannot read {}: {}", below(kServeDropIn).string(), base::errno_text(form.error())));
  }
  const auto drop_in = serve_drop_in(*form, serving.networks);
  if (!drop_in) return std::unexpected(drop_in.error());
  if (auto written = replace_file(below(kServeConfiguration), serve_configuration(serving)); !written) return written;
  return replace_file(below(kDropIn), *drop_in);
}

Done ChronySetup::disable() const {
  const fs::path drop_in = below(kDropIn);
  const SetupMode mode = read().mode;
  if (mode == SetupMode::offline || mode == SetupMode::serving) {
    if (auto removed = remove_file(drop_in); !removed) return removed;
    ::rmdir(drop_in.parent_path().c_str());  // stays if somebody else has a file in it
  }
  return remove_serve_configuration();
}

}  // namespace sdwdate::machine
