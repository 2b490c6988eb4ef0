// SPDX-License-Identifier: Apache-2.0
// Every kind of layer, one line each, in the order of the documents.
#include <algorithm>
#include <type_traits>

#include "models/base/error.h"
#include "models/layers/definition.h"

namespace stagecoach {

/// A kind is described by a function `<kind>_definition` in its own file.
#define STAGECOACH_LAYER(name)                                     \
  case LayerKind::name: {                                          \
    extern LayerDefinition name##_definition();                    \
    static const LayerDefinition definition = name##_definition(); \
    return &definition;                                            \
  }

/// Null past the last kind. The compiler names a kind that has no line (-Werror=switch).
static const LayerDefinition* find_definition(LayerKind kind) {
  switch (kind) {
    STAGECOACH_LAYER(conv2d);
    STAGECOACH_LAYER(linear);
    STAGECOACH_LAYER(relu);
    STAGECOACH_LAYER(tanh);
    STAGECOACH_LAYER(sigmoid);
    STAGECOACH_LAYER(max_pool2d);
    STAGECOACH_LAYER(avg_pool2d);
    STAGECOACH_LAYER(global_avg_pool2d);
    STAGECOACH_LAYER(flatten);
    STAGECOACH_LAYER(batch_norm2d);
    STAGECOACH_LAYER(group_norm);
    STAGECOACH_LAYER(layer_norm);
    STAGECOACH_LAYER(filter_response_norm);
    STAGECOACH_LAYER(online_norm);
    STAGECOACH_LAYER(local_response_norm);
    STAGECOACH_LAYER(dropout);
    STAGECOACH_LAYER(identity);
    STAGECOACH_LAYER(add);
    STAGECOACH_LAYER(gelu);
    STAGECOACH_LAYER(concatenate);
    STAGECOACH_LAYER(sparse_linear);
  }
  return nullptr;
}

#undef STAGECOACH_LAYER

const LayerDefinition& definition_of(LayerKind kind) {
  const LayerDefinition* found = find_definition(kind);
  if (!found) throw ModelBug("a layer kind outside the enumeration");
  return *found;
}

const std::vector<LayerKind>& all_layer_kinds() {
  static const std::vector<LayerKind> kinds = [] {
    std::vector<LayerKind> all;
    while (find_definition(static_cast<LayerKind>(all.size())))
      all.push_back(static_cast<LayerKind>(all.size()));
    return all;
  }();
  return kinds;
}

const std::vector<const ElementwiseCost*>& elementwise_costs() {
  static const std::vector<const ElementwiseCost*> costs = [] {
    std::vector<const ElementwiseCost*> all;
    for (LayerKind kind : all_layer_kinds()) {
      const ElementwiseCost* cost = definition_of(kind).cost;
      if (cost && !std::count(all.begin(), all.end(), cost)) all.push_back(cost);
    }
    return all;
  }();
  return costs;
}

const char* to_word(LayerKind kind) { return definition_of(kind).word; }

bool parse_layer_kind(const std::string& word, LayerKind& kind) {
  for (LayerKind k : all_layer_kinds())
    if (word == to_word(k)) {
      kind = k;
      return true;
    }
  return false;
}

LayerWork work_of(const LayerNode& node) { return definition_of(node.spec.kind).work(node); }

std::int64_t forward_macs(const LayerNode& node) {
  std::int64_t macs = 0;
  for (const MatrixProduct& p : work_of(node).products)
    if (p.pass() == LayerPass::forward) macs += p.macs();
  return macs;
}

template <class T>
std::unique_ptr<Layer<T>> make_layer(const LayerNode& node, Kernels kernels) {
  const LayerDefinition& kind = definition_of(node.spec.kind);
  if constexpr (std::is_same_v<T, float>) {
    if (kernels == Kernels::fast && kind.make_fast)
      if (auto fast = kind.make_fast(node)) return fast;
    return kind.make_f32(node);
  } else {
    return kind.make_f64(node);
  }
}

template std::unique_ptr<Layer<float>> make_layer(const LayerNode&, Kernels);
template std::unique_ptr<Layer<double>> make_layer(const LayerNode&, Kernels);

}  // namespace stagecoach
