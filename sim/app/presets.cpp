// SPDX-License-Identifier: Apache-2.0
#include "sim/app/presets.h"

#include <algorithm>
#include <filesystem>

#include "models/base/error.h"
#include "sim/config/errors.h"
#include "sim/config/preset_folder.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtension = ".json";
constexpr const char* kTemplate = "TEMPLATE";  ///< to copy, not to run

std::vector<std::string> presets_in(const fs::path& folder) {
  std::vector<std::string> names = json_files_in(folder);
  names.erase(std::remove(names.begin(), names.end(), kTemplate), names.end());
  return names;
}

/// What was meant by a name that is neither a file nor a preset of its kind: the file with the
/// extension, a preset of the other kind, a preset that begins so, or one that is spelt nearly so.
std::string meant(const std::string& kind, const std::string& name,
                  const std::vector<std::string>& known) {
  std::error_code error;
  if (fs::exists(name + kExtension, error))
    return "; did you mean the file \"" + printable(name) + kExtension + "\"?";
  const bool hardware = kind == "hw";
  const std::vector<std::string> others = presets_in(preset_folder(hardware ? "workloads" : "hw"));
  if (std::find(others.begin(), others.end(), name) != others.end())
    return std::string("; it is a preset of ") + (hardware ? "--workload" : "--hw");
  for (const std::string& preset : known) {
    if (preset.compare(0, name.size(), name) == 0) return "; did you mean \"" + preset + "\"?";
  }
  return did_you_mean(name, known);
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
                  "\", which is neither a file nor a preset" + meant(kind, name, known) +
                  (known.empty() ? "" : "; presets: " + quoted_list(known)));
}

}  // namespace

void find_presets(Options& options) {
  find_preset("--hw", "hw", options.hardware_file);
  find_preset("--workload", "workloads", options.workload_file);
}

}  // namespace stagecoach
