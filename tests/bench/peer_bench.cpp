// SPDX-License-Identifier: Apache-2.0
// The convolutions of the papers' networks at batch one beside two peers, in one run, one thread:
// Eigen (im2col and its matrix product) and, where it is installed, oneDNN in the layouts it likes
// best, reorders between them not counted.
//
// Counters, all three products of training together: microseconds of each, and how many times
// longer a peer takes. No update: the peers have none.
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <algorithm>
#include <string>

#include "models/base/host_clock.h"
#include "models/layers/conv2d.h"
#include "tests/support/matrix_layers.h"
#include "tests/support/numeric_gradient.h"

#ifdef STAGECOACH_ONEDNN
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#endif

namespace stagecoach {
namespace {

/// Best time of a call in microseconds, of several short rounds.
template <class Run>
double best_us(Run run) {
  run();
  double best = 1e30;
  for (int round = 0; round < 15; ++round) {
    const double begin = wall_seconds();
    int calls = 0;
    double now = begin;
    for (; now - begin < 1e-3; now = wall_seconds(), ++calls) run();
    best = std::min(best, (now - begin) / calls);
  }
  return best * 1e6;
}

double ours_us(const ConvCase& c) {
  const LayerNode node = conv_node(c);
  LayerFixture<float> f(node, make_layer<float>(node), {});
  f.forward();
  const BackwardArgs<float>& args = f.backward_args();
  return best_us([&] {
    f.run_forward(true);
    f.layer().backward(args);
  });
}

/// Columns of patches, one for each output pixel: forward W P, weight gradient dY P^T, input
/// gradient W^T dY scattered back.
class EigenConv {
 public:
  explicit EigenConv(const ConvCase& c)
      : c_(c),
        out_((c.height + 2 * c.padding - c.kernel) / c.stride + 1),
        rows_(c.in * c.kernel * c.kernel) {
    x_ = Matrix::Random(c.in, c.height * c.width);
    w_ = Matrix::Random(c.out, rows_);
    dy_ = Matrix::Random(c.out, out_ * out_);
    patches_.setZero(rows_, out_ * out_);
    dx_ = x_;
  }
  void run() {
    for_patches([&](int row, int column, int channel, int pixel) {
      patches_(row, column) = x_(channel, pixel);
    });
    y_.noalias() = w_ * patches_;
    dw_.noalias() = dy_ * patches_.transpose();
    dpatches_.noalias() = w_.transpose() * dy_;
    dx_.setZero();
    for_patches([&](int row, int column, int channel, int pixel) {
      dx_(channel, pixel) += dpatches_(row, column);
    });
    benchmark::DoNotOptimize(dx_.data());
  }

 private:
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  template <class Visit>
  void for_patches(Visit visit) const {
    for (int c = 0, row = 0; c < c_.in; ++c)
      for (int a = 0; a < c_.kernel; ++a)
        for (int b = 0; b < c_.kernel; ++b, ++row)
          for (int i = 0; i < out_; ++i) {
            const int y = i * c_.stride + a - c_.padding;
            if (y < 0 || y >= c_.height) continue;
            for (int j = 0; j < out_; ++j) {
              const int x = j * c_.stride + b - c_.padding;
              if (x >= 0 && x < c_.width) visit(row, i * out_ + j, c, y * c_.width + x);
            }
          }
  }

