// SPDX-License-Identifier: Apache-2.0
// What each fast path of models/kernels gains over the definition in Eigen that it stands beside:
// the products of the networks' layers, one thread, layer by layer, summed over the layers of a
// network that a path serves. Prints a Markdown table, in nanoseconds of CPU time.
//
//   stagecoach_fast_paths [samples of a micro-batch] [lenet5|resnet20|resnet110|vgg11]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "models/base/host_clock.h"
#include "models/kernels/conv_kernels.h"
#include "models/layers/definition.h"
#include "models/optimizer/fused_update.h"
#include "tests/bench/networks.h"
#include "tests/support/numeric_gradient.h"

namespace stagecoach::bench {
namespace {

/// The two ways take turns this often; medians count.
constexpr int kRounds = 9;
constexpr double kRoundSeconds = 2e-3;

struct Pair {
  double fast_ns = 0, other_ns = 0;
};

/// CPU time of a call of either.
Pair time_both(const std::function<void()>& fast, const std::function<void()>& other) {
  const auto once = [](const std::function<void()>& run) {
    const double begin = thread_cpu_seconds();
    double now = begin;
    int calls = 0;
    for (; now - begin < kRoundSeconds; now = thread_cpu_seconds(), ++calls) run();
    return (now - begin) / calls * 1e9;
  };
  std::vector<double> a, b;
  fast(), other();
  for (int round = 0; round < kRounds; ++round) a.push_back(once(fast)), b.push_back(once(other));
  std::sort(a.begin(), a.end()), std::sort(b.begin(), b.end());
  return {a[kRounds / 2], b[kRounds / 2]};
}

/// A layer with its memory, and the update of its weights.
class Side {
 public:
  Side(const LayerNode& node, int batch, Kernels kernels)
      : fixture_(node, make_layer<float>(node, kernels), options(batch)),
        velocity_(fixture_.parameter_elements()),
        coefficients_(2, {0.9f, 1e-4f, 1e-9f, 1e-9f, 1e-9f}) {
    fixture_.forward();
    update_.weights = fixture_.parameters();
    update_.velocity = velocity_.data();
    update_.coefficients = coefficients_.data();
  }
  bool fuses() const { return fixture_.layer().fuses_update(fixture_.batch()); }

  void forward() { fixture_.run_forward(true); }
  void input_gradient() {
    BackwardArgs<float>& args = fixture_.backward_args();
    args.gradient_parameters = nullptr;
    fixture_.layer().backward(args);
  }
  /// The update in passing.
  void fused_update() {
    BackwardArgs<float>& args = fixture_.backward_args();
    fixture_.wanted_gradient(0).data = nullptr;
    args.gradient_parameters = nullptr;
    args.update = &update_;
    fixture_.layer().backward(args);
  }
  /// The gradient, and then the update.
  void gradient_and_update() {
    BackwardArgs<float>& args = fixture_.backward_args();
    fixture_.wanted_gradient(0).data = nullptr;
    fixture_.layer().backward(args);
    update_linearly<float>(coefficients_[0], fixture_.parameter_elements(),
                           fixture_.gradient_parameters(), fixture_.parameters(), velocity_.data(),
                           nullptr);
  }

 private:
  static FixtureOptions options(int batch) {
    FixtureOptions options;
    options.batch = batch;
    return options;
  }

