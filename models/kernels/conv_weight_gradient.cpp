// SPDX-License-Identifier: Apache-2.0
// Weight and bias gradient of a convolution, stored or turned into an update at once.
#include <algorithm>

#include "models/kernels/conv_kernels.h"
#include "models/kernels/depthwise.h"
#include "models/kernels/row_stream.h"
#include "models/kernels/row_tile.h"

namespace stagecoach {
namespace {

// Inputs and output gradients of one band of rows stay in the first-level cache ...
constexpr std::int64_t kBandBytes = 32 * 1024;
// ... which pays while the sums, read and written once a band, stay in the second-level one.
constexpr std::int64_t kBandedSumsBytes = 256 * 1024;

/// Rows of output pixels (through all samples) summed before the next weight rows are taken.
template <class T>
int band_rows(const ConvGeometry& g, int batch) {
  const std::int64_t size = sizeof(T);
  const std::int64_t row_bytes = size * (g.out_width * padded<T>(g.out_channels) +
                                         g.stride * g.width * padded<T>(g.in_channels));
  const int rows = batch * g.out_height;
  if (g.weight_elements() * size > kBandedSumsBytes || rows * row_bytes <= kBandBytes * 3 / 2)
    return rows;
  const int most = static_cast<int>(std::max<std::int64_t>(1, kBandBytes / row_bytes));
  const int bands = (rows + most - 1) / most;
  return (rows + bands - 1) / bands;
}

/// Fetches `bytes` of what an update `at` elements further on will read; tiles and pieces of rows
/// jump more than the machine's own prefetchers follow.
template <class T>
void fetch_update(const RowTarget<T>& target, std::ptrdiff_t at, std::ptrdiff_t bytes) {
  const char* weights = reinterpret_cast<const char*>(target.weights + at);
  const char* velocity = reinterpret_cast<const char*>(target.velocity + at);
  for (std::ptrdiff_t i = 0; i < bytes; i += 64) {
    __builtin_prefetch(weights + i, 0, 2);
    __builtin_prefetch(velocity + i, 0, 2);
  }
}

/// The weight rows of input channels [first, first + count) of one group, in tiles.
template <class T>
class RowWalk {
 public:
  RowWalk(const ConvGeometry& g, const View<const T>& x, int first, int count)
      : g_(g), x_(x), first_(first), count_(count) {}

  /// All vectors of a few rows, then the next rows: the weights are walked as they lie.
  void run(RowTile<T>& tile, int vectors) {
    tile.x_at = x_at_;
    tile.row_at = row_at_;
    const RowTile<T> at_zero = tile;
    const bool fetch =
        tile.target.update && g_.weight_elements() * std::int64_t{sizeof(T)} > kBandedSumsBytes;
    const int step = consecutive_rows(vectors == 1 ? 1 : 2);
    const int whole = count_ / step * step;
    for (int a = 0; a < g_.kernel; ++a) {
      skip_padding(tile, at_zero, a);
      for (int b = 0; b < g_.kernel; ++b)
        for (int c = 0; c < whole; c += step) {
          set(a, b, c, 0);
          const bool tap_ends = c + step >= whole;
          const std::ptrdiff_t next =
              row_at_[0] + (tap_ends ? g_.group_in() - c : step) * g_.weight_stride;
          for_vectors(tile, at_zero, vectors, [&](int nv) {
            for (int r = 0; fetch && r < step; ++r)
              fetch_update(tile.target, next + r * g_.weight_stride, nv * kVectorBytes);
            run_consecutive_row_tile(tile, g_.weight_stride, step, nv);
          });
        }
    }
    tile.first_row = at_zero.first_row;
    tile.rows = at_zero.rows;
    const int rest = count_ - whole;
    const int rows = g_.taps() * rest;
    const int tiles = (rows + kTileRows - 1) / kTileRows;
    for (int i = 0; i < tiles; ++i) {  // sizes differ by one at most
      const int begin = static_cast<int>(std::int64_t{rows} * i / tiles);
      const int end = static_cast<int>(std::int64_t{rows} * (i + 1) / tiles);
      for (int r = begin; r < end; ++r)
        set(r / rest / g_.kernel, r / rest % g_.kernel, whole + r % rest, r - begin);
      for_vectors(tile, at_zero, vectors, [&](int nv) { run_row_tile(tile, end - begin, nv); });
    }
  }

