// SPDX-License-Identifier: Apache-2.0
// How much of the machine's multiply-add rate the conv2d and linear kernels reach, layer by layer.
//
// Counters: `share` is the flop rate over the peak that an FMA loop of this program reaches on the
// same thread, measured anew beside every layer; `gflops` is the rate itself. Only products that
// the network needs count: no pad lanes, but the zeros around an image do.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "models/layers/conv2d.h"
#include "models/layers/linear.h"
#include "tests/bench/peak.h"
#include "tests/support/matrix_layers.h"
#include "tests/support/numeric_gradient.h"

namespace stagecoach {
namespace {

/// The best of several short runs: what the kernels could reach at best on this thread.
double peak_flops() {
  double best = 0;
  for (int i = 0; i < 10; ++i) best = std::max(best, bench::peak_gflops(1, 0.001) * 1e9);
  return best;
}

enum class Product { forward, input_gradient, weight_gradient, update, backward_update };

const char* word(Product p) {
  switch (p) {
    case Product::forward:
      return "forward";
    case Product::input_gradient:
      return "input_gradient";
    case Product::weight_gradient:
      return "weight_gradient";
    case Product::update:
      return "weight_gradient_and_update";
    case Product::backward_update:
      return "backward_and_update";
  }
  return "";
}

struct BenchLayer {
  std::string name;
  ConvCase shape;
  bool linear = false;
};

void run_layer(benchmark::State& state, const BenchLayer& layer, Product product) {
  const ConvCase& c = layer.shape;
  const LayerNode node = layer.linear ? linear_node(c.in, c.out, c.bias) : conv_node(c);
  FixtureOptions options;
  options.batch = c.batch;
  LayerFixture<float> f(node, layer.linear ? make_layer<float>(node) : make_layer<float>(node),
                        options);
  f.forward();
  Buffer<float> velocity(f.parameter_elements());
  const std::vector<UpdateCoefficients<float>> coefficients(2, {0.9f, 1e-4f, 1e-9f, 1e-9f, 1e-9f});
  FusedUpdate<float> update;
  update.weights = f.parameters();
  update.velocity = velocity.data();
  update.coefficients = coefficients.data();
  BackwardArgs<float>& args = f.backward_args();
  if (product == Product::weight_gradient || product == Product::update)
    f.wanted_gradient(0).data = nullptr;
  const bool updates = product == Product::update || product == Product::backward_update;
  if (updates && !f.layer().fuses_update(c.batch)) {
    state.SkipWithError("this layer leaves the update to its stage");
    return;
  }
  if (product != Product::weight_gradient) args.gradient_parameters = nullptr;
  if (updates) args.update = &update;
  const double peak = peak_flops();
  for (auto _ : state) {
    if (product == Product::forward)
      f.run_forward(false);
    else
      f.layer().backward(args);
  }
  const double products = product == Product::backward_update ? 2 : 1;
  const double flops = products * 2.0 * c.batch * node.output.elements() * (c.in / c.groups) *
                       c.kernel * c.kernel * state.iterations();
  state.counters["gflops"] = benchmark::Counter(flops / 1e9, benchmark::Counter::kIsRate);
  state.counters["share"] = benchmark::Counter(flops / peak, benchmark::Counter::kIsRate);
}

std::vector<BenchLayer> layers() {
  const auto conv = [](const char* name, int in, int out, int size, int kernel, int stride,
                       int padding) {
    return BenchLayer{name, {in, out, size, size, kernel, stride, padding, 1, false, 1}};
  };
  const auto linear = [](const char* name, int in, int out, int batch) {
    return BenchLayer{name, {in, out, 1, 1, 1, 1, 0, 1, true, batch}, true};
  };
  return {
      conv("resnet20/conv1", 3, 16, 32, 3, 1, 1),
      conv("resnet20/16@32", 16, 16, 32, 3, 1, 1),
      conv("resnet20/16-32@32/2", 16, 32, 32, 3, 2, 1),
      conv("resnet20/16-32@32/2 1x1", 16, 32, 32, 1, 2, 0),
      conv("resnet20/32@16", 32, 32, 16, 3, 1, 1),
      conv("resnet20/32-64@16/2", 32, 64, 16, 3, 2, 1),
      conv("resnet20/64@8", 64, 64, 8, 3, 1, 1),
      conv("vgg11/3-64@32", 3, 64, 32, 3, 1, 1),
      conv("vgg11/64-128@16", 64, 128, 16, 3, 1, 1),
      conv("vgg11/128-256@8", 128, 256, 8, 3, 1, 1),
      conv("vgg11/256@8", 256, 256, 8, 3, 1, 1),
      conv("vgg11/256-512@4", 256, 512, 4, 3, 1, 1),
      conv("vgg11/512@4", 512, 512, 4, 3, 1, 1),
      conv("vgg11/512@2", 512, 512, 2, 3, 1, 1),
      linear("vgg11/fc 512-512", 512, 512, 1),
      linear("vgg11/fc 512-10", 512, 10, 1),
      conv("lenet5/conv1", 1, 6, 28, 5, 1, 2),
      conv("lenet5/conv2", 6, 16, 14, 5, 1, 0),
      linear("lenet5/fc1", 400, 120, 1),
      linear("lenet5/fc2", 120, 84, 1),
      linear("lenet5/fc3", 84, 10, 1),
      conv("alexnet/64-192@8 5x5", 64, 192, 8, 5, 1, 2),
      conv("alexnet/192-384@4", 192, 384, 4, 3, 1, 1),
      conv("resnet50/7x7", 3, 64, 224, 7, 2, 3),
      conv("resnet50/64-256@56 1x1", 64, 256, 56, 1, 1, 0),
      conv("resnet50/1024-256@14 1x1", 1024, 256, 14, 1, 1, 0),
      {"resnet20/16@32 batch 32", {16, 16, 32, 32, 3, 1, 1, 1, false, 32}},
      {"resnet20/64@8 batch 32", {64, 64, 8, 8, 3, 1, 1, 1, false, 32}},
      {"vgg11/512@4 batch 32", {512, 512, 4, 4, 3, 1, 1, 1, false, 32}},
      {"vgg11/512@2 batch 32", {512, 512, 2, 2, 3, 1, 1, 1, false, 32}},
      {"depthwise 64@16", {64, 64, 16, 16, 3, 1, 1, 64, false, 1}},
      {"depthwise 256@8/2", {256, 256, 8, 8, 3, 2, 1, 256, false, 1}},
      {"groups of four 128@8", {128, 128, 8, 8, 3, 1, 1, 32, false, 1}},
      linear("linear 1024-1024", 1024, 1024, 1),
      linear("linear 1024-1024 batch 8", 1024, 1024, 8),
      linear("linear 1024-1024 batch 32", 1024, 1024, 32),
  };
}

bool register_layers() {
  for (const BenchLayer& layer : layers())
    for (const Product p : {Product::forward, Product::input_gradient, Product::weight_gradient,
                            Product::update, Product::backward_update})
      benchmark::RegisterBenchmark(
          (layer.name + "/" + word(p)).c_str(),
          [layer, p](benchmark::State& state) { run_layer(state, layer, p); })
          ->Unit(benchmark::kMicrosecond);
  return true;
}

const bool kRegistered = register_layers();

}  // namespace
}  // namespace stagecoach
