// SPDX-License-Identifier: Apache-2.0
// The end of the line: losses, where a run went wrong, and the gradient that the way back starts
// with.
#include <cmath>

#include "models/engine/pipeline_engine.h"

namespace stagecoach {

template <class T>
void PipelineEngine<T>::measure_loss(const Work& work) {
  const ValueId out = static_cast<int>(network_.layers.size());
  const View<const T> output = value_view(
      out, slot_of(values_.producer_stage[out], work.op.micro_batch), work.workspace, work.whole());
  const LossResult result = loss(work.data->samples.data(), -1, output, T(1), View<T>{});
  EpochSums& sums = epochs_[work.data->micro_batch.epoch];
  sums.loss += result.loss_sum;
  sums.correct += result.correct;
  sums.samples += work.whole().count;
  if (!std::isfinite(result.loss_sum) && diverged_micro_batch() == kNone)
    note_divergence(work, result.loss_sum);
}

template <class T>
void PipelineEngine<T>::note_divergence(const Work& work, double loss_sum) {
  divergence_.epoch = work.data->micro_batch.epoch;
  divergence_.sample = work.data->micro_batch.first_in_epoch;
  divergence_.loss = loss_sum;
  divergence_.layer = "loss";
  divergence_.weight_version = work.slot->version;
  // The micro-batch's kept values lie untouched until its backward: find where it went wrong.
  for (int l = 0; l < static_cast<int>(network_.layers.size()); ++l) {
    const ValueId v = l + 1;
    if (!values_.values[v].kept) continue;
    Slot& slot = slot_of(values_.producer_stage[v], work.op.micro_batch);
    const View<T> view = value_view(v, slot, nullptr, work.whole());
    bool finite = true;
    for (int n = 0; n < view.batch; ++n)
      for (int y = 0; y < view.height; ++y)
        for (int x = 0; x < view.width; ++x)
          for (int c = 0; c < view.channels; ++c)
            finite = finite && std::isfinite(view.pixel(n, y, x)[c]);
    if (finite) continue;
    divergence_.layer = network_.layers[l].spec.name;
    divergence_.weight_version = slot.version;
    break;
  }
  diverged_.store(work.op.micro_batch, std::memory_order_release);
}

template <class T>
LossResult PipelineEngine<T>::loss(const std::int64_t* training_samples, std::int64_t test_index,
                                   View<const T> output, T gradient_scale, View<T> gradient) const {
  const Split split = training_samples ? Split::train : Split::test;
  const std::int64_t width =
      train_.loss == LossKind::mean_squared_error ? data_.target_elements() : 1;
  constexpr int kOnStack = 1024;
  double few_targets[kOnStack];
  int few_labels[kOnStack];
  std::vector<double> many_targets;
  std::vector<int> many_labels;
  double* targets = few_targets;
  int* labels = few_labels;
  if (output.batch * width > kOnStack) {
    many_targets.resize(static_cast<std::size_t>(output.batch * width));
    many_labels.resize(static_cast<std::size_t>(output.batch));
    targets = many_targets.data();
    labels = many_labels.data();
  }
  for (int n = 0; n < output.batch; ++n) {
    const std::int64_t index = training_samples ? training_samples[n] : test_index;
    if (train_.loss == LossKind::mean_squared_error)
      data_.read_target(split, index, targets + n * width);
    else
      labels[n] = data_.label(split, index);
  }
  const bool dense = train_.loss == LossKind::mean_squared_error;
  return loss_and_gradient(train_.loss, output, dense ? nullptr : labels, dense ? targets : nullptr,
                           gradient_scale, gradient);
}

template <class T>
void PipelineEngine<T>::start_gradient(const Work& work, Chunk chunk) {
  const StageSpec& spec = partition_[work.op.stage];
  if (spec.has_loss) {
    const ValueId out = static_cast<int>(network_.layers.size());
    if (!values_.gradients[out].wanted) return;
    const View<const T> output = value_view(
        out, slot_of(values_.producer_stage[out], work.op.micro_batch), work.workspace, chunk);
    loss(work.data->samples.data() + chunk.first, -1, output,
         T(1) / static_cast<T>(work.data->micro_batch.batch_samples),
         gradient_view(out, work, chunk, true));
    return;
  }
  // Gradient shrinking (FDG): what a stage receives is scaled once.
  const T beta = static_cast<T>(train_.mitigation.gradient_shrinking);
  if (beta == T(1)) return;
  for (ValueId v : spec.outputs) {
    const Place<T>& place = values_.gradients[v];
    if (!place.wanted) continue;
    T* g = boundary_gradient(place.root, work.op.micro_batch) +
           place.layout.sample_stride * chunk.first;
    const std::int64_t size = place.layout.sample_stride * chunk.count;
    for (std::int64_t i = 0; i < size; ++i) g[i] *= beta;
  }
}

template void PipelineEngine<float>::measure_loss(const Work&);
template void PipelineEngine<float>::note_divergence(const Work&, double);
template void PipelineEngine<float>::start_gradient(const Work&, Chunk);
template LossResult PipelineEngine<float>::loss(const std::int64_t*, std::int64_t,
                                                View<const float>, float, View<float>) const;
template void PipelineEngine<double>::measure_loss(const Work&);
template void PipelineEngine<double>::note_divergence(const Work&, double);
template void PipelineEngine<double>::start_gradient(const Work&, Chunk);
template LossResult PipelineEngine<double>::loss(const std::int64_t*, std::int64_t,
                                                 View<const double>, double, View<double>) const;

}  // namespace stagecoach
