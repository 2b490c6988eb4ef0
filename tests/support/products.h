// SPDX-License-Identifier: Apache-2.0
// One matrix product of a layer, picked by its pass.
#pragma once

#include "models/base/error.h"
#include "models/layers/definition.h"

namespace stagecoach {

/// The layer's first product of the pass, for a micro-batch of `samples`.
inline MatrixProduct product_of(const LayerNode& node, LayerPass pass, int samples = 1) {
  for (const MatrixProduct& p : work_of(node).products)
    if (p.pass() == pass) return for_samples(p, samples);
  throw ModelBug("layer " + node.spec.name + " has no product of this pass");
}

}  // namespace stagecoach
