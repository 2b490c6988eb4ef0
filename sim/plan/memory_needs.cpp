// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/memory_needs.h"

#include <algorithm>

#include "sim/timing/memory.h"

namespace stagecoach {

namespace {

Bytes times(Bytes capacity, std::int64_t cores) {
  return capacity == kUnlimited<std::int64_t> ? capacity : capacity * cores;
}

std::int64_t micro_batches_in(Bytes share, const MemoryNeeds& n) {
  const Bytes micro_batch = n.micro_batch_bytes();
  if (micro_batch == 0) return kUnlimited<std::int64_t>;
  return std::max<Bytes>(0, share - n.backward_bytes()) / micro_batch;
}

}  // namespace

Bytes MemoryNeeds::micro_batch_bytes() const {
  const Bytes backward = gradients_in_flight ? backward_bytes_per_sample() : 0;
  return (std::max(held_bytes_per_sample, input_bytes_per_sample) + backward) * micro_batch_samples;
}

MemoryNeeds memory_needs(const PlanScope& scope, int stage, const Service& backward,
                         const StageSlots& slots) {
  const StageSpec& spec = (*scope.partition)[static_cast<std::size_t>(stage)];
  const ElementSpec& e = scope.hardware->elements;
  const PricingContext context = pricing_context(scope, backward);
  double trainable = 0, kept = 0, gradients = 0;
  for (int l = spec.first_layer; l < spec.end_layer; ++l) {
    const LayerNode& node = scope.network->layers[static_cast<std::size_t>(l)];
    const double own = static_cast<double>(node.trainable_parameters());
    trainable += own;
    for (const ParameterSpec& p : node.parameters) kept += static_cast<double>(p.elements());
    if (stores_weight_gradient(node, context)) gradients += own;
  }
  MemoryNeeds n;
  n.weights_bytes = whole_bytes(kept, e.weights_bytes);
  n.micro_batch_samples = scope.micro_batch_samples;
  n.input_bytes_per_sample = input_bytes_per_sample(*scope.network, spec, e);
  if (scope.forward_only) {
    n.held_bytes_per_sample = working_bytes_per_sample(*scope.network, spec, e);
    return n;
  }
  n.optimizer_bytes = whole_bytes(trainable * context.update.optimizer_values, e.optimizer_bytes);
  n.predicted_bytes = whole_bytes(trainable * context.update.predicted_values, e.weights_bytes);
  n.version_bytes = whole_bytes(trainable, e.weights_bytes);
  n.stashed_bytes = n.version_bytes * (slots.versions - 1);
  n.weight_gradient_bytes = whole_bytes(gradients, e.gradients_bytes);
  n.held_bytes_per_sample = held_bytes_per_sample(*scope.network, spec, e);
  n.recomputes = spec.recomputes;
  n.recomputed_bytes_per_sample = recomputed_bytes_per_sample(*scope.network, spec, e);
  n.held_reads_per_sample = held_reads_per_sample(*scope.network, spec, e);
  n.accumulates = context.accumulates;
  n.gradient_bytes_per_sample =
      gradient_bytes_per_sample(*scope.network, spec, e, scope.splits_backward);
  n.gradients_in_flight = scope.splits_backward;
  // Beside concurrent datapaths one more set is being filled while the others are read.
  n.activation_micro_batches =
      slots.activation_micro_batches + (context.core->concurrent_passes ? 1 : 0);
  return n;
}

Bytes Pool::total() const {
  if (unified || weight_capacity == kUnlimited<std::int64_t>) return weight_capacity;
  return activation_capacity == kUnlimited<std::int64_t> ? kUnlimited<std::int64_t>
                                                         : weight_capacity + activation_capacity;
}

Pool pool_of(const CoreSpec& core, std::int64_t cores) {
  Pool pool;
  pool.unified = core.unified();
  pool.weight_capacity = times(capacity_bytes(core.weight_memory()), cores);
  if (!pool.unified) {
    pool.activation_capacity = times(capacity_bytes(core.activation_memory()), cores);
  }
  return pool;
}

Fit fit_pool(const Pool& pool, const std::vector<MemoryNeeds>& needs, MemoryPolicy policy) {
  Bytes weights = 0, activations = 0;
  for (const MemoryNeeds& n : needs) weights += n.weight_side(), activations += n.activation_side();
  Bytes room = pool.activation_capacity;
  if (pool.unified && pool.weight_capacity != kUnlimited<std::int64_t>) {
    room = pool.weight_capacity - std::min(weights, pool.weight_capacity);
  }
  Fit fit;
  fit.weight_deficit_bytes = std::max<Bytes>(0, weights - pool.weight_capacity);
  fit.activation_deficit_bytes = std::max<Bytes>(0, activations - room);
  for (const MemoryNeeds& n : needs) {
    if (room == kUnlimited<std::int64_t> || policy == MemoryPolicy::spill) {
      fit.capacity_micro_batches.push_back(kUnlimited<std::int64_t>);
      continue;
    }
    const double part = activations > 0 ? static_cast<double>(n.activation_side()) /
                                              static_cast<double>(activations)
                                        : 0;
    fit.capacity_micro_batches.push_back(
        micro_batches_in(rounded_down<Bytes>(static_cast<double>(room) * part + 1e-6), n));
  }
  if (policy == MemoryPolicy::spill) {
    if (weights > 0) {
      fit.weight_spill =
          static_cast<double>(fit.weight_deficit_bytes) / static_cast<double>(weights);
    }
    if (activations > 0) {
      fit.activation_spill =
          static_cast<double>(fit.activation_deficit_bytes) / static_cast<double>(activations);
    }
  }
  return fit;
}

}  // namespace stagecoach
