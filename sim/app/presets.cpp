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
/// extension, a preset of the other kind, or a preset that is spelt nearly so.
std::string meant(const std::string& kind, const std::string& name,
                  const std::vector<std::string>& known) {
  std::error_code error;
  if (fs::exists(name + kExtension, error))
    return "; did you mean the file \"" + printable(name) + kExtension + "\"?";
  const bool hardware = kind == "hw";
  const std::vector<std::string> others = presets_in(preset_folder(hardware ? "workloads" : "hw"));
  if (std::find(others.begin(), others.end(), name) != others.end())
    return std::string("; it is a preset of ") + (hardware ? "--workload" : "--hw");
  return did_you_mean(name, known);
}

/// A bare name may be a preset; what is a path or has the extension is a file that must be there.
void find_preset(const char* option, const std::string& kind, std::string& name, Issues& issues) {
  std::error_code error;
  if (name.empty() || fs::exists(name, error)) return;
  const fs::path folder = preset_folder(kind);
  const std::vector<std::string> known = presets_in(folder);
  const bool is_path = name.find('/') != std::string::npos;
  const bool has_extension = fs::path(name).extension() == kExtension;
  const std::string stem = has_extension ? fs::path(name).stem().string() : name;
  const bool is_known = std::find(known.begin(), known.end(), stem) != known.end();
  if (is_known && !is_path && !has_extension) {
    name = (folder / (name + kExtension)).string();
    return;
  }
  const std::string found = "found \"" + printable(name, 300) + "\", ";
  if (is_path) {
    issues.add(option, found + "no such file");
  } else if (is_known) {
    issues.add(option, found + "no such file; did you mean the preset \"" + stem + "\"?");
  } else {
    issues.add(option,
               found + (has_extension ? "no such file" : "which is neither a file nor a preset") +
                   meant(kind, stem, known) +
                   (known.empty() ? "" : "; presets: " + quoted_list(known)));
  }
}

}  // namespace

void find_presets(Options& options) {
  Issues issues;
  find_preset("--hw", "hw", options.hardware_file, issues);
  find_preset("--workload", "workloads", options.workload_file, issues);
  issues.throw_if_any();
}

}  // namespace stagecoach
