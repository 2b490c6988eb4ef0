// SPDX-License-Identifier: Apache-2.0
#include "models/engine/value_plan.h"

#include <algorithm>
#include <cstring>

namespace stagecoach {
namespace {

/// Values of one chunk of samples stay in a second-level cache, from layer to layer.
constexpr std::int64_t kChunkBytes = 512 * 1024;

template <class T>
class Planner {
 public:
  Planner(const Network& network, const Partition& partition, int batch, Kernels kernels)
      : net_(network),
        parts_(partition),
        kernels_(kernels),
        stage_of_(stage_of_layers(network, partition)) {
    plan_.batch = batch;
  }

  ValuePlan<T> run() {
    const int layers = static_cast<int>(net_.layers.size());
    for (const LayerNode& node : net_.layers) {
      plan_.layers.push_back(make_layer<T>(node, kernels_));
      plan_.needs.push_back(plan_.layers.back()->needs());
    }
    plan_.values.resize(layers + 1);
    plan_.gradients.resize(layers + 1);
    find_producers_and_consumers();
    find_wanted_gradients();
    share_in_place();
    decide_kept();
    decide_halos();
    place_everything();
    return std::move(plan_);
  }

 private:
  int layer_count() const { return static_cast<int>(net_.layers.size()); }

  void find_producers_and_consumers() {
    const int loss_stage = static_cast<int>(parts_.size()) - 1;
    plan_.producer_stage.assign(layer_count() + 1, 0);
    plan_.last_consumer.assign(layer_count() + 1, -1);
    crosses_.assign(layer_count() + 1, false);
    readers_.assign(layer_count() + 1, 0);
    for (int l = 0; l < layer_count(); ++l) plan_.producer_stage[l + 1] = stage_of_[l];
    for (int l = 0; l < layer_count(); ++l)
      for (ValueId v : net_.layers[l].inputs) {
        plan_.last_consumer[v] = l;
        ++readers_[v];
        if (plan_.producer_stage[v] != stage_of_[l]) crosses_[v] = true;
      }
    const ValueId out = layer_count();
    plan_.last_consumer[out] = layer_count();  // the loss
    ++readers_[out];
    if (plan_.producer_stage[out] != loss_stage) crosses_[out] = true;
  }

  void find_wanted_gradients() {
    plan_.gradients[kInputValue].wanted = false;
    for (int l = 0; l < layer_count(); ++l) {
      bool wanted = net_.layers[l].trainable_parameters() > 0;
      for (ValueId v : net_.layers[l].inputs) wanted = wanted || plan_.gradients[v].wanted;
      plan_.gradients[l + 1].wanted = wanted;
    }
  }

  void share_in_place() {
    for (ValueId v = 0; v <= layer_count(); ++v) plan_.values[v].root = plan_.gradients[v].root = v;
    for (int l = 0; l < layer_count(); ++l) {
      const ValueId in = net_.layers[l].inputs.front();
      const bool producer_minds = in == kInputValue || plan_.needs[in - 1].backward_reads_output;
      if (!plan_.needs[l].in_place || producer_minds || readers_[in] != 1 || crosses_[in] ||
          plan_.producer_stage[in] != stage_of_[l])
        continue;
      plan_.values[l + 1].root = plan_.values[in].root;
      plan_.gradients[l + 1].root = plan_.gradients[in].root;
    }
  }

  void decide_kept() {
    auto keep = [&](ValueId v) { plan_.values[plan_.values[v].root].kept = true; };
    keep(kInputValue);
    keep(layer_count());  // the loss's backward reads the output again
    for (int l = 0; l < layer_count(); ++l) {
      if (plan_.needs[l].backward_reads_output) keep(l + 1);
      if (plan_.needs[l].backward_reads_input)
        for (ValueId v : net_.layers[l].inputs) keep(v);
    }
    for (ValueId v = 0; v <= layer_count(); ++v)
      if (crosses_[v]) {
        keep(v);
        plan_.gradients[plan_.gradients[v].root].kept = true;
      }
  }

  void decide_halos() {
    std::vector<int> value_halo(layer_count() + 1, 0), gradient_halo(layer_count() + 1, 0);
    auto raise = [](int& halo, int need) { halo = std::max(halo, need); };
    for (int l = 0; l < layer_count(); ++l) {
      for (ValueId v : net_.layers[l].inputs)
        raise(value_halo[plan_.values[v].root], plan_.needs[l].input_halo);
      raise(gradient_halo[plan_.gradients[l + 1].root], plan_.needs[l].gradient_halo);
    }
    for (ValueId v = 0; v <= layer_count(); ++v) {
      Place<T>& value = plan_.values[v];
      Place<T>& gradient = plan_.gradients[v];
      value.kept = plan_.values[value.root].kept;
      gradient.kept = plan_.gradients[gradient.root].kept;
      value.layout = Layout<T>(net_.shape_of(v), value_halo[value.root]);
      gradient.layout = Layout<T>(net_.shape_of(v), gradient_halo[gradient.root]);
    }
  }

