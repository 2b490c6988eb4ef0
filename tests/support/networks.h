// SPDX-License-Identifier: Apache-2.0
// Networks for tests of timing and memory, written out by hand.
#pragma once

#include <string>
#include <vector>

#include "models/graph/network.h"

namespace stagecoach {

/// Builds a NetworkSpec line by line.
class NetworkSketch {
 public:
  explicit NetworkSketch(Shape input) { spec_.input = input; }

  NetworkSketch& conv(const std::string& name, int out, int kernel, int stride = 1, int padding = 0,
                      const std::string& from = "", bool bias = true, int groups = 1) {
    LayerSpec l = layer(name, LayerKind::conv2d, from);
    l.out_channels = out, l.kernel = kernel, l.stride = stride, l.padding = padding, l.bias = bias;
    l.groups = groups;
    return add_layer(l);
  }
  NetworkSketch& linear(const std::string& name, int out, bool bias = true) {
    LayerSpec l = layer(name, LayerKind::linear, "");
    l.out_features = out, l.bias = bias;
    return add_layer(l);
  }
  /// Random connections, `fan_in` for each output.
  NetworkSketch& sparse_linear(const std::string& name, int out, int fan_in) {
    LayerSpec l = layer(name, LayerKind::sparse_linear, "");
    l.out_features = out, l.fan_in = fan_in;
    return add_layer(l);
  }
  NetworkSketch& plain(LayerKind kind, const std::string& name = "", const std::string& from = "") {
    return add_layer(layer(name, kind, from));
  }
  NetworkSketch& pool(LayerKind kind, int kernel) {
    LayerSpec l = layer("", kind, "");
    l.kernel = kernel, l.stride = kernel;
    return add_layer(l);
  }
  NetworkSketch& group_norm(int groups) {
    LayerSpec l = layer("", LayerKind::group_norm, "");
    l.groups = groups;
    return add_layer(l);
  }
  NetworkSketch& join(const std::string& name, const std::string& a, const std::string& b,
                      LayerKind kind = LayerKind::add) {
    LayerSpec l = layer(name, kind, a);
    l.inputs.push_back(b);
    return add_layer(l);
  }

  Network build() const { return build_network(spec_); }

 private:
  static LayerSpec layer(const std::string& name, LayerKind kind, const std::string& from) {
    LayerSpec l;
    l.name = name;
    l.kind = kind;
    if (!from.empty()) l.inputs = {from};
    return l;
  }
  NetworkSketch& add_layer(const LayerSpec& l) {
    spec_.layers.push_back(l);
    return *this;
  }

  NetworkSpec spec_;
};

/// 2 convolutions and 3 dense layers on 28x28 grey images.
inline Network lenet5() {
  return NetworkSketch(Shape::image(1, 28, 28))
      .conv("conv1", 6, 5, 1, 2)
      .plain(LayerKind::relu)
      .pool(LayerKind::max_pool2d, 2)
      .conv("conv2", 16, 5)
      .plain(LayerKind::relu)
      .pool(LayerKind::max_pool2d, 2)
      .plain(LayerKind::flatten)
      .linear("fc1", 120)
      .plain(LayerKind::relu)
      .linear("fc2", 84)
      .plain(LayerKind::relu)
      .linear("fc3", 10)
      .build();
}

/// 8 convolutions and 1 dense layer on 32x32 colour images.
inline Network vgg11_cifar() {
  NetworkSketch net(Shape::image(3, 32, 32));
  int index = 0;
  for (int width : {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0}) {
    if (width == 0) {
      net.pool(LayerKind::max_pool2d, 2);
    } else {
      net.conv("conv" + std::to_string(++index), width, 3, 1, 1).plain(LayerKind::relu);
    }
  }
  return net.plain(LayerKind::flatten).linear("fc", 10).build();
}

/// 19 convolutions of 3x3, 2 projections of 1x1 with stride 2, 1 dense layer; group norm.
inline Network resnet20_cifar() {
  NetworkSketch net(Shape::image(3, 32, 32));
  net.conv("stem", 16, 3, 1, 1, "", false).group_norm(8).plain(LayerKind::relu, "stem_out");
  std::string last = "stem_out";
  for (int stage = 0; stage < 3; ++stage) {
    for (int block = 0; block < 3; ++block) {
      const std::string id = std::to_string(stage) + "_" + std::to_string(block);
      const int width = 16 << stage;
      const bool shrinks = stage > 0 && block == 0;
      net.conv("a" + id, width, 3, shrinks ? 2 : 1, 1, last, false).group_norm(8);
      net.plain(LayerKind::relu);
      net.conv("b" + id, width, 3, 1, 1, "", false);
      net.group_norm(8).plain(LayerKind::identity, "main" + id);
      std::string shortcut = last;
      if (shrinks) {
        net.conv("p" + id, width, 1, 2, 0, last, false);
        shortcut = "p" + id;
      }
      net.join("sum" + id, "main" + id, shortcut).plain(LayerKind::relu, "out" + id);
      last = "out" + id;
    }
  }
  return net.plain(LayerKind::global_avg_pool2d).plain(LayerKind::flatten).linear("fc", 10).build();
}

}  // namespace stagecoach
