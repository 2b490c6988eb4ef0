// SPDX-License-Identifier: Apache-2.0
// Pooling over square windows, and over the whole image.
#include "models/layers/pooling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/layers/definition.h"
#include "models/layers/lanes.h"

namespace stagecoach {
namespace {

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
  d.make_f32 = make_max_pool2d<float>;
  d.make_f64 = make_max_pool2d<double>;
  return d;
}

LayerDefinition avg_pool2d_definition() {
  LayerDefinition d;
  d.word = "avg_pool2d";
  d.sentence = "Mean of each window, padding counted as zeros. Keeps nothing.";
  d.infer = infer_window;
  d.work = average_work;
  d.cost = &kAverageCost;
  d.make_f32 = make_avg_pool2d<float>;
  d.make_f64 = make_avg_pool2d<double>;
  return d;
}

LayerDefinition global_avg_pool2d_definition() {
  LayerDefinition d;
  d.word = "global_avg_pool2d";
  d.sentence = "Mean of each channel: [C,H,W] becomes [C]. Keeps nothing.";
  d.infer = infer_global;
  d.work = global_average_work;
  d.cost = &kAverageCost;
  d.make_f32 = make_global_avg_pool2d<float>;
  d.make_f64 = make_global_avg_pool2d<double>;
  return d;
}

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

/// Prepares an input gradient for windows to add to. True if every pixel gets one write only (the
/// windows tile the image), so that it may overwrite.
template <class T>
bool start_spreading(const Windows& w, const View<T>& dx, bool accumulate) {
  if (accumulate) return false;
  if (w.tile_input()) return true;
  fill_zero(dx);
  return false;
}

/// Taps of a window that lies on the image as a whole; unrolled.
template <int kKernel>
struct WholeWindow {
  std::int64_t row_stride, pixel_stride;

  static constexpr int first_tap() { return 0; }
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

  int first_tap() const { return row_begin * kernel + column_begin; }
  template <class Body>
  void for_each_tap(Body&& body) const {
    for (int r = row_begin; r < row_end; ++r)
      for (int q = column_begin; q < column_end; ++q)
        body(r * kernel + q, r * row_stride + q * pixel_stride);
  }
};

/// Neighbouring windows of one row that are clipped alike.
struct WindowRun {
  int n, y, x;  ///< output pixel of the first
  int count;
  std::int64_t corner;  ///< elements from the image's origin to the first's corner
  std::int64_t step;    ///< elements from corner to corner
};

/// Calls body(run, window) until every output pixel is done; `image` is the view on the input side.
/// Long runs keep the bodies' inner loops free of everything but pointers.
template <class T, class Body>
inline void for_each_window_run(const Windows& w, const View<T>& image, Body&& body) {
  const std::int64_t row = image.row_stride, pixel = image.pixel_stride;
  for (int n = 0; n < image.batch; ++n)
    for (int y = 0; y < w.output.height; ++y) {
      const int top = y * w.stride - w.padding;
      const int row_begin = std::max(0, -top);
      const int row_end = std::min(w.kernel, w.input.height - top);
      for (int x = 0, count = 1; x < w.output.width; x += count) {
        const int left = x * w.stride - w.padding;
        const int column_begin = std::max(0, -left);
        const int column_end = std::min(w.kernel, w.input.width - left);
        const bool inside = column_end - column_begin == w.kernel;
        count = inside ? (w.input.width - w.kernel - left) / w.stride + 1 : 1;
        const WindowRun run{
            n, y, x, count, n * image.sample_stride + top * row + left * pixel, w.stride * pixel};
        const bool whole = inside && row_end - row_begin == w.kernel;
        if (whole && w.kernel == 2)
          body(run, WholeWindow<2>{row, pixel});
        else if (whole && w.kernel == 3)
          body(run, WholeWindow<3>{row, pixel});
        else
          body(run,
               ClippedWindow{row, pixel, w.kernel, row_begin, row_end, column_begin, column_end});
      }
    }
}

template <class T, class Window>
[[gnu::noinline]] void max_of_windows(Window window, int count, std::int64_t channels, const T* in,
                                      std::int64_t step, T* out, T* winners) {
  for (int i = 0; i < count; ++i, in += step)
    for (std::int64_t c = 0; c < channels; c += kLanes<T>, out += kLanes<T>) {
      Lanes<T> best = all_lanes(-std::numeric_limits<T>::infinity());
      Lanes<T> winner = all_lanes(static_cast<T>(window.first_tap()));
      window.for_each_tap([&](int tap, std::int64_t offset) {
        const Lanes<T> v = load_lanes<T>(in + offset + c);
        const auto wins = (v > best) | (v != v);
        best = wins ? v : best;
        winner = wins ? all_lanes(static_cast<T>(tap)) : winner;
      });
      store_lanes<T>(out, best);
      if (!winners) continue;
      store_lanes<T>(winners, winner);
      winners += kLanes<T>;
    }
}

/// Gives dy to the winners; `overwrite`: no other window reaches these pixels.
template <class T, class Window>
[[gnu::noinline]] void spread_to_winners(Window window, int count, std::int64_t channels,
                                         const T* dy, const T* winners, bool overwrite, T* dx,
                                         std::int64_t step) {
  for (int i = 0; i < count; ++i, dx += step)
    for (std::int64_t c = 0; c < channels; c += kLanes<T>, dy += kLanes<T>, winners += kLanes<T>) {
      const Lanes<T> g = load_lanes<T>(dy), winner = load_lanes<T>(winners);
      window.for_each_tap([&](int tap, std::int64_t offset) {
        T* to = dx + offset + c;
        const Lanes<T> share = winner == static_cast<T>(tap) ? g : Lanes<T>{};
        store_lanes<T>(to, overwrite ? share : load_lanes<T>(to) + share);
      });
    }
}

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
    const View<const T>& x = args.inputs[0];
    for_each_window_run(windows_, x, [&](const WindowRun& run, auto window) {
      max_of_windows(window, run.count, channels_, x.data + run.corner, run.step,
                     args.output.pixel(run.n, run.y, run.x),
                     args.saved ? args.saved + winners_at(run) : nullptr);
    });
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<T>& dx = args.gradient_inputs[0];
    if (!dx) return;
    const bool overwrite = start_spreading(windows_, dx, args.accumulate[0]);
    for_each_window_run(windows_, dx, [&](const WindowRun& run, auto window) {
      spread_to_winners(window, run.count, channels_,
                        args.gradient_output.pixel(run.n, run.y, run.x),
                        args.saved + winners_at(run), overwrite, dx.data + run.corner, run.step);
    });
  }

 private:
  std::int64_t winners_at(const WindowRun& run) const {
    return ((std::int64_t{1} * run.n * windows_.output.height + run.y) * windows_.output.width +
            run.x) *
           channels_;
  }

  Windows windows_;
  std::int64_t channels_;
};

