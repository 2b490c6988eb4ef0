// SPDX-License-Identifier: Apache-2.0
#include "sim/app/run_identity.h"

#include "models/base/error.h"
#include "sim/app/file_uses.h"
#include "sim/config/hardware_config.h"
#include "sim/files/sha256.h"

namespace stagecoach {
namespace {

OrderedJson program(const Job& job) {
  return {{"version", STAGECOACH_VERSION},
          {"compiler", __VERSION__},
          {"instruction_set", job.engine->instruction_set}};
}

/// Paths are left out: the files' digests are in.
OrderedJson workload(const Job& job) {
  OrderedJson fields = resolved_workload(job.workload);
  for (const char* path : {"train_images", "train_labels", "test_images", "test_labels"})
    fields["dataset"].erase(path);
  return fields;
}

OrderedJson changing_options(const Options& options) {
  const char* precision = options.precision == Precision::f64 ? "f64" : "f32";
  return {{"--precision", precision},
          {"--kernels", to_word(options.kernels)},
          {"--functional-only", options.functional_only},
          {"--trace", options.trace},
          {"--trace-format", options.perfetto ? "perfetto" : "chrome"},
          {"--vcd", options.vcd},
          {"--trace-from", options.trace_from},
          {"--trace-samples",
           options.trace_samples ? OrderedJson(*options.trace_samples) : OrderedJson("all")}};
}

/// By use a list of digests. Files whose every field is in the identity need none.
OrderedJson digests(const Job& job, const Options& options) {
  OrderedJson found = OrderedJson::object();
  for (const auto& [use, path] : input_files(job, options)) {
    if (use != "--hw" && use != "--workload" && use != "network")
      found[use].push_back(sha256_of_file(path));
  }
  return found;
}

}  // namespace

std::string run_identity(const Job& job, const Options& options) {
  return OrderedJson{{"program", program(job)},
                     {"hardware", write_hardware(job.hardware)},
                     {"workload", workload(job)},
                     {"options", changing_options(options)},
                     {"sha256", digests(job, options)}}
      .dump(1);
}

}  // namespace stagecoach
