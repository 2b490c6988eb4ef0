// SPDX-License-Identifier: Apache-2.0
// Weight gradient of a convolution, stored or turned into an update at once.
#include <algorithm>

#include "models/kernels/conv_kernels.h"
#include "models/kernels/row_stream.h"
#include "models/kernels/row_tile.h"
#include "models/layers/panels.h"

namespace stagecoach {
namespace {

// Inputs and output gradients of one band of rows stay in the first-level cache.
constexpr std::int64_t kBandBytes = 32 * 1024;
// So many products in a row lose no more than a few units in the last place.
constexpr int kMostBandPixels = 1024;
// Bands pay while the sums, read and written once a band, stay in the second-level cache.
constexpr std::int64_t kBandedSumsBytes = 256 * 1024;

bool conv_bands(const ConvGeometry& g) {
  return g.weight_elements() * std::int64_t{sizeof(float)} <= kBandedSumsBytes;
}

/// Rows of output pixels summed in registers before the next weight rows are taken.
int band_rows(const ConvGeometry& g, int rows) {
  const std::int64_t size = sizeof(float);
  const std::int64_t row_bytes = size * (g.out_width * padded<float>(g.out_channels) +
                                         g.stride * g.width * padded<float>(g.in_channels));
  std::int64_t most = std::min<std::int64_t>(rows, std::max(1, kMostBandPixels / g.out_width));
  if (conv_bands(g) && rows * row_bytes > kBandBytes * 3 / 2)
    most = std::clamp<std::int64_t>(kBandBytes / row_bytes, 1, most);
  const std::int64_t bands = (rows + most - 1) / most;
  return static_cast<int>((rows + bands - 1) / bands);
}

/// Fetches `bytes` of what an update `at` elements further on will read; tiles and pieces of rows
/// jump more than the machine's own prefetchers follow.
void fetch_update(const RowTarget& target, std::ptrdiff_t at, std::ptrdiff_t bytes) {
  const char* weights = reinterpret_cast<const char*>(target.weights + at);
  const char* velocity = reinterpret_cast<const char*>(target.velocity + at);
  for (std::ptrdiff_t i = 0; i < bytes; i += 64) {
    __builtin_prefetch(weights + i, 0, 2);
    __builtin_prefetch(velocity + i, 0, 2);
  }
}

/// The weight rows of input channels [first, first + count), in tiles.
class RowWalk {
 public:
  RowWalk(const ConvGeometry& g, const View<const float>& x, int first, int count)
      : g_(g), x_(x), first_(first), count_(count) {}

