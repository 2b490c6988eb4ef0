// SPDX-License-Identifier: Apache-2.0
#include "models/engine/divergence_search.h"

#include <cmath>

namespace stagecoach {
namespace {

template <class T>
bool all_finite(const View<T>& view) {
  for (int n = 0; n < view.batch; ++n)
    for (int y = 0; y < view.height; ++y)
      for (int x = 0; x < view.width; ++x)
        for (int c = 0; c < view.channels; ++c)
          if (!std::isfinite(view.pixel(n, y, x)[c])) return false;
  return true;
}

}  // namespace

template <class T>
Divergence find_divergence(const Network& network, const ValuePlan<T>& plan,
                           const ValuesInFlight<T>& values, const MicroBatch& micro_batch,
                           MicroBatchId id, double loss_sum) {
  Divergence found;
  found.epoch = micro_batch.epoch;
  found.sample = micro_batch.first_in_epoch;
  found.loss = loss_sum;
  found.layer = "loss";
  found.weight_version = values.slot(static_cast<int>(plan.stages.size()) - 1, id).version;
  for (int l = 0; l < static_cast<int>(network.layers.size()); ++l) {
    const ValueId v = l + 1;
    if (!plan.values[v].kept) continue;
    if (all_finite(values.value(v, id, nullptr, {0, micro_batch.samples}))) continue;
    found.layer = network.layers[l].spec.name;
    found.weight_version = values.slot(plan.producer_stage[v], id).version;
    break;
  }
  return found;
}

template Divergence find_divergence(const Network&, const ValuePlan<float>&,
                                    const ValuesInFlight<float>&, const MicroBatch&, MicroBatchId,
                                    double);
template Divergence find_divergence(const Network&, const ValuePlan<double>&,
                                    const ValuesInFlight<double>&, const MicroBatch&, MicroBatchId,
                                    double);

}  // namespace stagecoach
