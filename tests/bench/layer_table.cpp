// SPDX-License-Identifier: Apache-2.0
// Where the time of a sample goes, layer by layer, and what each fast path gains: trains a network
// of the families at batch one on one thread, by fast paths and by the definitions in Eigen in
// turn, and prints Markdown tables of medians. Layers of one kind and shape share a row.
//
//   stagecoach_layer_table [lenet5|resnet20|resnet110|vgg11]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "models/base/host_clock.h"
#include "models/layers/definition.h"
#include "models/trainer.h"
#include "sim/schedule/lockstep.h"
#include "tests/bench/networks.h"
#include "tests/bench/peak.h"
#include "tests/support/random_dataset.h"

namespace stagecoach::bench {
namespace {

/// Trainings of each way; the two ways take turns, so that what disturbs one disturbs both.
constexpr int kRounds = 3;
/// Measured epochs of a training. Medians over all epochs of a way count: another program that
/// takes the processor away disturbs few of a layer's epochs, and no CPU time.
constexpr int kEpochs = 15, kWarmUp = 3;

/// Microseconds of a sample.
struct Times {
  double forward = 0, backward = 0;
  double both() const { return forward + backward; }
};

struct Row {
  bool fast_path = false;
  int count = 0;
  double macs = 0;
  Times fast, eigen;
};

/// The layers in the network's order by real time, and a whole sample by CPU time.
struct Measured {
  std::vector<Times> layers;
  double sample_us = 0;
  double peak_gflops = 0;
};

/// Notes the layers' times by epoch, each a few samples of a full pipeline.
class Epochs {
 public:
  std::vector<LayerSeconds> layers;  ///< the engine adds to these
  std::vector<std::vector<Times>> noted;

  /// At the end of an epoch; the first ones warm the caches up.
  void end(std::int64_t epoch) {
    if (epoch >= kWarmUp && noted.size() < kEpochs) {
      noted.emplace_back();
      for (const LayerSeconds& l : layers) noted.back().push_back({us(l.forward), us(l.backward)});
    }
    if (epoch == kWarmUp - 1) begin_ = thread_cpu_seconds();
    if (epoch == kWarmUp + kEpochs - 1) seconds_ = thread_cpu_seconds() - begin_;
    layers.assign(layers.size(), {});
  }
  /// CPU time of an epoch.
  double seconds() const { return seconds_ / kEpochs; }

 private:
  /// Of a call. A stage may run some samples ahead of others, and so have none in an epoch: NaN.
  static double us(const PassSeconds& sum) {
    return 1e6 * sum.seconds / static_cast<double>(sum.calls);
  }