  static std::int64_t take(std::int64_t& cursor, std::int64_t size) {
    const std::int64_t at = cursor;
    cursor += padded<T>(size + 64 / static_cast<int>(sizeof(T)) - 1) /
              (64 / static_cast<int>(sizeof(T))) * (64 / static_cast<int>(sizeof(T)));
    return at;
  }

  void place_everything() {
    plan_.saved_offset.assign(layer_count(), 0);
    plan_.parameter_offset.assign(layer_count(), 0);
    plan_.state_offset.assign(layer_count(), 0);
    plan_.stages.resize(parts_.size());
    for (int k = 0; k < static_cast<int>(parts_.size()); ++k) place_stage(k);
    for (ValueId v = 0; v <= layer_count(); ++v) {
      plan_.values[v].offset = plan_.values[plan_.values[v].root].offset;
      plan_.gradients[v].offset = plan_.gradients[plan_.gradients[v].root].offset;
    }
  }

  void place_stage(int k) {
    StageBlocks& blocks = plan_.stages[k];
    std::int64_t forward_cursor = 0, backward_cursor = 0, scratch = 0;
    auto place_value = [&](ValueId v) {
      Place<T>& value = plan_.values[v];
      Place<T>& gradient = plan_.gradients[v];
      if (value.root == v)
        value.offset =
            take(value.kept ? blocks.slot : forward_cursor, value.layout.size(plan_.batch));
      if (gradient.root == v && gradient.wanted && !gradient.kept)
        gradient.offset = take(backward_cursor, gradient.layout.size(plan_.batch));
    };
    if (k == 0) place_value(kInputValue);
    for (int l = parts_[k].first_layer; l < parts_[k].end_layer; ++l) {
      const LayerNeeds& n = plan_.needs[l];
      place_value(l + 1);
      plan_.saved_offset[l] =
          take(blocks.slot, n.saved_per_micro_batch + n.saved_per_sample * plan_.batch);
      scratch = std::max(scratch, n.scratch);
      plan_.state_offset[l] = take(blocks.state, n.state);
      plan_.parameter_offset[l] = blocks.parameters;
      for (const ParameterSlot& s : plan_.layers[l]->slots())
        blocks.parameters =
            std::max(blocks.parameters, plan_.parameter_offset[l] + padded<T>(s.offset + s.size));
    }
    blocks.scratch_offset = std::max(forward_cursor, backward_cursor);
    blocks.workspace = blocks.scratch_offset + scratch;
    blocks.chunk = chunk_of(k, blocks);
  }

  /// Large micro-batches pass in chunks: big enough that weights are not read more often than
  /// values, small enough for the cache. A layer that looks at the whole micro-batch at once
  /// forbids them.
  int chunk_of(int k, const StageBlocks& blocks) const {
    for (int l = parts_[k].first_layer; l < parts_[k].end_layer; ++l)
      if (plan_.needs[l].saved_per_micro_batch > 0) return plan_.batch;
    const std::int64_t sample_bytes =
        std::max<std::int64_t>(1, (blocks.slot + blocks.scratch_offset) / plan_.batch) * sizeof(T);
    const std::int64_t wanted =
        std::max<std::int64_t>(kChunkBytes, blocks.parameters * sizeof(T)) / sample_bytes;
    return static_cast<int>(std::clamp<std::int64_t>(wanted, 1, plan_.batch));
  }

  const Network& net_;
  const Partition& parts_;
  const Kernels kernels_;
  const std::vector<int> stage_of_;
  ValuePlan<T> plan_;
  std::vector<bool> crosses_;
  std::vector<int> readers_;
};

}  // namespace

template <class T>
ValuePlan<T> make_value_plan(const Network& network, const Partition& partition, int batch,
                             Kernels kernels) {
  return Planner<T>(network, partition, batch, kernels).run();
}

template <class T>
void clear_halo(const View<T>& view, int halo) {
  if (halo == 0) return;
  const std::int64_t side = halo * view.pixel_stride;
  for (int n = 0; n < view.batch; ++n) {
    T* corner = view.sample(n) - halo * view.row_stride - side;
    const std::size_t border = sizeof(T) * static_cast<std::size_t>(halo * view.row_stride);
    std::memset(corner, 0, border);
    std::memset(corner + (halo + view.height) * view.row_stride, 0, border);
    for (int y = 0; y < view.height; ++y) {
      T* row = corner + (halo + y) * view.row_stride;
      std::fill(row, row + side, T(0));
      std::fill(row + view.row_stride - side, row + view.row_stride, T(0));
    }
  }
}

template ValuePlan<float> make_value_plan(const Network&, const Partition&, int, Kernels);
template ValuePlan<double> make_value_plan(const Network&, const Partition&, int, Kernels);
template void clear_halo(const View<float>&, int);
template void clear_halo(const View<double>&, int);

}  // namespace stagecoach
