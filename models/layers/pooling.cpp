// SPDX-License-Identifier: Apache-2.0
// Pooling over square windows, and over the whole image.
#include <algorithm>
#include <cmath>
#include <limits>

#include "models/base/maps.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// Where windows lie. Taps are numbered row-major within the unclipped window.
struct Windows {
  explicit Windows(const LayerNode& node)
      : input(node.input_shapes[0]),
        output(node.output),
        kernel(node.spec.kernel),
        stride(node.spec.stride > 0 ? node.spec.stride : node.spec.kernel),
        padding(node.spec.padding) {}

  Shape input, output;
  int kernel, stride, padding;

  /// Every input pixel lies in exactly one window.
  bool tile_input() const {
    return stride == kernel && padding == 0 && output.height * kernel == input.height &&
           output.width * kernel == input.width;
  }
};

/// The taps of a window that lies on the image as a whole, for kernels that are known here.
template <int kKernel>
struct WholeWindow {
  std::int64_t row_stride, pixel_stride;

  /// Calls body(tap, elements from the window's corner).
  template <class Body>
  void for_each_tap(Body&& body) const {
#pragma GCC unroll 3
    for (int r = 0; r < kKernel; ++r)
#pragma GCC unroll 3
      for (int q = 0; q < kKernel; ++q) body(r * kKernel + q, r * row_stride + q * pixel_stride);
  }
};

/// The same for any kernel, and for windows that reach over the border: only taps on the image.
struct ClippedWindow {
  std::int64_t row_stride, pixel_stride;
  int kernel, row_begin, row_end, column_begin, column_end;

  bool whole() const {
    return row_end - row_begin == kernel && column_end - column_begin == kernel;
  }
  template <class Body>
  void for_each_tap(Body&& body) const {
    for (int r = row_begin; r < row_end; ++r)
      for (int q = column_begin; q < column_end; ++q)
        body(r * kernel + q, r * row_stride + q * pixel_stride);
  }
};

/// Calls body(window, its corner on the image, its pixel on the other side, its number) for every
/// output pixel. Arguments are copies: the compiler sees that no store of body() changes them.
template <class Image, class Pooled, class Body>
void for_each_window(const Windows w, const View<Image> image, const View<Pooled> pooled,
                     const Body body) {
  const std::int64_t row = image.row_stride, pixel = image.pixel_stride;
  const auto walk = [&](auto&& visit) {
    std::int64_t number = 0;
    for (int n = 0; n < image.batch; ++n)
      for (int y = 0, top = -w.padding; y < w.output.height; ++y, top += w.stride) {
        Image* corner = image.data + n * image.sample_stride + top * row - w.padding * pixel;
        Pooled* at = pooled.pixel(n, y, 0);
        for (int x = 0, left = -w.padding; x < w.output.width; ++x, left += w.stride) {
          visit(top, left, corner, at, number++);
          corner += w.stride * pixel;
          at += pooled.pixel_stride;
        }
      }
  };
  if (w.padding == 0 && w.kernel == 2)
    return walk([&](int, int, Image* corner, Pooled* at, std::int64_t number) {
      body(WholeWindow<2>{row, pixel}, corner, at, number);
    });
  walk([&](int top, int left, Image* corner, Pooled* at, std::int64_t number) {
    const ClippedWindow clipped{row,
                                pixel,
                                w.kernel,
                                std::max(0, -top),
                                std::min(w.kernel, w.input.height - top),
                                std::max(0, -left),
                                std::min(w.kernel, w.input.width - left)};
    if (w.kernel == 3 && clipped.whole())
      body(WholeWindow<3>{row, pixel}, corner, at, number);
    else
      body(clipped, corner, at, number);
  });
}

/// Prepares an input gradient for windows to add to. True if they shall: if the windows tile the
/// image, every pixel gets one write, which may overwrite.
template <class T>
bool start_adding(const Windows& w, const View<T>& dx, bool accumulate) {
  if (accumulate) return true;
  if (w.tile_input()) return false;
  for_each_lanes([](auto x) { x.setZero(); }, dx);
  return true;
}