  ConvCase c_;
  int out_, rows_;
  Matrix x_, w_, dy_, y_, dw_, dx_, patches_, dpatches_;
};

#ifdef STAGECOACH_ONEDNN
double onednn_us(const ConvCase& c) {
  using namespace dnnl;
  using Tag = memory::format_tag;
  omp_set_num_threads(1);
  const engine cpu(engine::kind::cpu, 0);
  stream order(cpu);
  const int out = (c.height + 2 * c.padding - c.kernel) / c.stride + 1;
  const auto any = [](memory::dims d) { return memory::desc(d, memory::data_type::f32, Tag::any); };
  const auto x = any({1, c.in, c.height, c.width}), y = any({1, c.out, out, out});
  const auto w = any({c.out, c.in, c.kernel, c.kernel});
  const memory::dims strides{c.stride, c.stride}, padding{c.padding, c.padding};
  const auto how = algorithm::convolution_auto;
  const convolution_forward::primitive_desc forward(
      {prop_kind::forward_training, how, x, w, y, strides, padding, padding}, cpu);
  const convolution_backward_data::primitive_desc input({how, x, w, y, strides, padding, padding},
                                                        cpu, forward);
  const convolution_backward_weights::primitive_desc weights(
      {how, x, w, y, strides, padding, padding}, cpu, forward);
  const auto fresh = [&](const memory::desc& d) {
    memory m(d, cpu);
    std::fill_n(static_cast<char*>(m.get_data_handle()), d.get_size(), 0);
    return m;
  };
  const std::unordered_map<int, memory> a{{DNNL_ARG_SRC, fresh(forward.src_desc())},
                                          {DNNL_ARG_WEIGHTS, fresh(forward.weights_desc())},
                                          {DNNL_ARG_DST, fresh(forward.dst_desc())}};
  const std::unordered_map<int, memory> b{{DNNL_ARG_DIFF_SRC, fresh(input.diff_src_desc())},
                                          {DNNL_ARG_WEIGHTS, fresh(input.weights_desc())},
                                          {DNNL_ARG_DIFF_DST, fresh(input.diff_dst_desc())}};
  const std::unordered_map<int, memory> d{
      {DNNL_ARG_SRC, fresh(weights.src_desc())},
      {DNNL_ARG_DIFF_WEIGHTS, fresh(weights.diff_weights_desc())},
      {DNNL_ARG_DIFF_DST, fresh(weights.diff_dst_desc())}};
  const convolution_forward run_forward(forward);
  const convolution_backward_data run_input(input);
  const convolution_backward_weights run_weights(weights);
  return best_us([&] {
    run_forward.execute(order, a);
    run_input.execute(order, b);
    run_weights.execute(order, d);
    order.wait();
  });
}
#endif

void compare(benchmark::State& state, const ConvCase& c) {
  double ours = 0, eigen = 0;
  for (auto _ : state) {
    ours = ours_us(c);
    EigenConv peer(c);
    eigen = best_us([&] { peer.run(); });
#ifdef STAGECOACH_ONEDNN
    const double onednn = onednn_us(c);
    state.counters["onednn_us"] = onednn;
    state.counters["onednn_times_ours"] = onednn / ours;
#endif
  }
  state.counters["ours_us"] = ours;
  state.counters["eigen_us"] = eigen;
  state.counters["eigen_times_ours"] = eigen / ours;
}

bool register_peers() {
  struct Named {
    const char* name;
    ConvCase shape;
  };
  static constexpr auto conv = [](int in, int out, int size, int kernel, int padding) {
    return ConvCase{in, out, size, size, kernel, 1, padding, 1, false, 1};
  };
  const Named layers[] = {
      {"lenet5/1-6@28 5x5", conv(1, 6, 28, 5, 2)},  {"lenet5/6-16@14 5x5", conv(6, 16, 14, 5, 0)},
      {"resnet20/16@32", conv(16, 16, 32, 3, 1)},   {"resnet20/32@16", conv(32, 32, 16, 3, 1)},
      {"resnet20/64@8", conv(64, 64, 8, 3, 1)},     {"vgg11/64-128@16", conv(64, 128, 16, 3, 1)},
      {"vgg11/128-256@8", conv(128, 256, 8, 3, 1)}, {"vgg11/256-512@4", conv(256, 512, 4, 3, 1)},
      {"vgg11/512@2", conv(512, 512, 2, 3, 1)}};
  for (const Named& layer : layers)
    benchmark::RegisterBenchmark((std::string("peer/") + layer.name).c_str(),
                                 [shape = layer.shape](benchmark::State& s) { compare(s, shape); })
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  return true;
}

const bool kPeersRegistered = register_peers();

}  // namespace
}  // namespace stagecoach
