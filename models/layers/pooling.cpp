// SPDX-License-Identifier: Apache-2.0
// Pooling over square windows, and over the whole image.
#include "models/layers/pooling.h"

#include <algorithm>

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

/// The taps of one window that lie on the image.
struct Taps {
  Taps(const Windows& w, int row, int column)
      : top(row * w.stride - w.padding),
        left(column * w.stride - w.padding),
        row_begin(std::max(0, -top)),
        row_end(std::min(w.kernel, w.input.height - top)),
        column_begin(std::max(0, -left)),
        column_end(std::min(w.kernel, w.input.width - left)) {}

  int top, left, row_begin, row_end, column_begin, column_end;
};

/// Calls body(n, y, x, taps) for every output pixel.
template <class Body>
void for_each_window(const Windows& w, int batch, Body&& body) {
  for (int n = 0; n < batch; ++n)
    for (int y = 0; y < w.output.height; ++y)
      for (int x = 0; x < w.output.width; ++x) body(n, y, x, Taps(w, y, x));
}

/// Adds gradient(n, y, x, vector's first channel, tap) to the input gradient below every tap.
template <class T, class Gradient>
void spread_gradient(const Windows& w, const View<T>& dx, bool accumulate, Gradient&& gradient) {
  // Where windows tile the image the first write is the only one.
  const bool overwrite = !accumulate && w.tile_input();
  if (!accumulate && !overwrite) fill_zero(dx);
  for_each_window(w, dx.batch, [&](int n, int y, int x, const Taps& t) {
    for (std::int64_t c = 0; c < dx.pixel_stride; c += kLanes<T>) {
      const auto of_tap = gradient(n, y, x, c);
      for (int r = t.row_begin; r < t.row_end; ++r)
        for (int q = t.column_begin; q < t.column_end; ++q) {
          T* to = dx.pixel(n, t.top + r, t.left + q) + c;
          const Lanes<T> g = of_tap(r * w.kernel + q);
          store_lanes<T>(to, overwrite ? g : load_lanes<T>(to) + g);
        }
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
    const View<const T>& in = args.inputs[0];
    const int kernel = windows_.kernel;
    for_each_window(windows_, in.batch, [&](int n, int y, int x, const Taps& t) {
      for (std::int64_t c = 0; c < channels_; c += kLanes<T>) {
        Lanes<T> best =
            load_lanes<T>(in.pixel(n, t.top + t.row_begin, t.left + t.column_begin) + c);
        Lanes<T> winner = all_lanes(static_cast<T>(t.row_begin * kernel + t.column_begin));
        for (int r = t.row_begin; r < t.row_end; ++r)
          for (int q = t.column_begin; q < t.column_end; ++q) {
            const Lanes<T> v = load_lanes<T>(in.pixel(n, t.top + r, t.left + q) + c);
            const auto wins = (v > best) | (v != v);
            best = wins ? v : best;
            winner = wins ? all_lanes(static_cast<T>(r * kernel + q)) : winner;
          }
        store_lanes<T>(args.output.pixel(n, y, x) + c, best);
        if (args.saved) store_lanes<T>(args.saved + winner_at(n, y, x) + c, winner);
      }
    });
  }

  void backward(const BackwardArgs<T>& args) const override {
    if (!args.gradient_inputs[0]) return;
    spread_gradient(windows_, args.gradient_inputs[0], args.accumulate[0],
                    [&](int n, int y, int x, std::int64_t c) {
                      const Lanes<T> g = load_lanes<T>(args.gradient_output.pixel(n, y, x) + c);
                      const Lanes<T> winner = load_lanes<T>(args.saved + winner_at(n, y, x) + c);
                      return [g, winner](int tap) -> Lanes<T> {
                        return winner == static_cast<T>(tap) ? g : Lanes<T>{};
                      };
                    });
  }

 private:
  std::int64_t winner_at(int n, int y, int x) const {
    return ((std::int64_t{1} * n * windows_.output.height + y) * windows_.output.width + x) *
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
    const View<const T>& in = args.inputs[0];
    for_each_window(windows_, in.batch, [&](int n, int y, int x, const Taps& t) {
      for (std::int64_t c = 0; c < in.pixel_stride; c += kLanes<T>) {
        Lanes<T> sum{};
        for (int r = t.row_begin; r < t.row_end; ++r)
          for (int q = t.column_begin; q < t.column_end; ++q)
            sum += load_lanes<T>(in.pixel(n, t.top + r, t.left + q) + c);
        store_lanes<T>(args.output.pixel(n, y, x) + c, sum * share_);
      }
    });
  }

  void backward(const BackwardArgs<T>& args) const override {
    if (!args.gradient_inputs[0]) return;
    spread_gradient(windows_, args.gradient_inputs[0], args.accumulate[0],
                    [&](int n, int y, int x, std::int64_t c) {
                      const Lanes<T> g =
                          share_ * load_lanes<T>(args.gradient_output.pixel(n, y, x) + c);
                      return [g](int) { return g; };
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
