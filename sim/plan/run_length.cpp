// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/run_length.h"

#include <cstdio>

namespace stagecoach {
namespace {

/// Cycles of a micro-batch, part by part, and the part that takes most.
class SerialTime {
 public:
  void add(double cycles, const std::string& what) {
    total_ += cycles;
    if (cycles <= most_) return;
    most_ = cycles;
    slowest_ = what;
  }
  double total() const { return total_; }
  const std::string& slowest() const { return slowest_; }

 private:
  double total_ = 0;
  double most_ = 0;
  std::string slowest_;
};

double transfer(Bytes bytes, double bytes_per_cycle) {
  return bytes_per_cycle > 0 ? static_cast<double>(bytes) / bytes_per_cycle : 0;
}

}  // namespace

std::string run_too_long(const MachinePlan& plan, const MicroBatchPlan& micro_batches) {
  SerialTime time;
  const std::int64_t samples = micro_batches.micro_batch_size();
  const double hops = plan.interconnect.blocks_cores()
                          ? 0  // copies are in the operations
                          : static_cast<double>(plan.interconnect.rows + plan.interconnect.columns);
  const double hop = hops * static_cast<double>(plan.interconnect.hop_latency_cycles);
  for (const StagePlan& stage : plan.stages) {
    const StageCost& cost = stage.cost.back();
    time.add(static_cast<double>(cost.forward.cycles), "the forward of stage " + stage.name);
    time.add(static_cast<double>(cost.backward_cycles()), "the backward of stage " + stage.name);
    time.add(static_cast<double>(cost.update.cycles), "the update of stage " + stage.name);
    for (const auto* messages : {&stage.forward_messages, &stage.backward_messages}) {
      for (const Message& m : *messages) {
        const double bytes =
            transfer(samples * m.bytes_per_sample, plan.interconnect.link_bytes_per_cycle);
        time.add(hop + hops * bytes, "the links of stage " + stage.name);
      }
    }
    time.add(static_cast<double>(plan.host.latency_cycles) +
                 transfer(samples * stage.input_bytes_per_sample, plan.host.bytes_per_cycle),
             "the host's channel");
  }
  const double cycles = time.total() * static_cast<double>(micro_batches.micro_batches());
  if (cycles < kMostCycles) return "";
  char length[32];
  std::snprintf(length, sizeof length, "%.2g", cycles);
  return "the run could take " + std::string(length) + " cycles, most of them for " +
         time.slowest() +
         "; the simulated clock counts to 4.6e18. Give that part more speed, or train fewer "
         "samples";
}

}  // namespace stagecoach
