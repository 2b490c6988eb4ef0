// SPDX-License-Identifier: Apache-2.0
#include "sim/app/presets.h"

#include <algorithm>
#include <filesystem>

#include "models/base/error.h"
#include "sim/config/errors.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtension = ".json";
constexpr const char* kTemplate = "TEMPLATE";  ///< to copy, not to run

/// Where presets may lie, as seen from the program.
constexpr const char* kPlaces[] = {"../share/stagecoach", ".."};

/// The folder of presets ("hw" or "workloads") that comes with this program; empty: there is none.
fs::path preset_folder(const std::string& kind) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (const char* place : kPlaces) {
    const fs::path folder = (program.parent_path() / place / kind).lexically_normal();
    if (!program.empty() && fs::is_directory(folder, error)) return folder;
  }
  return {};
}

std::vector<std::string> presets_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const fs::path file = entry.path();
    if (file.extension() == kExtension && file.stem() != kTemplate)
      names.push_back(file.stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void find_preset(const char* option, const std::string& kind, std::string& name) {
  const bool bare = !name.empty() && name.find('/') == std::string::npos &&
                    fs::path(name).extension() != kExtension;
  std::error_code error;
  if (!bare || fs::exists(name, error)) return;
  const fs::path folder = preset_folder(kind);
  const std::vector<std::string> known = presets_in(folder);
  if (std::find(known.begin(), known.end(), name) != known.end()) {
    name = (folder / (name + kExtension)).string();
    return;
  }
  throw UserError(std::string(option) + ": found \"" + printable(name) +
                  "\", which is no file and no preset" + did_you_mean(name, known) +
                  (known.empty() ? "" : "; presets: " + quoted_list(known)));
}

}  // namespace

void find_presets(Options& options) {
  find_preset("--hw", "hw", options.hardware_file);
  find_preset("--workload", "workloads", options.workload_file);
}

}  // namespace stagecoach