/// y[c,i,j] = max over the window at (s i - padding, s j - padding); padding never wins; of equal
/// values the first in row-major order gets the gradient; NaN wins over everything.
template <class T>
class MaxPool final : public Layer<T> {
 public:
  explicit MaxPool(const LayerNode& node)
      : windows_(node), channels_(padded<T>(node.output.channels)) {}

  LayerNeeds needs() const override {
    LayerNeeds needs;
    needs.saved_per_sample = windows_.output.pixels() * channels_;  // the winning tap, as a T
    return needs;
  }

  void forward(const ForwardArgs<T>& args) const override {
    for_each_window(windows_, args.inputs[0], args.output,
                    [channels = channels_, winners = args.saved](const auto& window, const T* in,
                                                                 T* out, std::int64_t number) {
                      for (std::int64_t c = 0; c < channels; c += kLanes<T>) {
                        Lanes<T> best = Lanes<T>::Constant(-std::numeric_limits<T>::infinity());
                        Lanes<T> winner = Lanes<T>::Zero();
                        window.for_each_tap([&](int tap, std::int64_t at) {
                          const Lanes<T> x = lanes(in + at + c);
                          for_each_lane<T>([&](int i) {
                            const bool wins = (x[i] > best[i]) | std::isnan(x[i]);
                            best[i] = wins ? x[i] : best[i];
                            winner[i] = wins ? static_cast<T>(tap) : winner[i];
                          });
                        });
                        lanes(out + c) = best;
                        if (winners) lanes(winners + number * channels + c) = winner;
                      }
                    });
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<T>& dx = args.gradient_inputs[0];
    if (!dx) return;
    const bool add = start_adding(windows_, dx, args.accumulate[0]);
    for_each_window(windows_, dx, args.gradient_output,
                    [add, channels = channels_, winners = static_cast<const T*>(args.saved)](
                        const auto& window, T* to, const T* dy, std::int64_t number) {
                      for (std::int64_t c = 0; c < channels; c += kLanes<T>) {
                        const Lanes<T> winner = lanes(winners + number * channels + c);
                        const Lanes<T> gradient = lanes(dy + c);
                        window.for_each_tap([&](int tap, std::int64_t at) {
                          const auto won = [&](int i) { return winner[i] == T(tap); };
                          give(lanes(to + at + c), lanes_where<T>(gradient, won), add);
                        });
                      }
                    });
  }

 private:
  Windows windows_;
  std::int64_t channels_;
};

/// y[c,i,j] = sum over the window / kernel^2, padding counted as zeros (count_include_pad=True).
template <class T>
class AvgPool final : public Layer<T> {
 public:
  explicit AvgPool(const LayerNode& node)
      : windows_(node),
        channels_(padded<T>(node.output.channels)),
        taps_(static_cast<double>(windows_.kernel) * windows_.kernel) {}

  LayerNeeds needs() const override { return {}; }

  void forward(const ForwardArgs<T>& args) const override {
    for_each_window(windows_, args.inputs[0], args.output,
                    [channels = channels_, taps = taps_](const auto& window, const T* in, T* out,
                                                         std::int64_t) {
                      for (std::int64_t c = 0; c < channels; c += kLanes<T>) {
                        WideLanes<T> sum = WideLanes<T>::Zero();
                        window.for_each_tap([&](int, std::int64_t at) {
                          sum += lanes(in + at + c).template cast<double>();
                        });
                        lanes(out + c) = (sum / taps).template cast<T>();
                      }
                    });
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<T>& dx = args.gradient_inputs[0];
    if (!dx) return;
    const bool add = start_adding(windows_, dx, args.accumulate[0]);
    for_each_window(windows_, dx, args.gradient_output,
                    [add, channels = channels_, taps = static_cast<T>(taps_)](
                        const auto& window, T* to, const T* dy, std::int64_t) {
                      for (std::int64_t c = 0; c < channels; c += kLanes<T>) {
                        const Lanes<T> share = lanes(dy + c) / taps;
                        window.for_each_tap(
                            [&](int, std::int64_t at) { give(lanes(to + at + c), share, add); });
                      }
                    });
  }

 private:
  Windows windows_;
  std::int64_t channels_;
  double taps_;
};

/// [C,H,W] to the mean of every channel: [C] (or [C,1,1]).
template <class T>
class GlobalAvgPool final : public Layer<T> {
 public:
  explicit GlobalAvgPool(const LayerNode& node)
      : pixels_(static_cast<double>(node.input_shapes[0].pixels())) {}