  /// All vectors of a few rows, then the next rows: the weights are walked as they lie.
  void run(RowTile& tile, int vectors) {
    tile.x_at = x_at_;
    tile.row_at = row_at_;
    const RowTile at_zero = tile;
    const bool fetch = tile.target.update && !conv_bands(g_);
    const int step = consecutive_rows(vectors);
    const int whole = count_ / step * step;
    for (int a = 0; a < g_.kernel; ++a) {
      skip_padding(tile, at_zero, a);
      for (int b = 0; b < g_.kernel; ++b)
        for (int c = 0; c < whole; c += step) {
          set(a, b, c, 0);
          const bool tap_ends = c + step >= whole;
          const std::ptrdiff_t next =
              row_at_[0] + (tap_ends ? g_.in_channels - c : step) * g_.weight_stride;
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
  void skip_padding(RowTile& tile, const RowTile& at_zero, int tap_row) const {
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
        ((tap_row * g_.kernel + tap_column) * g_.in_channels + first_ + channel) * g_.weight_stride;
  }

  template <class Run>
  static void for_vectors(RowTile& tile, const RowTile& at_zero, int vectors, Run run) {
    constexpr int kMaxVectors = kVectorRegisters == 32 ? 3 : 2;
    tile.dy = at_zero.dy;
    tile.target = at_zero.target;
    for (int v = 0; v < vectors;) {
      const int left = vectors - v;
      const int nv = left % 2 && left >= kMaxVectors ? kMaxVectors : std::min(left, 2);
      run(nv);
      v += nv;
      tile.dy += nv * kLanes<float>;
      tile.target.shift(nv * kLanes<float>);
    }
  }

  const ConvGeometry& g_;
  const View<const float>& x_;
  int first_, count_;
  std::ptrdiff_t x_at_[kTileRows], row_at_[kTileRows];
};

/// All rows of channels [first, first + count) for few pixels, dy laid out for it in `scratch`.
void stream_all_rows(const ConvGeometry& g, const View<const float>& x, const View<const float>& dy,
                     int first, int count, const RowTarget& whole, float* scratch) {
  constexpr int L = kLanes<float>;
  const int image = g.out_height * g.out_width, pixels = dy.batch * image;
  const int slots = stream_pixels(pixels);
  const int all_vectors = static_cast<int>(padded<float>(g.out_channels) / L);
  std::ptrdiff_t x_at[kStreamPixels];
  for (int p = 0; p < slots; ++p) {
    const int n = p / image, i = p % image / g.out_width, j = p % g.out_width;
    if (p < pixels)
      x_at[p] = n * x.sample_stride + i * g.stride * x.row_stride + j * g.stride * x.pixel_stride;
    for (int v = 0; v < all_vectors; ++v)
      store(scratch + (v * slots + p) * L, p < pixels ? load(dy.pixel(n, i, j) + v * L) : Vec{});
  }
  constexpr int kGroup = 16;  // rows handed over together
  float values[kGroup * kStreamPixels] = {};
  for (int t = 0; t < g.taps(); ++t) {
    const float* tap = x.data + (t / g.kernel - g.padding) * x.row_stride +
                       (t % g.kernel - g.padding) * x.pixel_stride;
    for (int c = first, rows = 0; c < first + count; c += rows) {
      rows = std::min(kGroup, first + count - c);
      for (int r = 0; r < rows; ++r)
        for (int p = 0; p < pixels; ++p) values[r * slots + p] = tap[x_at[p] + c + r];
      StreamRows s{values, rows, slots, scratch, all_vectors, g.weight_stride, whole};
      s.target.shift((t * g.in_channels + c) * g.weight_stride);
      stream_rows(s);
    }
  }
}

}  // namespace

bool conv_fuses_update(const ConvGeometry& g, int samples) {
  return samples * g.out_pixels() <= (conv_bands(g) ? kPanelPixels : kMostBandPixels);
}

bool conv_streams_rows(const ConvGeometry& g, int batch) {
  return batch * g.out_pixels() <= kStreamPixels;
}

std::int64_t conv_weight_gradient_scratch(const ConvGeometry& g) {
  return std::max(conv_bands(g) ? g.weight_elements() : 0, kStreamPixels * g.weight_stride);
}

void conv_weight_gradient(const ConvGeometry& g, View<const float> x, View<const float> dy,
                          int first_row, int rows, int first, int count, bool accumulate,
                          float* gradient, const FusedUpdate<float>* update, float* scratch) {
  RowTarget whole;
  whole.sums = update ? scratch : gradient;
  if (update) {
    whole.weights = update->weights;
    whole.velocity = update->velocity;
    whole.predicted = update->predicted;
    whole.coefficients = update->coefficients[0];
  }
  if (conv_streams_rows(g, dy.batch)) {
    whole.sums = gradient;
    whole.update = update != nullptr;
    whole.add_to_sums = accumulate;
    return stream_all_rows(g, x, dy, first, count, whole, scratch);
  }
  const int band = band_rows(g, rows), end = first_row + rows;
  const int vectors = static_cast<int>(g.weight_stride / kLanes<float>);
  for (int row = first_row; row < end; row += band) {
    RowTile tile;
    tile.first_row = row;
    tile.rows = std::min(band, end - row);
    tile.columns = g.out_width;
    tile.image_rows = g.out_height;
    tile.x = x.data;
    tile.x_strides = {x.sample_stride, g.stride * x.row_stride, g.stride * x.pixel_stride};
    tile.dy = dy.data;
    tile.dy_strides = {dy.sample_stride, dy.row_stride, dy.pixel_stride};
    tile.target = whole;
    tile.target.add_to_sums = row > first_row || (accumulate && !update);
    tile.target.update = update && row + band >= end;
    RowWalk(g, x, first, count).run(tile, vectors);
  }
}

}  // namespace stagecoach
