// SPDX-License-Identifier: Apache-2.0
#include "sim/app/earlier_run.h"

#include <filesystem>

#include "sim/config/json_document.h"

namespace stagecoach {
namespace {

bool is_true(const Json& object, const char* name) {
  return object.contains(name) && object[name] == Json(true);
}

bool is_of(const Json& summary, const Provenance& mine) {
  if (!summary.is_object() || !summary.contains("provenance") || !summary.contains("training"))
    return false;
  const Json expected = {{"version", mine.version},
                         {"hardware_sha256", mine.hardware_sha256},
                         {"workload_sha256", mine.workload_sha256},
                         {"seed", mine.seed},
                         {"command", mine.command}};
  const Json& found = summary["provenance"];
  for (const auto& [name, value] : expected.items()) {
    if (!found.is_object() || !found.contains(name) || found[name] != value) return false;
  }
  return summary["training"].is_object();
}

}  // namespace

EarlierRun earlier_run(const ResultDirectory& directory, const Provenance& provenance) {
  const std::string path = directory.path_of(kSummaryFile);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return EarlierRun::none;
  Issues issues;
  const Document document = Document::from_file(path, issues);
  if (!document.ok() || !is_of(document.root(), provenance)) return EarlierRun::another;
  const Json& training = document.root()["training"];
  if (is_true(training, "complete")) return EarlierRun::complete;
  if (is_true(training, "diverged") && !is_true(training, "interrupted"))
    return EarlierRun::diverged;
  return EarlierRun::unfinished;
}

}  // namespace stagecoach
