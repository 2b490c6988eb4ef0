// SPDX-License-Identifier: Apache-2.0
// A small finished run, made by hand: two stages, ten micro-batches, numbers that are easy to
// check.
#pragma once

#include "sim/stats/run_result.h"

namespace stagecoach {

struct ExampleRun {
  Network network;
  Partition partition;
  MachinePlan plan;
  RunStatistics statistics;
  TrainingResult training;
  RunResult result;  ///< points at the members above

  ExampleRun() {
    make_network();
    make_plan();
    make_statistics();
    training.epochs = {{1.5, 0.5, 1.25, 0.75}, {0.5, 0.875, 0.75, 0.8125}};
    training.complete_epochs = 2;
    training.samples = 10;
    training.updates = 10;
    result.provenance = {"0.1.0", "tiny", "toy", "aa", "bb", 7, "stagecoach --hw tiny.json"};
    result.config_text = "{\"hw\": {}, \"workload\": {}}\n";
    result.host = {2.0, 0.25, 1.5, 2, "avx2", 123456};
    result.network = &network;
    result.partition = &partition;
    result.plan = &plan;
    result.statistics = &statistics;
    result.training = &training;
    result.closed_form_delays = {2, 0};
    result.energy = BandedSum{
        {{"compute", 0.25, 0.125, 0.5}, {"sram", 0.5, 0.25, 1}, {"links", 0.25, 0.125, 0.5}}};
    result.energy_by_place = EnergyByPlace{
        {{{{"macs", 0.25, 0, 0}, {"static", 0.125, 0, 0}}}, {{{"macs", 0.125, 0, 0}}}},
        {{{{"interconnect", 0.25, 0, 0}}}, {{{"interconnect", 0.125, 0, 0}}}},
        {{{"host", 0.125, 0, 0}}}};
    result.samples_per_epoch = 5;
    result.epoch_joules = {0.375, 1.0};
    result.area = BandedSum{{{"macs", 1.5, 1, 2}, {"buffers", 2.5, 2, 3}}};
    result.used_area_mm2 = 1.25;
  }
  ExampleRun(const ExampleRun&) = delete;
  ExampleRun& operator=(const ExampleRun&) = delete;

 private:
  void make_network() {
    NetworkSpec spec;
    spec.input = Shape::features(4);
    spec.layers.resize(3);
    spec.layers[0].name = "fc1";
    spec.layers[0].kind = LayerKind::linear;
    spec.layers[0].out_features = 3;
    spec.layers[1].name = "relu1";
    spec.layers[1].kind = LayerKind::relu;
    spec.layers[2].name = "fc2";
    spec.layers[2].kind = LayerKind::linear;
    spec.layers[2].out_features = 2;
    network = build_network(spec);
    partition = make_partition(network, {});
  }

  void make_plan() {
    plan.clock_mhz = 500;
    plan.cores = {{"core0", 0, 0, 4.0}, {"core1", 0, 1, 0.0}};  // core1: without limit
    plan.stages.resize(2);
    for (int k = 0; k < 2; ++k) {
      StagePlan& s = plan.stages[k];
      s.name = partition[k].name;
      s.forward_core = s.backward_core = k;
      s.cost.resize(1);
      s.weights_bytes = k == 0 ? 60 : 32;
      s.optimizer_bytes = k == 0 ? 60 : 32;
      s.version_bytes = 60;
      s.activation_bytes_per_sample = 16;
      s.gradient_bytes_per_sample = 12;
      s.weight_gradient_bytes = 5;
    }
    plan.stages[0].capacity_bytes = 1000;
    plan.stages[0].dram.forward.per_sample = 3;
    plan.stages[0].dram.backward.per_micro_batch = 4;
    plan.stages[0].dram.update = 1;
    plan.layers.resize(3);
    plan.layers[0].forward = {12, 3, 2, 3};
    plan.layers[0].update = {15, 4, 1, 5};
  }

  void make_statistics() {
    RunStatistics& s = statistics;
    s.cycles = 1000;
    s.micro_batches = s.samples = 10;
    s.steady_cycles = 450;
    s.steady_samples = 5;
    s.host_bytes = 160;
    s.epochs = {{480, 5, 5, 5}, {1000, 10, 10, 10}};
    s.links = {{"core0->core1", 120, 30, 5}, {"core1->core0", 120, 30, 0}};
    s.stages.resize(2);
    StageStatistics& first = s.stages[0];
    first.cycles = {300, 400, 100, 50, 40, 60, 30, 20};
    first.staleness.histogram = {{0, 1}, {1, 1}, {2, 8}};
    first.staleness.backward_sum = 15;
    first.forward_macs = 120;
    first.backward_macs = 240;
    first.forwards = first.backwards = first.updates = 10;
    first.peak_activation_samples = 3;
    first.peak_gradient_samples = 2;
    first.peak_stashed_versions = 2;
    for (int w = 0; w < 4; ++w) {
      StageWindow window;
      window.begin = 250 * w;
      window.cycles[CycleKind::forward] = w == 1 ? 250 : 200;
      window.cycles[CycleKind::idle] = w == 1 ? 0 : 50;
      window.micro_batches = w == 3 ? 0 : 3;
      window.staleness_sum = 2 * window.micro_batches - (w == 0 ? 2 : 0);
      first.windows.push_back(window);
    }
    first.memory = {{0, 1, 0, 0}, {100, 3, 1, 2}};
    StageStatistics& last = s.stages[1];
    last.cycles = {100, 200, 50, 600, 0, 0, 20, 30};
    last.staleness.histogram = {{0, 10}};
    last.forwards = last.backwards = last.updates = 10;
    last.peak_activation_samples = 1;
    last.peak_gradient_samples = 1;
    last.windows = first.windows;
  }
};

}  // namespace stagecoach
