// SPDX-License-Identifier: Apache-2.0
// The one switch over LayerKind on the numeric side.
#include "models/base/error.h"
#include "models/layers/activation.h"
#include "models/layers/batch_norm.h"
#include "models/layers/conv2d.h"
#include "models/layers/dropout.h"
#include "models/layers/filter_response_norm.h"
#include "models/layers/group_norm.h"
#include "models/layers/layer.h"
#include "models/layers/layer_norm.h"
#include "models/layers/linear.h"
#include "models/layers/local_response_norm.h"
#include "models/layers/online_norm.h"
#include "models/layers/pass_through.h"
#include "models/layers/pooling.h"

namespace stagecoach {

template <class T>
std::unique_ptr<Layer<T>> make_layer(const LayerNode& node) {
  switch (node.spec.kind) {
    case LayerKind::conv2d:
      return make_conv2d<T>(node);
    case LayerKind::linear:
      return make_linear<T>(node);
    case LayerKind::relu:
      return make_relu<T>(node);
    case LayerKind::tanh:
      return make_tanh<T>(node);
    case LayerKind::sigmoid:
      return make_sigmoid<T>(node);
    case LayerKind::max_pool2d:
      return make_max_pool2d<T>(node);
    case LayerKind::avg_pool2d:
      return make_avg_pool2d<T>(node);
    case LayerKind::global_avg_pool2d:
      return make_global_avg_pool2d<T>(node);
    case LayerKind::flatten:
      return make_flatten<T>(node);
    case LayerKind::batch_norm2d:
      return make_batch_norm2d<T>(node);
    case LayerKind::group_norm:
      return make_group_norm<T>(node);
    case LayerKind::layer_norm:
      return make_layer_norm<T>(node);
    case LayerKind::filter_response_norm:
      return make_filter_response_norm<T>(node);
    case LayerKind::online_norm:
      return make_online_norm<T>(node);
    case LayerKind::local_response_norm:
      return make_local_response_norm<T>(node);
    case LayerKind::dropout:
      return make_dropout<T>(node);
    case LayerKind::identity:
      return make_identity<T>(node);
    case LayerKind::add:
      return make_add<T>(node);
  }
  throw ModelBug("a layer kind outside the enumeration");
}

template std::unique_ptr<Layer<float>> make_layer(const LayerNode&);
template std::unique_ptr<Layer<double>> make_layer(const LayerNode&);

}  // namespace stagecoach