 private:
  /// Leaves out output rows that meet nothing but zeros at this row of taps.
  void skip_padding(RowTile<T>& tile, const RowTile<T>& at_zero, int tap_row) const {
    if (x_.batch != 1) return;
    const int above = std::max(0, g_.padding - tap_row);
    const int begin = std::max(at_zero.first_row, (above + g_.stride - 1) / g_.stride);
    const int last = g_.height - 1 + g_.padding - tap_row;
    const int end = std::min(at_zero.first_row + at_zero.rows, last < 0 ? 0 : last / g_.stride + 1);
    tile.first_row = begin;
    tile.rows = std::max(0, end - begin);
  }

  void set(int tap_row, int tap_column, int channel, int i) {
    x_at_[i] = (tap_row - g_.padding) * x_.row_stride +
               (tap_column - g_.padding) * x_.pixel_stride + first_ + channel;
    row_at_[i] =
        ((tap_row * g_.kernel + tap_column) * g_.group_in() + first_ + channel) * g_.weight_stride;
  }

  template <class Run>
  static void for_vectors(RowTile<T>& tile, const RowTile<T>& at_zero, int vectors, Run run) {
    constexpr int kMaxVectors = kVectorRegisters == 32 ? 3 : 2;
    tile.dy = at_zero.dy;
    tile.target = at_zero.target;
    for (int v = 0; v < vectors;) {
      const int left = vectors - v;
      const int nv = left % 2 && left >= kMaxVectors ? kMaxVectors : std::min(left, 2);
      run(nv);
      v += nv;
      tile.dy += nv * kLanes<T>;
      tile.target.shift(nv * kLanes<T>);
    }
  }

