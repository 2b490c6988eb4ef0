// SPDX-License-Identifier: Apache-2.0
// Where every value and gradient of a network lies while micro-batches are in flight.
//
// A value that the backward pass or another stage reads is *kept*: it lies in the micro-batch's
// slot at the stage that makes it. Everything else is *transient*: it lies in the workspace of the
// thread that runs the operation, where it stays in cache. Elementwise layers that may run in place
// share the buffer ("root") of their input.
#pragma once

#include <memory>
#include <vector>

#include "models/base/tensor.h"
#include "models/graph/network.h"
#include "models/graph/partition.h"
#include "models/layers/layer.h"

namespace stagecoach {

/// One value, or the gradient with respect to it.
template <class T>
struct Place {
  ValueId root = 0;    ///< whose buffer it shares (itself mostly)
  bool kept = false;   ///< slot (values), boundary pool (gradients); else workspace
  bool wanted = true;  ///< gradients: false if nothing upstream learns
  Layout<T> layout;
  std::int64_t offset = 0;  ///< of the buffer in the slot's or the workspace's block
};

/// Sizes of one stage's memory blocks, in elements, for micro-batches of `batch` samples.
struct StageBlocks {
  std::int64_t slot = 0;       ///< kept values and what layers save
  std::int64_t workspace = 0;  ///< transient values or gradients, and scratch behind them
  std::int64_t scratch_offset = 0;
  std::int64_t parameters = 0;
  std::int64_t state = 0;
  int chunk = 1;  ///< samples of a micro-batch that go through the stage's layers together
};

template <class T>
struct ValuePlan {
  std::vector<std::unique_ptr<Layer<T>>> layers;
  std::vector<LayerNeeds> needs;
  std::vector<Place<T>> values;     ///< by ValueId
  std::vector<Place<T>> gradients;  ///< by ValueId
  std::vector<int> producer_stage;  ///< by ValueId; the network's input belongs to stage 0
  std::vector<int> last_consumer;   ///< by ValueId: layer whose backward writes the gradient first;
                                    ///< the number of layers stands for the loss
  std::vector<std::int64_t> saved_offset;      ///< by layer, in the slot
  std::vector<std::int64_t> parameter_offset;  ///< by layer, in the stage's flat parameters
  std::vector<std::int64_t> state_offset;      ///< by layer, in the stage's state
  std::vector<StageBlocks> stages;
  int batch = 1;
};

template <class T>
ValuePlan<T> make_value_plan(const Network& network, const Partition& partition, int batch,
                             Kernels kernels);

/// Zeroes the halo around a view (workspace buffers are shared by differently shaped tensors).
template <class T>
void clear_halo(const View<T>& view, int halo);

}  // namespace stagecoach
