// SPDX-License-Identifier: Apache-2.0
#include "sim/app/file_uses.h"

#include <filesystem>

#include "models/base/error.h"
#include "sim/files/result_directory.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;

bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error)) return true;
  return fs::weakly_canonical(fs::absolute(a), error) ==
         fs::weakly_canonical(fs::absolute(b), error);
}

void add(std::vector<FileUse>& uses, const std::string& use, const std::string& path) {
  if (!path.empty()) uses.emplace_back(use, path);
}

}  // namespace

std::vector<FileUse> input_files(const Job& job, const Options& options) {
  std::vector<FileUse> uses;
  add(uses, "--hw", options.hardware_file);
  add(uses, "--workload", options.workload_file);
  add(uses, "network", job.workload.network_file);
  const DatasetSpec& data = job.workload.dataset;
  for (const std::string& path : data.train_images) add(uses, "train_images", path);
  add(uses, "train_labels", data.train_labels);
  for (const std::string& path : data.test_images) add(uses, "test_images", path);
  add(uses, "test_labels", data.test_labels);
  add(uses, "--init-weights", options.init_weights_file);
  add(uses, "--replay", options.replay_file);
  return uses;
}

void check_file_uses(const Job& job, const Options& options) {
  std::vector<FileUse> taken = input_files(job, options);
  for (const std::string& name : result_file_names())
    taken.emplace_back(name + " of --out", (fs::path(options.out_dir) / name).string());
  std::vector<FileUse> written;
  add(written, "--save-weights", options.save_weights_file);
  add(written, "--record-schedule", options.record_file);
  for (const FileUse& output : written) {
    for (const FileUse& other : taken) {
      if (!same_file(output.second, other.second)) continue;
      throw UserError(output.first + " " + output.second + ": is the file of " + other.first +
                      " as well; give another");
    }
    taken.push_back(output);
  }
}

}  // namespace stagecoach
