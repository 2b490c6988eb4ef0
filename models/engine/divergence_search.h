// SPDX-License-Identifier: Apache-2.0
// Finds the layer in which the values of a micro-batch with a non-finite loss went wrong.
#pragma once

#include "models/engine/values_in_flight.h"
#include "models/graph/network.h"
#include "models/training_result.h"

namespace stagecoach {

/// Looks through the micro-batch's kept values, which lie untouched from its last forward to its
/// first backward, for the first layer whose output is not finite. `loss_sum`: of the micro-batch.
template <class T>
Divergence find_divergence(const Network& network, const ValuePlan<T>& plan,
                           const ValuesInFlight<T>& values, const MicroBatch& micro_batch,
                           MicroBatchId id, double loss_sum);

}  // namespace stagecoach
