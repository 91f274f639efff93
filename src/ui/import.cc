#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>

#include "base/error.h"
#include "base/guarded.h"
#include "base/text.h"
#include "config/legacy.h"
#include "ui/subcommand.h"

namespace sdwdate::ui {
namespace {

using base::UserError;
namespace fs = std::filesystem;

constexpr const char* kWhonix = "/usr/share/whonix";
/// Prints settings of Whonix, GATEWAY_IP="..." among them.
constexpr const char* kWhonixSettings = "/usr/libexec/helper-scripts/settings_echo";

std::expected<std::vector<fs::path>, UserError> old_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (auto entry = fs::directory_iterator{folder, error}; !error && entry != fs::directory_iterator{};
       entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.extension() == ".conf" && !path.filename().string().starts_with('.')) files.push_back(path);
  }
  if (error) return std::unexpected(UserError{fmt::format("cannot read {}: {}", folder.string(), error.message())});
  if (files.empty()) {
    return std::unexpected(
        UserError{fmt::format("{} has no *.conf file of the Python sdwdate: nothing to import", folder.string())});
  }
  std::ranges::sort(files);
  return files;
}

/// Where the Python sdwdate looked for Tor on its own: at Whonix' gateway, if this is Whonix.
config::LegacyProxy proxy_of_this_machine() {
  config::LegacyProxy proxy;
  std::error_code error;
  if (!fs::exists(kWhonix, error)) return proxy;
  proxy.port = config::kWhonixLegacyPort;
  if (::access(kWhonixSettings, X_OK) != 0) return proxy;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> settings{::popen(kWhonixSettings, "re"), ::pclose};
  std::array<char, 1024> buffer{};
  while (settings && std::fgets(buffer.data(), buffer.size(), settings.get()) != nullptr) {
    const std::string_view line{buffer.data()};
    constexpr std::string_view kKey = "GATEWAY_IP=\"";
    const std::size_t end = line.rfind('"');
    if (line.starts_with(kKey) && end > kKey.size()) proxy.ip = line.substr(kKey.size(), end - kKey.size());
  }
  return proxy;
}

int import(const std::string& folder) {
  const auto paths = old_files(folder);
  if (!paths) return complain(paths.error());
  std::vector<config::LegacyFile> files;
  for (const fs::path& path : *paths) {
    auto text = base::read_guarded_file(path);
    if (!text) return complain(UserError{text.error()});
    files.push_back({path.string(), *std::move(text)});
  }
  const auto legacy = config::read_legacy(files, proxy_of_this_machine());
  if (!legacy) return complain(legacy.error());
  for (const std::string& note : legacy->notes) std::cerr << note << '\n';
  std::cout << config::to_toml(*legacy) << std::flush;
  return status(base::ExitCode::done);
}

}  // namespace

Subcommand add_import(CLI::App& parent) {
  CLI::App* parser =
      parent.add_subcommand("import", "Print the configuration of the Python sdwdate as one for this program");
  auto folder = std::make_shared<std::string>();
  parser->add_option("DIR", *folder, "Folder of the old configuration, usually /etc/sdwdate.d")->required();
  parser->footer("Notes on what is lost or doubtful go to standard error. Exit status: 0 done, 2 nothing to import.");
  return {parser, [folder] { return import(*folder); }};
}

}  // namespace sdwdate::ui
