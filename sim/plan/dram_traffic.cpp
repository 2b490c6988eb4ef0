// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/dram_traffic.h"

#include <algorithm>

#include "sim/timing/memory.h"

namespace stagecoach {

DramTraffic dram_traffic(const MemoryNeeds& n, const Fit& fit) {
  // Whole bytes per class and share, so that what runs add up is exact.
  const auto of_weights = [&fit](Bytes bytes) {
    return rounded_up<Bytes>(static_cast<double>(bytes) * fit.weight_spill);
  };
  const auto of_activations = [&fit](Bytes bytes) {
    return rounded_up<Bytes>(static_cast<double>(bytes) * fit.activation_spill);
  };
  const Bytes weights = of_weights(n.weights_bytes);
  const Bytes gradients = of_weights(n.weight_gradient_bytes);
  const Bytes held = of_activations(n.held_bytes_per_sample);
  const Bytes accumulated = gradients * (n.accumulates ? 2 : 1);
  const Bytes again = of_activations(n.recomputed_bytes_per_sample);
  const Bytes backward_weights = weights * (n.recomputes ? 2 : 1);
  const Bytes second_forward = n.recomputes ? held + again : Bytes{0};
  DramTraffic t;
  t.forward = {weights, held};
  if (n.gradients_in_flight) {
    const Bytes waiting = of_activations(n.gradient_bytes_per_sample);
    t.backward = {backward_weights, second_forward + waiting +
                                        of_activations(n.held_reads_per_sample.input_gradient)};
    t.weight_gradient = {accumulated,
                         of_activations(n.held_reads_per_sample.weight_gradient) + waiting};
  } else {
    t.backward = {backward_weights + accumulated, n.recomputes ? second_forward + again : held};
  }
  t.update =
      2 * weights + gradients + 2 * of_weights(n.optimizer_bytes) + of_weights(n.predicted_bytes);
  return t;
}

void charge_dram(const HardwareSpec& hardware, const DramTraffic& traffic, std::int64_t samples,
                 std::int64_t sharers, StageCost& cost) {
  const DramSpec dram = hardware.dram.value_or(DramSpec{});
  const auto slow = [&](OpCost& op, Bytes bytes) {
    op.cycles = std::max(
        op.cycles, dram_cycles(dram, static_cast<double>(bytes), hardware.clock_mhz, sharers));
  };
  slow(cost.forward, traffic.forward.of(samples));
  slow(cost.backward, traffic.backward.of(samples));
  slow(cost.weight_gradient, traffic.weight_gradient.of(samples));
  slow(cost.update, traffic.update);
}

}  // namespace stagecoach
