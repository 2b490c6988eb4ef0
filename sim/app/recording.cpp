// SPDX-License-Identifier: Apache-2.0
#include "sim/app/recording.h"

#include "models/base/error.h"
#include "models/layers/definition.h"
#include "sim/config/errors.h"
#include "sim/config/hardware_config.h"
#include "sim/files/sha256.h"

namespace stagecoach {
namespace {

/// The graph that operations run on, without names: its input, then for each layer where the cuts
/// put it, its kind, shape, edges and parameters.
std::vector<std::string> graph_texts(const Network& network, const Partition& stages) {
  const std::vector<int> stage_of = stage_of_layers(network, stages);
  std::vector<std::string> texts = {"input " + to_string(network.input)};
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const LayerNode& node = network.layers[l];
    std::string text = "stage " + std::to_string(stage_of[l]) + " " + to_word(node.spec.kind) +
                       " " + to_string(node.output) + " from";
    for (const ValueId v : node.inputs) text += " " + std::to_string(v);
    for (const ParameterSpec& p : node.parameters) text += "; " + p.name + " " + to_string(p.shape);
    texts.push_back(text);
  }
  return texts;
}

/// Takes everything.
class Counter : public OpSink {
 public:
  bool emit(const Op&) override {
    ++operations;
    return true;
  }
  std::int64_t operations = 0;
};

}  // namespace

RecordedRun recorded_run(const Job& job) {
  RecordedRun run;
  run.hardware = printable(job.hardware.name);
  run.hardware_sha256 = sha256_hex(write_hardware(job.hardware).dump());
  run.stages = job.stages();
  run.network = graph_texts(job.workload.network, job.workload.stages);
  OrderedJson pipeline = resolved_workload(job.workload)["pipeline"];
  pipeline.erase("partition");  // however it was written: the cuts are in the network
  run.schedule = pipeline.dump();
  run.samples_per_epoch = job.micro_batches->samples_per_epoch();
  run.epochs = job.micro_batches->epochs();
  run.batch_size = job.workload.training.batch_size;
  run.micro_batch_size = job.micro_batches->micro_batch_size();
  return run;
}

std::int64_t verify_replay(const Job& job, const std::string& file) {
  Counter counter;
  ScheduleReplay(file, recorded_run(job), *job.schedule, *job.micro_batches).run(counter);
  return counter.operations;
}

}  // namespace stagecoach
