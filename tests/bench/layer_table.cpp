// SPDX-License-Identifier: Apache-2.0
// Where the time of a sample goes, layer by layer: trains a network of the families at batch one on
// one thread and prints a Markdown table. Layers of one kind and shape share a row.
//
//   stagecoach_layer_table [lenet5|resnet20|resnet110|vgg11]
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "models/base/host_clock.h"
#include "models/graph/families.h"
#include "models/layers/definition.h"
#include "models/trainer.h"
#include "sim/schedule/lockstep.h"
#include "tests/bench/peak.h"
#include "tests/support/random_dataset.h"

namespace stagecoach::bench {
namespace {

struct Choice {
  const char* name;
  Family family;
  int depth;
  std::int64_t samples;
};
constexpr Choice kChoices[] = {{"lenet5", Family::lenet5, 0, 10000},
                               {"resnet20", Family::resnet_cifar, 20, 800},
                               {"resnet110", Family::resnet_cifar, 110, 400},
                               {"vgg11", Family::vgg, 11, 300}};

struct Row {
  int count = 0;
  double macs = 0, forward_us = 0, backward_us = 0;
};

std::string row_name(const LayerNode& node) {
  const auto shape = [](const Shape& s) {
    return std::to_string(s.channels) + (s.rank == 3 ? "@" + std::to_string(s.height) : "");
  };
  std::string name = to_word(node.spec.kind);
  if (node.spec.kind == LayerKind::conv2d)
    name += " " + std::to_string(node.spec.kernel) + "x" + std::to_string(node.spec.kernel);
  name += " " + shape(node.input_shapes[0]);
  return node.input_shapes[0] == node.output ? name : name + " to " + shape(node.output);
}

struct Measured {
  std::vector<LayerSeconds> layers;
  double seconds = 0;
  double peak_gflops = 0;
};

/// Pipelined backpropagation with momentum. Of three epochs the first fills pipeline and caches,
/// the second is measured, the third keeps the pipeline full.
Measured train(const Network& network, const Shape& input, std::int64_t samples) {
  const Partition partition = make_partition(network, {});
  const int stages = static_cast<int>(partition.size());
  const test::RandomDataset data(input, samples, 0, network.output().channels, 1, 1);
  TrainSpec spec;
  spec.optimizer.learning_rate = 1e-5;
  spec.optimizer.momentum = 0.9;
  const MicroBatchPlan plan(samples, 3, 1, 1);
  const auto schedule = make_schedule({}, stages, plan);
  Measured measured;
  std::vector<LayerSeconds> layers;
  TrainerOptions options;
  options.max_in_flight = 2 * stages;
  options.policies.resize(partition.size());
  options.layer_seconds = &layers;
  options.on_epoch = [&](std::int64_t epoch, const EpochResult&) {
    if (epoch == 0) {
      layers.assign(layers.size(), {});
      measured.seconds = wall_seconds();
    } else if (epoch == 1) {
      measured.layers = layers;
      measured.seconds = wall_seconds() - measured.seconds;
    }
  };
  auto trainer = make_trainer(network, partition, spec, plan, data, options);
  measured.peak_gflops = peak_gflops(1, 0.2);
  run_lockstep_order(*schedule, plan, stages, *trainer);
  trainer->finish();
  measured.peak_gflops = std::max(measured.peak_gflops, peak_gflops(1, 0.2));
  return measured;
}

void print_row(const std::string& name, const Row& row, double sample_us, double peak) {
  const double us = row.forward_us + row.backward_us;
  std::printf("| %s | %d | %.1f | %.1f | %.1f | ", name.c_str(), row.count, row.forward_us,
              row.backward_us, 100 * us / sample_us);
  if (row.macs > 0)
    std::printf("%.0f |\n", 100 * 6 * row.macs / us / 1e3 / peak);
  else
    std::printf("- |\n");
}

void print_table(const Choice& choice) {
  FamilySpec family = default_family_spec(choice.family);
  if (choice.depth) family.depth = choice.depth;
  const NetworkSpec spec = build_family(family);
  const Network network = build_network(spec);
  const Measured measured = train(network, spec.input, choice.samples);
  const double per_sample = 1e6 / static_cast<double>(choice.samples);
  std::vector<std::string> order;
  std::map<std::string, Row> rows;
  Row all;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const std::string name = row_name(network.layers[l]);
    if (rows.count(name) == 0) order.push_back(name);
    for (Row* row : {&rows[name], &all}) {
      ++row->count;
      row->macs += static_cast<double>(forward_macs(network.layers[l]));
      row->forward_us += measured.layers[l].forward * per_sample;
      row->backward_us += measured.layers[l].backward * per_sample;
    }
  }
  const double sample_us = measured.seconds * per_sample;
  std::printf(
      "%s: %.1f us a sample on one thread, %.0f %% of a peak of %.0f GFLOP/s\n\n"
      "| layer | layers | forward us | backward us | %% of the sample | %% of peak |\n"
      "|---|---|---|---|---|---|\n",
      choice.name, sample_us, 100 * 6 * all.macs / sample_us / 1e3 / measured.peak_gflops,
      measured.peak_gflops);
  for (const std::string& name : order)
    print_row(name, rows[name], sample_us, measured.peak_gflops);
  print_row("all layers", all, sample_us, measured.peak_gflops);
  std::printf("| data, loss, hand-over of operations | | | | %.1f | - |\n\n",
              100 - 100 * (all.forward_us + all.backward_us) / sample_us);
}

}  // namespace
}  // namespace stagecoach::bench

int main(int argc, char** argv) {
  using stagecoach::bench::kChoices;
  bool any = false;
  for (const auto& choice : kChoices)
    if (argc == 1 || std::strcmp(argv[1], choice.name) == 0) {
      stagecoach::bench::print_table(choice);
      any = true;
    }
  if (any) return 0;
  std::fprintf(stderr, "unknown network %s; known:", argv[1]);
  for (const auto& choice : kChoices) std::fprintf(stderr, " %s", choice.name);
  std::fprintf(stderr, "\n");
  return 2;
}
