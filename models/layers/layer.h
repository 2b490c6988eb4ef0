// SPDX-License-Identifier: Apache-2.0
// The numeric side of one layer: stateless kernels over memory that the stage owns.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/tensor.h"
#include "models/graph/network.h"
#include "models/optimizer/fused_update.h"
#include "models/train_spec.h"

namespace stagecoach {

/// What a layer asks of the memory around it. Sizes count elements of T.
struct LayerNeeds {
  int input_halo = 0;     ///< rows and columns of zeros around every input
  int gradient_halo = 0;  ///< the same around the gradient of its output
  bool backward_reads_input = false;
  bool backward_reads_output = false;
  /// The output may lie in the buffer of its only input, and the input's gradient in the buffer of
  /// the output's gradient (elementwise layers).
  bool in_place = false;
  std::int64_t saved_per_micro_batch = 0;  ///< kept from forward to backward, whatever the batch
  std::int64_t saved_per_sample = 0;       ///< kept from forward to backward, for each sample
  std::int64_t scratch = 0;                ///< workspace of one call
  std::int64_t state = 0;  ///< running statistics, one copy per stage, initialised by
                           ///< init_state()
};

/// Place of one trainable tensor inside the layer's flat parameter block.
struct ParameterSlot {
  int parameter = 0;        ///< index in LayerNode::parameters
  std::int64_t offset = 0;  ///< elements from the block's start; a multiple of kLanes<T>
  std::int64_t size = 0;    ///< elements in engine layout, padding included
};

template <class T>
struct ForwardArgs {
  const View<const T>* inputs = nullptr;  ///< one per LayerNode::inputs
  View<T> output;
  const T* parameters = nullptr;  ///< the layer's block: current, predicted or stashed weights
  T* state = nullptr;             ///< read; written only when training
  T* saved = nullptr;             ///< null when not training
  T* scratch = nullptr;
  bool training = true;
  /// The forward of the same samples made again, before their backward: `state` is left alone, and
  /// what it gave the first time is taken from `saved`.
  bool again = false;
  const std::uint64_t* sample_keys = nullptr;  ///< one per sample: seeds of dropout
};

template <class T>
struct BackwardArgs {
  const View<const T>* inputs = nullptr;
  View<const T> output;                    ///< null unless backward_reads_output
  View<const T> gradient_output;           ///< dL/d output; pad lanes zero
  View<T>* gradient_inputs = nullptr;      ///< one per input; null data: not wanted
  const bool* accumulate = nullptr;        ///< one per input: add to what is there, or overwrite
  const T* parameters = nullptr;           ///< weights of the backward pass
  T* gradient_parameters = nullptr;        ///< the layer's block; null: not wanted
  bool accumulate_parameters = false;      ///< add to what is there, or overwrite
  const FusedUpdate<T>* update = nullptr;  ///< instead of gradient_parameters
  T* state = nullptr;
  const T* saved = nullptr;
  T* scratch = nullptr;
  const std::uint64_t* sample_keys = nullptr;
};

/// One layer's kernels. Objects hold geometry only: one object serves any number of threads.
///
/// Contract for implementers: outputs depend on the arguments alone, summed in a fixed order;
/// nothing is allocated in forward or backward; pad lanes of gradients written are zero; nothing is
/// written outside the interior of the views; the input gradient is computed from the parameters
/// given before any fused update is written.
template <class T>
class Layer {
 public:
  virtual ~Layer() = default;

  virtual LayerNeeds needs() const = 0;

  /// Trainable tensors in the order of LayerNode::parameters; empty by default.
  virtual std::vector<ParameterSlot> slots() const { return {}; }

  /// Copies between PyTorch's order (ParameterSpec::elements() values) and the engine's block.
  virtual void import_parameter(const ParameterSlot&, const T* /*pytorch*/, T* /*block*/) const {}
  virtual void export_parameter(const ParameterSlot&, const T* /*block*/, T* /*pytorch*/) const {}

  /// Running statistics: `index` is the ParameterSpec (role running_statistic).
  virtual void init_state(T* /*state*/) const {}
  virtual void import_state(int /*index*/, const T* /*pytorch*/, T* /*state*/) const {}
  virtual void export_state(int /*index*/, const T* /*state*/, T* /*pytorch*/) const {}

  virtual void forward(const ForwardArgs<T>& args) const = 0;
  virtual void backward(const BackwardArgs<T>& args) const = 0;

  /// True if backward() takes BackwardArgs::update for micro-batches of this many samples.
  virtual bool fuses_update(int /*samples*/) const { return false; }
};

/// The kernels for a layer, from its kind's definition: Eigen expressions, or, in single precision
/// and if `kernels` allows it, the kind's fast path. Instantiated for float and double.
template <class T>
std::unique_ptr<Layer<T>> make_layer(const LayerNode& node, Kernels kernels = Kernels::fast);

}  // namespace stagecoach