  LayerNeeds needs() const override { return {}; }

  void forward(const ForwardArgs<T>& args) const override {
    for (int n = 0; n < args.output.batch; ++n)
      for (std::int64_t c = 0; c < args.output.pixel_stride; c += kLanes<T>) {
        WideLanes<T> sum = WideLanes<T>::Zero();
        for_each_pixel(
            c, [&](auto x) { sum += x.template cast<double>(); }, sample(args.inputs[0], n));
        lanes(args.output.sample(n) + c) = (sum / pixels_).template cast<T>();
      }
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<T>& dx = args.gradient_inputs[0];
    if (!dx) return;
    const bool add = args.accumulate[0];
    for (int n = 0; n < dx.batch; ++n)
      for (std::int64_t c = 0; c < dx.pixel_stride; c += kLanes<T>) {
        const Lanes<T> g = lanes(args.gradient_output.sample(n) + c) / static_cast<T>(pixels_);
        for_each_pixel(
            c, [&](auto d) { give(d, g, add); }, sample(dx, n));
      }
  }

 private:
  double pixels_;
};

constexpr ElementwiseCost kMaxCost{"max_pool2d", 1, 1,
                                   "Forward per element of a window, backward per output element."};
constexpr ElementwiseCost kAverageCost{
    "avg_pool2d", 1, 1, "Per element of a window; global_avg_pool2d per input element."};

void infer_window(LayerResolver& layer) {
  LayerSpec& spec = layer.spec;
  if (!layer.need_image()) return;
  if (!(layer.need_at_least("kernel", spec.kernel, 1) &
        layer.need_at_least("padding", spec.padding, 0)))
    return;
  if (spec.stride == 0) spec.stride = spec.kernel;
  if (2 * spec.padding > spec.kernel) {
    layer.issue("padding", "found " + std::to_string(spec.padding) +
                               "; allowed: at most half the kernel of " +
                               std::to_string(spec.kernel));
    return;
  }
  layer.slide_window(layer.in().channels);
}

void infer_global(LayerResolver& layer) {
  if (layer.need_image()) layer.node.output = Shape::features(layer.in().channels);
}

double window_elements(const LayerNode& node) {
  return static_cast<double>(node.output.elements()) * node.spec.kernel * node.spec.kernel;
}

LayerWork max_work(const LayerNode& node) {
  const double out = static_cast<double>(node.output.elements());
  KeptValues kept;
  kept.place_bits = out * std::ceil(std::log2(1.0 * node.spec.kernel * node.spec.kernel));
  return elementwise_work(node, kMaxCost, window_elements(node), out, kept);
}

LayerWork average_work(const LayerNode& node) {
  return elementwise_work(node, kAverageCost, window_elements(node), window_elements(node));
}

LayerWork global_average_work(const LayerNode& node) {
  const double in = static_cast<double>(node.input_shapes.at(0).elements());
  return elementwise_work(node, kAverageCost, in, in);
}

}  // namespace

LayerDefinition max_pool2d_definition() {
  LayerDefinition d;
  d.word = "max_pool2d";
  d.sentence = "Maximum of each window. Keeps ceil(log2(kernel^2)) bits per output element.";
  d.infer = infer_window;
  d.work = max_work;
  d.cost = &kMaxCost;
  d.computed_by<MaxPool>();
  return d;
}

LayerDefinition avg_pool2d_definition() {
  LayerDefinition d;
  d.word = "avg_pool2d";
  d.sentence = "Mean of each window, padding counted as zeros. Keeps nothing.";
  d.infer = infer_window;
  d.work = average_work;
  d.cost = &kAverageCost;
  d.computed_by<AvgPool>();
  return d;
}

LayerDefinition global_avg_pool2d_definition() {
  LayerDefinition d;
  d.word = "global_avg_pool2d";
  d.sentence = "Mean of each channel: [C,H,W] becomes [C]. Keeps nothing.";
  d.infer = infer_global;
  d.work = global_average_work;
  d.cost = &kAverageCost;
  d.computed_by<GlobalAvgPool>();
  return d;
}

}  // namespace stagecoach