  const ConvGeometry& g_;
  const View<const T>& x_;
  int first_, count_;
  std::ptrdiff_t x_at_[kTileRows], row_at_[kTileRows];
};

/// All rows of channels [first, first + count) for few pixels, dy laid out for it in `scratch`.
template <class T>
void stream_all_rows(const ConvGeometry& g, const View<const T>& x, const View<const T>& dy,
                     int first, int count, const RowTarget<T>& whole, T* scratch) {
  constexpr int L = kLanes<T>;
  const int image = g.out_height * g.out_width, pixels = dy.batch * image;
  const int slots = stream_pixels(pixels);
  const int all_vectors = static_cast<int>(padded<T>(g.out_channels) / L);
  std::ptrdiff_t x_at[kStreamPixels];
  for (int p = 0; p < slots; ++p) {
    const int n = p / image, i = p % image / g.out_width, j = p % g.out_width;
    if (p < pixels)
      x_at[p] = n * x.sample_stride + i * g.stride * x.row_stride + j * g.stride * x.pixel_stride;
    for (int v = 0; v < all_vectors; ++v)
      store(scratch + (v * slots + p) * L, p < pixels ? load(dy.pixel(n, i, j) + v * L) : Vec<T>{});
  }
  const int in = g.group_in(), vectors = static_cast<int>(padded<T>(g.group_out()) / L);
  constexpr int kGroup = 16;  // rows handed over together
  T values[kGroup * kStreamPixels] = {};
  for (int t = 0; t < g.taps(); ++t) {
    const T* tap = x.data + (t / g.kernel - g.padding) * x.row_stride +
                   (t % g.kernel - g.padding) * x.pixel_stride;
    for (int c = first, rows = 0; c < first + count; c += rows) {
      rows = std::min({kGroup, first + count - c, in - c % in});
      for (int r = 0; r < rows; ++r)
        for (int p = 0; p < pixels; ++p) values[r * slots + p] = tap[x_at[p] + c + r];
      const int column = c / in * g.group_out();
      StreamRows<T> s{values,          rows, slots, scratch + column * slots, vectors,
                      g.weight_stride, whole};
      s.target.shift((t * in + c % in) * g.weight_stride + column);
      stream_rows(s);
    }
  }
}

}  // namespace

template <class T>
std::int64_t conv_weight_gradient_scratch(const ConvGeometry& g) {
  const std::int64_t bytes = g.weight_elements() * std::int64_t{sizeof(T)};
  return std::max(bytes > kBandedSumsBytes ? 0 : g.weight_elements(),
                  kStreamPixels * padded<T>(g.out_channels));
}

template <class T>
void conv_weight_gradient(const ConvGeometry& g, View<const T> x, View<const T> dy, int first,
                          int count, bool accumulate, T* gradient, const FusedUpdate<T>* update,
                          T* scratch) {
  RowTarget<T> whole;
  whole.sums = update ? scratch : gradient;
  if (update) {
    whole.weights = update->weights;
    whole.velocity = update->velocity;
    whole.predicted = update->predicted;
    whole.coefficients = update->coefficients[0];
  }
  const std::int64_t pixels = std::int64_t{1} * dy.batch * g.out_height * g.out_width;
  if (pixels <= kStreamPixels || g.depthwise()) {
    whole.sums = gradient;
    whole.update = update != nullptr;
    whole.start_from_sums = accumulate;
    if (g.depthwise())
      return depthwise_weight_gradient(conv_forward_problem(g, x), dy.data,
                                       {dy.sample_stride, dy.row_stride, dy.pixel_stride}, whole);
    return stream_all_rows(g, x, dy, first, count, whole, scratch);
  }
  RowTile<T> tile;
  tile.columns = g.out_width;
  tile.image_rows = g.out_height;
  tile.x_strides = {x.sample_stride, g.stride * x.row_stride, g.stride * x.pixel_stride};
  tile.dy_strides = {dy.sample_stride, dy.row_stride, dy.pixel_stride};
  const int rows = dy.batch * g.out_height;
  const int band = band_rows<T>(g, dy.batch);
  const int in = g.groups == 1 ? count : g.group_in();
  const int vectors = static_cast<int>(padded<T>(g.group_out()) / kLanes<T>);
  for (int row = 0; row < rows; row += band)
    for (int group = 0; group < g.groups; ++group) {
      const int column = group * g.group_out();
      tile.first_row = row;
      tile.rows = std::min(band, rows - row);
      tile.x = x.data + group * g.group_in();
      tile.dy = dy.data + column;
      tile.target = whole;
      tile.target.shift(column);
      tile.target.start_from_sums = row > 0 || (accumulate && !update);
      tile.target.update = update && row + band >= rows;
      RowWalk<T>(g, x, g.groups == 1 ? first : 0, in).run(tile, vectors);
    }
}

template <class T>
void conv_bias_gradient(View<const T> dy, bool accumulate, T* gradient,
                        const FusedUpdate<T>* update, std::int64_t offset) {
  constexpr int L = kLanes<T>;
  const std::int64_t lanes = padded<T>(dy.channels);
  for (std::int64_t c = 0; c < lanes; c += L) {
    Vec<T> sum[4] = {};
    for (int n = 0; n < dy.batch; ++n)
      for (int y = 0; y < dy.height; ++y) {
        const T* p = dy.pixel(n, y, 0) + c;
        int x = 0;
        for (; x + 4 <= dy.width; x += 4)
#pragma GCC unroll 4
          for (int i = 0; i < 4; ++i, p += dy.pixel_stride) sum[i] += load(p);
        for (; x < dy.width; ++x, p += dy.pixel_stride) sum[0] += load(p);
      }
    const Vec<T> total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    if (update) {
      update_vector(total, update->coefficients[1], update->weights + offset + c,
                    update->velocity + offset + c,
                    update->predicted ? update->predicted + offset + c : nullptr);
    } else {
      store(gradient + c, accumulate ? load(gradient + c) + total : total);
    }
  }
}

template std::int64_t conv_weight_gradient_scratch<float>(const ConvGeometry&);
template std::int64_t conv_weight_gradient_scratch<double>(const ConvGeometry&);
template void conv_weight_gradient(const ConvGeometry&, View<const float>, View<const float>, int,
                                   int, bool, float*, const FusedUpdate<float>*, float*);
template void conv_weight_gradient(const ConvGeometry&, View<const double>, View<const double>, int,
                                   int, bool, double*, const FusedUpdate<double>*, double*);
template void conv_bias_gradient(View<const float>, bool, float*, const FusedUpdate<float>*,
                                 std::int64_t);
template void conv_bias_gradient(View<const double>, bool, double*, const FusedUpdate<double>*,
                                 std::int64_t);

}  // namespace stagecoach