  double begin_ = 0, seconds_ = 0;
};

/// The trainings of one way.
struct Trainings {
  std::vector<std::vector<Times>> epochs;
  std::vector<double> sample_us, peak_gflops;
};

/// Pipelined backpropagation with momentum, all of it on this thread. The pipeline is full from the
/// end of the first epoch to the last one that is noted.
void train(const Network& network, const BenchNetwork& choice, Kernels kernels,
           Trainings& results) {
  const Partition partition = make_partition(network, {});
  const int stages = static_cast<int>(partition.size()), samples = choice.samples_an_epoch;
  const int empties = 2 * stages / samples + 1;
  const test::RandomDataset data(network.input, samples, 0, network.output().channels, 1, 1);
  TrainSpec spec;
  spec.optimizer.learning_rate = 1e-5;
  spec.optimizer.momentum = 0.9;
  const MicroBatchPlan plan(samples, kWarmUp + kEpochs + empties, 1, 1);
  const auto schedule = make_schedule({}, stages, plan);
  Epochs epochs;
  TrainerOptions options;
  options.kernels = kernels;
  options.max_in_flight = 2 * stages;
  options.policies.resize(partition.size());
  options.layer_seconds = &epochs.layers;
  options.on_epoch = [&](std::int64_t epoch, const EpochResult&) { epochs.end(epoch); };
  auto trainer = make_trainer(network, partition, spec, plan, data, options);
  const double peak = peak_gflops(1, 0.2);
  run_lockstep_order(*schedule, plan, stages, *trainer);
  trainer->finish();
  results.peak_gflops.push_back(std::max(peak, peak_gflops(1, 0.2)));
  results.sample_us.push_back(1e6 * epochs.seconds() / samples);
  results.epochs.insert(results.epochs.end(), epochs.noted.begin(), epochs.noted.end());
}

/// NaN of nothing.
double median(std::vector<double> of) {
  if (of.empty()) return std::nan("");
  std::sort(of.begin(), of.end());
  return of[of.size() / 2];
}

Measured median(const Trainings& of) {
  const auto middle = [&](std::size_t layer, double Times::*pass) {
    std::vector<double> us;
    for (const auto& layers : of.epochs)
      if (!std::isnan(layers[layer].*pass)) us.push_back(layers[layer].*pass);
    return median(us);
  };
  Measured result;
  for (std::size_t l = 0; l < of.epochs[0].size(); ++l)
    result.layers.push_back({middle(l, &Times::forward), middle(l, &Times::backward)});
  result.sample_us = median(of.sample_us);
  result.peak_gflops = median(of.peak_gflops);
  return result;
}

void print_row(const std::string& name, const Row& row, const Measured& fast) {
  const double us = row.fast.both();
  std::printf("| %s | %d | %.1f | %.1f | %.1f | ", name.c_str(), row.count, row.fast.forward,
              row.fast.backward, 100 * us / fast.sample_us);
  if (row.macs > 0)
    std::printf("%.0f | ", 100 * 6 * row.macs / us / 1e3 / fast.peak_gflops);
  else
    std::printf("- | ");
  if (row.fast_path)
    std::printf("%.1f | %.1f | %.2f |\n", row.eigen.forward, row.eigen.backward,
                row.eigen.both() / us);
  else
    std::printf("| | |\n");
}

struct Table {
  std::vector<std::string> order;
  std::map<std::string, Row> rows;
  Row all;
  std::map<std::string, Row> kinds;  ///< by word, those with a fast path
};

void add(Row& row, const LayerNode& node, const Times& fast, const Times& eigen) {
  ++row.count;
  row.macs += static_cast<double>(forward_macs(node));
  row.fast.forward += fast.forward, row.fast.backward += fast.backward;
  row.eigen.forward += eigen.forward, row.eigen.backward += eigen.backward;
}

Table tabulate(const Network& network, const Measured& fast, const Measured& eigen) {
  Table table;
  table.all.fast_path = true;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const LayerNode& node = network.layers[l];
    const std::string name = row_name(node);
    if (table.rows.count(name) == 0) table.order.push_back(name);
    Row& row = table.rows[name];
    row.fast_path = definition_of(node.spec.kind).make_fast != nullptr;
    add(row, node, fast.layers[l], eigen.layers[l]);
    add(table.all, node, fast.layers[l], eigen.layers[l]);
    if (row.fast_path)
      add(table.kinds[to_word(node.spec.kind)], node, fast.layers[l], eigen.layers[l]);
  }
  return table;
}

/// Prints the network's table; returns the lines of the table of fast paths.
std::string print_table(const BenchNetwork& choice) {
  const Network network = network_of(choice);
  Trainings by_fast_paths, by_eigen;
  for (int round = 0; round < kRounds; ++round) {
    train(network, choice, Kernels::fast, by_fast_paths);
    train(network, choice, Kernels::eigen, by_eigen);
  }
  const Measured fast = median(by_fast_paths), eigen = median(by_eigen);
  const Table table = tabulate(network, fast, eigen);
  std::printf(
      "%s: %.1f us a sample on one thread, %.0f %% of a peak of %.0f GFLOP/s; with Eigen %.1f "
      "us\n\n"
      "| layer | layers | forward us | backward us | %% of the sample | %% of peak "
      "| Eigen forward us | Eigen backward us | times |\n"
      "|---|---|---|---|---|---|---|---|---|\n",
      choice.name, fast.sample_us,
      100 * 6 * table.all.macs / fast.sample_us / 1e3 / fast.peak_gflops, fast.peak_gflops,
      eigen.sample_us);
  for (const std::string& name : table.order) print_row(name, table.rows.at(name), fast);
  print_row("all layers", table.all, fast);
  std::printf("| data, loss, hand-over; with Eigen the updates | | | | %.1f | - | | | |\n\n",
              100 - 100 * table.all.fast.both() / fast.sample_us);
  std::string lines;
  const auto line = [&](const std::string& what, double fast_us, double eigen_us) {
    char text[160];
    std::snprintf(text, sizeof text, "| %s | %s | %.1f | %.1f | %.2f |\n", choice.name,
                  what.c_str(), fast_us, eigen_us, eigen_us / fast_us);
    lines += text;
  };
  for (const auto& [word, row] : table.kinds) line(word, row.fast.both(), row.eigen.both());
  line("whole sample", fast.sample_us, eigen.sample_us);
  return lines;
}

}  // namespace
}  // namespace stagecoach::bench

int main(int argc, char** argv) {
  using stagecoach::bench::kNetworks;
  std::string fast_paths;
  for (const auto& choice : kNetworks)
    if (argc == 1 || std::strcmp(argv[1], choice.name) == 0)
      fast_paths += stagecoach::bench::print_table(choice);
  if (!fast_paths.empty()) {
    std::printf(
        "| network | fast path of | fast us | Eigen us | times |\n|---|---|---|---|---|\n%s",
        fast_paths.c_str());
    return 0;
  }
  std::fprintf(stderr, "unknown network %s; known:", argv[1]);
  for (const auto& choice : kNetworks) std::fprintf(stderr, " %s", choice.name);
  std::fprintf(stderr, "\n");
  return 2;
}
