// SPDX-License-Identifier: Apache-2.0
// Loss and accuracy over the test set.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "models/engine/epoch_snapshots.h"
#include "models/engine/stage_engine.h"
#include "models/training_result.h"

namespace stagecoach {

/// Test loss and accuracy with the weights that each stage had at the end of an epoch; one snapshot
/// per stage. There must be a test set. The result does not depend on the number of threads.
/// Nothing if `gives_up`, which any thread may ask before a sample, says so (null: never).
template <class T>
std::optional<EpochResult> evaluate(const EngineContext<T>& context,
                                    const std::vector<const EpochSnapshot<T>*>& stages, int threads,
                                    const std::function<bool()>& gives_up);

}  // namespace stagecoach