  LayerFixture<float> fixture_;
  Buffer<float> velocity_;
  std::vector<UpdateCoefficients<float>> coefficients_;
  FusedUpdate<float> update_;
};

/// Which fast paths a layer takes. A linear layer is a 1x1 convolution of one pixel a sample.
ConvGeometry geometry_of(const LayerNode& node) {
  ConvGeometry g;
  const Shape &in = node.input_shapes[0], &out = node.output;
  g.in_channels = in.channels;
  g.out_channels = out.channels;
  g.weight_stride = padded<float>(out.channels);
  if (node.spec.kind == LayerKind::linear) {
    g.height = g.width = g.out_height = g.out_width = 1;
    return g;
  }
  g.height = in.height, g.width = in.width;
  g.out_height = out.height, g.out_width = out.width;
  g.kernel = node.spec.kernel, g.stride = node.spec.stride, g.padding = node.spec.padding;
  return g;
}

struct Path {
  int layers = 0;
  Pair sum;
  double least = 1e30;  ///< smallest ratio of a layer
  std::string least_layer;
};

constexpr const char* kKinds[] = {"conv2d", "linear"};
/// The paths of a kind in the table's order.
constexpr const char* kForward = "forward: pixel tiles";
constexpr const char* kTiles = "input gradient: pixel tiles";
constexpr const char* kDots = "input gradient: dot tiles";
constexpr const char* kRows = "weight gradient, update: row tiles";
constexpr const char* kStreams = "weight gradient, update: row streams";
constexpr const char* kInPassing = "update in passing, beside one after";
constexpr const char* kPaths[] = {kForward, kTiles, kDots, kRows, kStreams, kInPassing};

/// By kind and path.
using Paths = std::map<std::string, Path>;

std::string key(const char* kind, const char* path) { return std::string(kind) + " " + path; }

void measure(const LayerNode& node, int count, int batch, Paths& paths) {
  Side fast(node, batch, Kernels::fast), eigen(node, batch, Kernels::eigen);
  const ConvGeometry g = geometry_of(node);
  const auto add = [&](const char* path, const Pair& pair) {
    Path& p = paths[key(to_word(node.spec.kind), path)];
    p.layers += count;
    p.sum.fast_ns += count * pair.fast_ns;
    p.sum.other_ns += count * pair.other_ns;
    const double ratio = pair.other_ns / pair.fast_ns;
    if (ratio < p.least) p.least = ratio, p.least_layer = row_name(node);
  };
  add(kForward, time_both([&] { fast.forward(); }, [&] { eigen.forward(); }));
  if (node.inputs[0] != kInputValue)  // nobody asks for the gradient of the images
    add(conv_takes_dot_products(g, batch) ? kDots : kTiles,
        time_both([&] { fast.input_gradient(); }, [&] { eigen.input_gradient(); }));
  const bool fuses = fast.fuses();
  add(conv_streams_rows(g, batch) ? kStreams : kRows,
      time_both([&] { fuses ? fast.fused_update() : fast.gradient_and_update(); },
                [&] { eigen.gradient_and_update(); }));
  if (fuses)
    add(kInPassing, time_both([&] { fast.fused_update(); }, [&] { fast.gradient_and_update(); }));
}

void print_network(const BenchNetwork& choice, int batch) {
  const Network network = network_of(choice);
  std::map<std::string, int> counts;
  std::vector<const LayerNode*> kinds;
  for (const LayerNode& node : network.layers)
    if (definition_of(node.spec.kind).make_fast != nullptr && counts[row_name(node)]++ == 0)
      kinds.push_back(&node);
  Paths paths;
  for (const LayerNode* node : kinds) measure(*node, counts[row_name(*node)], batch, paths);
  for (const char* kind : kKinds)
    for (const char* path : kPaths) {
      const auto found = paths.find(key(kind, path));
      if (found == paths.end()) continue;
      const Path& p = found->second;
      std::printf("| %s %s | %s | %d | %.0f | %.0f | %.2f | %.2f, %s |\n", kind, path, choice.name,
                  p.layers, p.sum.fast_ns, p.sum.other_ns, p.sum.other_ns / p.sum.fast_ns, p.least,
                  p.least_layer.c_str());
    }
  std::fflush(stdout);
}

}  // namespace
}  // namespace stagecoach::bench

int main(int argc, char** argv) {
  using stagecoach::bench::kNetworks;
  const bool has_batch = argc > 1 && std::atoi(argv[1]) > 0;
  const int batch = has_batch ? std::atoi(argv[1]) : 1;
  const char* name = argc > 1 + has_batch ? argv[1 + has_batch] : nullptr;
  bool any = false;
  for (const auto& choice : kNetworks) {
    if (name && std::strcmp(name, choice.name) != 0) continue;
    if (!any)
      std::printf(
          "| fast path | network | layers | fast ns | Eigen ns | times | least of a layer |\n"
          "|---|---|---|---|---|---|---|\n");
    stagecoach::bench::print_network(choice, batch);
    any = true;
  }
  if (any) return 0;
  std::fprintf(stderr, "unknown network %s; known:", name);
  for (const auto& choice : kNetworks) std::fprintf(stderr, " %s", choice.name);
  std::fprintf(stderr, "\n");
  return 2;
}
