// SPDX-License-Identifier: Apache-2.0
// The price of one pass of one layer on the cores that serve its stage. Pure arithmetic.
#pragma once

#include <vector>

#include "models/layers/definition.h"
#include "models/train_spec.h"
#include "sim/hardware/hardware_spec.h"
#include "sim/timing/cost.h"
#include "sim/timing/gemm.h"
#include "sim/timing/region.h"

namespace stagecoach {

/// What an update asks of the hardware, per weight.
struct UpdateWork {
  int terms = 1;             ///< multiply-adds
  int optimizer_values = 0;  ///< values read and written beside the weight (velocity, ...)
  int predicted_values = 0;  ///< predicted weights, written with every update
};

/// As the update rule declares it (models/optimizer/update_declaration.h). Gradient shrinking is
/// one term more. Predicted weights for both passes count as one value.
UpdateWork update_work(const TrainSpec& train);

/// Where and how a layer is priced.
struct PricingContext {
  const CoreSpec* core = nullptr;
  std::int64_t cores = 1;  ///< serving the stage together
  ElementSpec elements;
  double clock_mhz = 1000;
  UpdateWork update;
  bool accumulates = false;  ///< weight gradients of several micro-batches add up before the update
  RegionLinks region;        ///< between the cores
};

/// Price of one pass for one micro-batch (update: of one update).
///   compute = matrix + vector unit, one after the other (the longer, if the core overlaps them)
///   memory  = the slower of the two buffers' ports (of one, if unified); roofline: bytes at memory
///             bandwidth
///   region  = bytes over the busiest link between the cores that serve the stage (region.h)
///   cycles  = max(compute, memory, region)
/// Where the region's links take longest, a product uses as many cores as is fastest: all, or a
/// power of two.
struct PassPrice {
  Cycles matrix_cycles = 0;
  Cycles vector_cycles = 0;
  Cycles memory_cycles = 0;
  Cycles compute_cycles = 0;
  Cycles region_cycles = 0;
  Cycles cycles = 0;
  double region_bytes = 0;
  EventCounts events;
};

/// Price of one product (of one sample) for a micro-batch of `samples`.
PassPrice price_product(const MatrixProduct& product, bool reads_network_input,
                        const PricingContext& context, int samples);

/// Prices of one pass of a layer, one for each product and each elementwise work that moves data.
/// A layer that reads only the network's input has no input gradient, since nothing upstream wants
/// it; but elementwise work of a layer with parameters is priced there too, their gradients
/// included.
std::vector<PassPrice> price_pass(const LayerNode& node, LayerPass pass,
                                  const PricingContext& context, int samples);

/// The passes one after the other, as a layer's row of the report.
LayerPassCost cost_of(const std::vector<PassPrice>& passes);

/// On resident cores the lanes update the weights that they own; everything else on the vector
/// unit. Fused on a core of concurrent passes: no compute cycles. Ports: weights, optimizer values
/// read and written, gradients read unless fused.
PassPrice price_update(const LayerNode& node, const PricingContext& context);

/// The loss over the network's output, which is no layer.
PassPrice price_loss(std::int64_t elements, bool backward, const PricingContext& context,
                     int samples);

/// What the cost of passes put one after the other follows from. Sums over the layers up to one
/// subtract, so that any run of layers is priced at once.
struct PassSums {
  std::int64_t macs = 0;
  Cycles compute = 0, cycles = 0;
  Cycles without_region = 0;  ///< cycles, if the network between a stage's cores took none
  Cycles region_busy = 0;
  Bytes region_bytes = 0;
  Cycles matrix = 0, vector = 0;            ///< by unit
  Cycles memory = 0;                        ///< of the ports that both units use
  Cycles matrix_long = 0, vector_long = 0;  ///< by unit, each pass as long as what it waits for
  Cycles matrix_without_region = 0;

  PassSums& operator+=(const PassPrice& pass);
  PassSums operator-(const PassSums& o) const;
  OpCost cost(const CoreSpec& core) const;
};

/// Passes of one operation put one after the other; with `overlaps_macs`, matrix work beside vector
/// work: the longer of the two sums, each pass at least as long as its memory, and no less than the
/// memory of all passes, whose ports both units use.
OpCost combine(const std::vector<PassPrice>& passes, const CoreSpec& core);

}  // namespace stagecoach
