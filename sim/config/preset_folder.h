// SPDX-License-Identifier: Apache-2.0
// Files that come with the program.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stagecoach {

/// The folder of presets ("hw" or "workloads") that comes with this program; empty: there is none.
std::filesystem::path preset_folder(const std::string& kind);

/// Names, without their extension, of the JSON files in a folder, in alphabetical order.
std::vector<std::string> json_files_in(const std::filesystem::path& folder);

}  // namespace stagecoach
