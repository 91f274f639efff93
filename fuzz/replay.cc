// Feeds files, and the files of folders, to one fuzz target: how ordinary builds keep what fuzzing has found.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz/property.h"

namespace {

int replay(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator{path}) count += replay(entry.path());
    return count;
  }
  std::ifstream stream{path, std::ios::binary};
  const std::string input{std::istreambuf_iterator<char>{stream}, {}};
  sdwdate::fuzz::require(!stream.bad() && stream.is_open(), path.c_str());
  std::printf("%s\n", path.c_str());
  std::fflush(stdout);  // the last name printed is the one that failed
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) count += replay(argv[i]);
  sdwdate::fuzz::require(count > 0, "there is at least one file to replay");
  return 0;
}
