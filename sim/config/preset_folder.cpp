// SPDX-License-Identifier: Apache-2.0
#include "sim/config/preset_folder.h"

#include <algorithm>

namespace stagecoach {
namespace {

namespace fs = std::filesystem;

/// Where presets may lie, as seen from the program.
constexpr const char* kPlaces[] = {"../share/stagecoach", ".."};

}  // namespace

fs::path preset_folder(const std::string& kind) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (const char* place : kPlaces) {
    const fs::path folder = (program.parent_path() / place / kind).lexically_normal();
    if (!program.empty() && fs::is_directory(folder, error)) return folder;
  }
  return {};
}

std::vector<std::string> json_files_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const fs::path file = entry.path();
    if (file.extension() == ".json") names.push_back(file.stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace stagecoach
