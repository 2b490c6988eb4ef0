// SPDX-License-Identifier: Apache-2.0
// Loss and accuracy over the test set.
#pragma once

#include <vector>

#include "models/engine/epoch_snapshots.h"
#include "models/engine/stage_engine.h"
#include "models/training_result.h"

namespace stagecoach {

/// Test loss and accuracy with the weights that each stage had at the end of an epoch; one snapshot
/// per stage. There must be a test set. The result does not depend on the number of threads.
template <class T>
EpochResult evaluate(const EngineContext<T>& context,
                     const std::vector<const EpochSnapshot<T>*>& stages, int threads);

}  // namespace stagecoach
