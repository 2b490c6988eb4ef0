// SPDX-License-Identifier: Apache-2.0
// Pooling over square windows, and over the whole image.
#include "models/layers/pooling.h"

#include <algorithm>
#include <limits>

#include "models/layers/lanes.h"

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

/// Calls body(n, y, x, corner, window) for every output pixel; `image` is the view on the input
/// side, `corner` the elements from its origin to the window's corner (outside when clipped).
template <class T, class Body>
inline void for_each_window(const Windows& w, const View<T>& image, Body&& body) {
  const std::int64_t row = image.row_stride, pixel = image.pixel_stride;
  for (int n = 0; n < image.batch; ++n)
    for (int y = 0; y < w.output.height; ++y) {
      const int top = y * w.stride - w.padding;
      const int row_begin = std::max(0, -top);
      const int row_end = std::min(w.kernel, w.input.height - top);
      for (int x = 0; x < w.output.width; ++x) {
        const int left = x * w.stride - w.padding;
        const int column_begin = std::max(0, -left);
        const int column_end = std::min(w.kernel, w.input.width - left);
        const bool whole = row_end - row_begin + column_end - column_begin == 2 * w.kernel;
        const std::int64_t corner = n * image.sample_stride + top * row + left * pixel;
        if (whole && w.kernel == 2)
          body(n, y, x, corner, WholeWindow<2>{row, pixel});
        else if (whole && w.kernel == 3)
          body(n, y, x, corner, WholeWindow<3>{row, pixel});
        else
          body(n, y, x, corner,
               ClippedWindow{row, pixel, w.kernel, row_begin, row_end, column_begin, column_end});
      }
    }
}

/// Adds of_lanes(n, y, x, first channel)(tap) to the input gradient below every tap.
template <class T, class Gradient>
inline void spread_gradient(const Windows& w, const View<T>& dx, bool accumulate,
                            Gradient&& of_lanes) {
  // Where windows tile the image the first write is the only one.
  const bool overwrite = !accumulate && w.tile_input();
  if (!accumulate && !overwrite) fill_zero(dx);
  T* const origin = dx.data;
  const std::int64_t channels = dx.pixel_stride;
  for_each_window(w, dx, [=](int n, int y, int x, std::int64_t corner, auto window) {
    for (std::int64_t c = 0; c < channels; c += kLanes<T>) {
      const auto of_tap = of_lanes(n, y, x, c);
      window.for_each_tap([=](int tap, std::int64_t offset) {
        T* to = origin + (corner + offset + c);
        const Lanes<T> g = of_tap(tap);
        store_lanes<T>(to, overwrite ? g : load_lanes<T>(to) + g);
      });
    }
  });
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
    const T* const in = args.inputs[0].data;
    const View<T> out = args.output;
    const std::int64_t channels = channels_;
    T* saved = args.saved;
    for_each_window(windows_, args.inputs[0],
                    [&](int n, int y, int x, std::int64_t corner, auto window) {
                      T* const to = out.pixel(n, y, x);
                      for (std::int64_t c = 0; c < channels; c += kLanes<T>) {
                        Lanes<T> best = all_lanes(-std::numeric_limits<T>::infinity());
                        Lanes<T> winner = all_lanes(static_cast<T>(window.first_tap()));
                        window.for_each_tap([&](int tap, std::int64_t offset) {
                          const Lanes<T> v = load_lanes<T>(in + (corner + offset + c));
                          const auto wins = (v > best) | (v != v);
                          best = wins ? v : best;
                          winner = wins ? all_lanes(static_cast<T>(tap)) : winner;
                        });
                        store_lanes<T>(to + c, best);
                        if (saved) store_lanes<T>(saved + c, winner);
                      }
                      if (saved) saved += channels;
                    });
  }

  void backward(const BackwardArgs<T>& args) const override {
    if (!args.gradient_inputs[0]) return;
    const View<const T> dy = args.gradient_output;
    const T* const saved = args.saved;
    const Shape out = windows_.output;
    const std::int64_t channels = channels_;
    spread_gradient(windows_, args.gradient_inputs[0], args.accumulate[0],
                    [=](int n, int y, int x, std::int64_t c) {
                      const std::int64_t pixel =
                          (std::int64_t{1} * n * out.height + y) * out.width + x;
                      const Lanes<T> g = load_lanes<T>(dy.pixel(n, y, x) + c);
                      const Lanes<T> winner = load_lanes<T>(saved + pixel * channels + c);
                      return [=](int tap) -> Lanes<T> {
                        return winner == static_cast<T>(tap) ? g : Lanes<T>{};
                      };
                    });
  }

 private:
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
    const T* const in = args.inputs[0].data;
    const View<T> out = args.output;
    const T share = share_;
    for_each_window(windows_, args.inputs[0],
                    [=](int n, int y, int x, std::int64_t corner, auto window) {
                      T* const to = out.pixel(n, y, x);
                      for (std::int64_t c = 0; c < out.pixel_stride; c += kLanes<T>) {
                        Lanes<T> sum{};
                        window.for_each_tap([&](int, std::int64_t offset) {
                          sum += load_lanes<T>(in + (corner + offset + c));
                        });
                        store_lanes<T>(to + c, sum * share);
                      }
                    });
  }

  void backward(const BackwardArgs<T>& args) const override {
    if (!args.gradient_inputs[0]) return;
    const View<const T> dy = args.gradient_output;
    const T share = share_;
    spread_gradient(windows_, args.gradient_inputs[0], args.accumulate[0],
                    [=](int n, int y, int x, std::int64_t c) {
                      const Lanes<T> g = share * load_lanes<T>(dy.pixel(n, y, x) + c);
                      return [=](int) { return g; };
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
