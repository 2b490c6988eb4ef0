// SPDX-License-Identifier: Apache-2.0
// What an operation costs: cycles, and the events that energy is computed from.
#pragma once

#include <cstdint>
#include <iterator>

#include "sim/base/units.h"

namespace stagecoach {

/// Cost of one operation of a stage. `cycles` = compute plus what memory ports add (booked as
/// stall_memory) plus what the links between the cores of its unit add (`interconnect_cycles`,
/// booked as stall_interconnect).
struct OpCost {
  Cycles compute_cycles = 0;
  Cycles cycles = 0;
  std::int64_t macs = 0;
  Cycles interconnect_cycles = 0;
  Cycles region_busy_cycles = 0;  ///< of the busiest link between cores of the unit
  Bytes region_bytes = 0;         ///< over all these links; over two links counts twice
};

/// What an operation makes the hardware do: the counts that energy is computed from.
struct EventCounts {
  double macs = 0;
  double vector_operations = 0;
  double weight_read_bytes = 0;
  double weight_write_bytes = 0;
  double activation_read_bytes = 0;
  double activation_write_bytes = 0;
  double register_bytes = 0;     ///< operands inside matrix units, reads and writes together
  double accumulator_bytes = 0;  ///< partial sums inside matrix units, the same way

  EventCounts& operator+=(const EventCounts& other);
  EventCounts& operator*=(double factor);
};

/// All of them, for what treats them alike.
inline constexpr double EventCounts::*kEventCounts[] = {
    &EventCounts::macs,
    &EventCounts::vector_operations,
    &EventCounts::weight_read_bytes,
    &EventCounts::weight_write_bytes,
    &EventCounts::activation_read_bytes,
    &EventCounts::activation_write_bytes,
    &EventCounts::register_bytes,
    &EventCounts::accumulator_bytes,
};
static_assert(sizeof(EventCounts) == std::size(kEventCounts) * sizeof(double), "one is missing");

inline EventCounts& EventCounts::operator+=(const EventCounts& other) {
  for (const auto count : kEventCounts) this->*count += other.*count;
  return *this;
}

inline EventCounts& EventCounts::operator*=(double factor) {
  for (const auto count : kEventCounts) this->*count *= factor;
  return *this;
}

/// Every count times the factor.
inline EventCounts scaled(EventCounts counts, double factor) { return counts *= factor; }

/// Counts of one stage, as per-micro-batch part (weights are read once for a micro-batch) and
/// per-sample part.
struct StageEvents {
  EventCounts forward_per_micro_batch, forward_per_sample;
  EventCounts backward_per_micro_batch, backward_per_sample;
  EventCounts update;
};

/// Bytes between a stage's buffers and DRAM, by operation: what its time, its energy and the
/// memory statistics count.
struct DramTraffic {
  /// Of one operation: whatever the micro-batch, and for each of its samples.
  struct Operation {
    Bytes per_micro_batch = 0;
    Bytes per_sample = 0;

    Bytes of(std::int64_t samples) const { return per_micro_batch + per_sample * samples; }
  };
  Operation forward, backward;
  Operation weight_gradient;  ///< nothing, unless the schedule splits the backward
  Bytes update = 0;

  Bytes total(std::int64_t micro_batches, std::int64_t samples, std::int64_t updates) const {
    Bytes sum = update * updates;
    for (const Operation& o : {forward, backward, weight_gradient})
      sum += o.per_micro_batch * micro_batches + o.per_sample * samples;
    return sum;
  }
};

/// Costs of one stage for a micro-batch of a given number of samples.
struct StageCost {
  OpCost forward;
  OpCost backward;  ///< input and weight gradient; the input's alone where they are split
  OpCost update;
  OpCost weight_gradient = {};  ///< nothing, unless the schedule splits the backward
  OpCost recompute = {};        ///< of `backward`: the forward made again, before the gradients
  /// Passes are concurrent: forward and backward may overlap, and within `backward` the two
  /// gradients do. So long the datapath of each is at work in a backward.
  bool concurrent = false;
  Cycles input_gradient_busy = 0;
  Cycles weight_gradient_busy = 0;  ///< the split one's included

  /// Both gradients.
  Cycles backward_cycles() const { return backward.cycles + weight_gradient.cycles; }
};

/// One pass of one layer for a full micro-batch (update: for one update), for the report.
struct LayerPassCost {
  std::int64_t macs = 0;
  Cycles compute_cycles = 0;
  Cycles memory_cycles = 0;
  Cycles cycles = 0;
  Cycles interconnect_cycles = 0;  ///< bytes inside the unit of cores over its busiest link
};

/// The layers of a stage add up to its operations, unless its core overlaps units or DRAM is
/// slower.
struct LayerCost {
  LayerPassCost forward, input_gradient, weight_gradient, update;
  std::int64_t samples = 1;      ///< of the micro-batch
  LayerPassCost recompute = {};  ///< the forward made again, where its stage does
};

}  // namespace stagecoach