template <class T>
class AvgPool final : public Layer<T> {
 public:
  explicit AvgPool(const LayerNode& node)
      : windows_(node), share_(T(1) / static_cast<T>(windows_.kernel * windows_.kernel)) {}

  LayerNeeds needs() const override { return {}; }

  void forward(const ForwardArgs<T>& args) const override {
    const View<const T>& x = args.inputs[0];
    for_each_window_run(windows_, x, [&](const WindowRun& run, auto window) {
      const T* in = x.data + run.corner;
      T* out = args.output.pixel(run.n, run.y, run.x);
      for (int i = 0; i < run.count; ++i, in += run.step)
        for (std::int64_t c = 0; c < x.pixel_stride; c += kLanes<T>, out += kLanes<T>) {
          Lanes<T> sum{};
          window.for_each_tap(
              [&](int, std::int64_t offset) { sum += load_lanes<T>(in + offset + c); });
          store_lanes<T>(out, sum * share_);
        }
    });
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<T>& dx = args.gradient_inputs[0];
    if (!dx) return;
    const bool overwrite = start_spreading(windows_, dx, args.accumulate[0]);
    for_each_window_run(windows_, dx, [&](const WindowRun& run, auto window) {
      const T* dy = args.gradient_output.pixel(run.n, run.y, run.x);
      T* corner = dx.data + run.corner;
      for (int i = 0; i < run.count; ++i, corner += run.step)
        for (std::int64_t c = 0; c < dx.pixel_stride; c += kLanes<T>, dy += kLanes<T>) {
          const Lanes<T> g = share_ * load_lanes<T>(dy);
          window.for_each_tap([&](int, std::int64_t offset) {
            T* to = corner + offset + c;
            store_lanes<T>(to, overwrite ? g : load_lanes<T>(to) + g);
          });
        }
    });
  }

 private:
  Windows windows_;
  T share_;
};

template <class T>
class GlobalAvgPool final : public Layer<T> {
 public:
  explicit GlobalAvgPool(const LayerNode& node)
      : share_(static_cast<T>(1.0 / static_cast<double>(node.input_shapes[0].pixels()))) {}

  LayerNeeds needs() const override { return {}; }

  void forward(const ForwardArgs<T>& args) const override {
    const View<const T>& in = args.inputs[0];
    for (int n = 0; n < in.batch; ++n)
      for (std::int64_t c = 0; c < in.pixel_stride; c += kLanes<T>) {
        Lanes<T> sum{};
        for (int y = 0; y < in.height; ++y) {
          const T* p = in.pixel(n, y, 0) + c;
          for (int x = 0; x < in.width; ++x, p += in.pixel_stride) sum += load_lanes<T>(p);
        }
        store_lanes<T>(args.output.sample(n) + c, sum * share_);
      }
  }

  void backward(const BackwardArgs<T>& args) const override {
    const View<T>& dx = args.gradient_inputs[0];
    if (!dx) return;
    const bool accumulate = args.accumulate[0];
    for (int n = 0; n < dx.batch; ++n)
      for (std::int64_t c = 0; c < dx.pixel_stride; c += kLanes<T>) {
        const Lanes<T> g = share_ * load_lanes<T>(args.gradient_output.sample(n) + c);
        for (int y = 0; y < dx.height; ++y) {
          T* p = dx.pixel(n, y, 0) + c;
          for (int x = 0; x < dx.width; ++x, p += dx.pixel_stride)
            store_lanes<T>(p, accumulate ? load_lanes<T>(p) + g : g);
        }
      }
  }

 private:
  T share_;
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_max_pool2d(const LayerNode& node) {
  return std::make_unique<MaxPool<T>>(node);
}

template <class T>
std::unique_ptr<Layer<T>> make_avg_pool2d(const LayerNode& node) {
  return std::make_unique<AvgPool<T>>(node);
}

template <class T>
std::unique_ptr<Layer<T>> make_global_avg_pool2d(const LayerNode& node) {
  return std::make_unique<GlobalAvgPool<T>>(node);
}

template std::unique_ptr<Layer<float>> make_max_pool2d(const LayerNode&);
template std::unique_ptr<Layer<double>> make_max_pool2d(const LayerNode&);
template std::unique_ptr<Layer<float>> make_avg_pool2d(const LayerNode&);
template std::unique_ptr<Layer<double>> make_avg_pool2d(const LayerNode&);
template std::unique_ptr<Layer<float>> make_global_avg_pool2d(const LayerNode&);
template std::unique_ptr<Layer<double>> make_global_avg_pool2d(const LayerNode&);

}  // namespace stagecoach
