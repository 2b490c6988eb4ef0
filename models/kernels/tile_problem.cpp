// SPDX-License-Identifier: Apache-2.0
// Cuts a TileProblem into blocks of weight rows, tiles of channels, tiles of pixels.
#include "models/kernels/tile_problem.h"

#include <algorithm>

#include "models/kernels/pixel_tile.h"
#include "models/layers/product.h"

namespace stagecoach {
namespace {

// Weights up to here stay in the second-level cache however they are walked.
constexpr std::ptrdiff_t kCachedBytes = 512 * 1024;
// Beyond, blocks of rows: contiguous in memory, and small enough to stay while all pixels meet
// them.
constexpr std::ptrdiff_t kBlockBytes = 256 * 1024;
// Terms that one register sums plainly: equal ones, whose roundings do not average out, lose up to
// 1e-5 of their sum. Longer sums are made of blocks of kPlainTerms.
constexpr int kMostPlainTerms = 640;

/// The taps and channels of one block of weight rows.
struct Block {
  int first_tap, taps, first_channel, channels;
};

/// Fetches the weights of the next block, a few lines with every tile of this one: the strides of
/// the tiles are more than the machine's own prefetchers follow.
class Prefetcher {
 public:
  Prefetcher() = default;
  Prefetcher(const void* begin, std::ptrdiff_t bytes, int tiles)
      : at_(static_cast<const char*>(begin)),
        end_(at_ + bytes),
        bytes_a_tile_((bytes / std::max(1, tiles) + 64) / 64 * 64) {}

  void step() {
    const char* stop = std::min(end_, at_ + bytes_a_tile_);
    for (; at_ < stop; at_ += 64) __builtin_prefetch(at_, 0, 2);
  }

 private:
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::ptrdiff_t bytes_a_tile_ = 0;
};

/// The first weight row of a tap.
std::ptrdiff_t first_row(const TileProblem& p, int tap) {
  return p.weight_tap + tap / p.tap_columns * p.weight_tap_row +
         tap % p.tap_columns * p.weight_tap_column;
}

void fill_steps(const TileProblem& p, const Block& block, Steps& steps) {
  const int in_runs =
      block.channels < 2 * kRunUnroll ? 0 : block.channels / kRunUnroll * kRunUnroll;
  steps.run_channels = in_runs;
  int runs = 0, singles = 0;
  for (int t = block.first_tap; t < block.first_tap + block.taps; ++t) {
    const int a = t / p.tap_columns, b = t % p.tap_columns;
    const std::ptrdiff_t in =
        p.in_tap + a * p.in_tap_row + b * p.in_tap_column + block.first_channel;
    const std::ptrdiff_t row = first_row(p, t) + block.first_channel;
    if (in_runs) steps.run[runs++] = {in, row * p.weight_stride};
    for (int c = in_runs; c < block.channels; ++c)
      steps.single[singles++] = {in + c, (row + c) * p.weight_stride};
  }
}

/// Limits the tile to the steps of the block whose taps meet more than zeros.
void skip_padding(const TileProblem& p, const Block& block, int first, int last, PixelTile& tile) {
  const TapRows rows = tap_rows_of(p, first, last);
  const auto clip = [&](int row) {
    return std::clamp(row * p.tap_columns - block.first_tap, 0, block.taps);
  };
  const int begin = clip(rows.begin), end = std::max(begin, clip(rows.end));
  const int singles = block.channels - tile.steps->run_channels;
  const bool has_runs = tile.steps->run_channels > 0;
  tile.first_run = has_runs ? begin : 0;
  tile.end_run = has_runs ? end : 0;
  tile.first_single = begin * singles;
  tile.end_single = end * singles;
}

void run_rows(const TileProblem& p, const Block& block, PixelTile tile, const RowKernel& kernel,
              int vector, Prefetcher& next) {
  for (int n = 0; n < p.batch; ++n)
    for (int y = 0; y < p.rows; ++y) {
      tile.input = p.input + n * p.in.sample + y * p.in.row;
      tile.output = p.output + n * p.out.sample + y * p.out.row + vector * kLanes<float>;
      skip_padding(p, block, y, y, tile);
      for (int x = 0; x < p.columns; x += kernel.pixels) {
        next.step();
        kernel.run(tile, p.out.pixel);
        tile.input += kernel.pixels * p.in.pixel;
        tile.output += kernel.pixels * p.out.pixel;
      }
    }
}

/// The pixels of a problem in tiles whose sizes differ by one at most. Where each lies is kept for
/// the first ones: few pixels meet many tiles of channels.
class PixelTiles {
 public:
  explicit PixelTiles(const TileProblem& p)
      : p_(p),
        pixels_(p.batch * p.rows * p.columns),
        tiles_((pixels_ + kTilePixels - 1) / kTilePixels) {
    for (int i = 0; i < std::min(tiles_, kKept); ++i) kept_[i] = offsets(i);
  }
  int count() const { return tiles_; }
  int largest() const { return size(tiles_ - 1); }
  int begin(int tile) const { return static_cast<int>(std::int64_t{pixels_} * tile / tiles_); }
  int size(int tile) const { return begin(tile + 1) - begin(tile); }
  PixelOffsets at(int tile) const { return tile < kKept ? kept_[tile] : offsets(tile); }

 private:
  static constexpr int kKept = 8;
  PixelOffsets offsets(int tile) const { return PixelOffsets(p_, begin(tile), size(tile)); }

  const TileProblem& p_;
  int pixels_, tiles_;
  PixelOffsets kept_[kKept];
};

void run_anywhere(const TileProblem& p, const Block& block, PixelTile tile, const PixelTiles& tiles,
                  int vector, int vectors, Prefetcher& next) {
  for (int i = 0; i < tiles.count(); ++i) {
    const PixelOffsets at = tiles.at(i);
    tile.input = p.input + at.base_in();
    tile.in_at = at.in();
    tile.output = p.output + at.base_out() + vector * kLanes<float>;
    tile.out_at = at.out();
    skip_padding(p, block, at.first_row(), at.last_row(), tile);
    next.step();
    run_pixel_tile(tile, tiles.size(i), vectors);
  }
}

void solve_block(const TileProblem& p, const Block& block, bool first, const PixelTiles& tiles,
                 Prefetcher next) {
  Steps steps;
  fill_steps(p, block, steps);
  const int most_pixels = tiles.count() ? tiles.largest() : 0;
  for (int v = 0, nv = 0; v < p.vectors; v += nv) {
    const RowKernel kernel = row_kernel(p.in.pixel, p.columns, p.vectors - v);
    nv = kernel.run ? kernel.vectors : tile_vectors(most_pixels, p.vectors - v);
    PixelTile tile;
    tile.steps = &steps;
    tile.weights = p.weights + v * kLanes<float>;
    tile.weight_stride = p.weight_stride;
    tile.bias = first && p.bias ? p.bias + v * kLanes<float> : nullptr;
    tile.accumulate = first && p.accumulate;
    tile.add = !first;
    if (kernel.run) {
      run_rows(p, block, tile, kernel, v, next);
    } else {
      run_anywhere(p, block, tile, tiles, v, nv, next);
    }
  }
}

}  // namespace

void solve(const TileProblem& p) {
  const int taps = p.tap_rows * p.tap_columns;
  const std::ptrdiff_t row_bytes = p.weight_stride * static_cast<std::ptrdiff_t>(sizeof(float));
  const std::ptrdiff_t tap_bytes = row_bytes * p.channels;
  int taps_a_block = std::min({taps, int{Steps::kMaxRuns}, Steps::kMaxSingles / (2 * kRunUnroll)});
  int channels_a_block = p.channels;
  if (tap_bytes * taps > kCachedBytes) {
    taps_a_block = static_cast<int>(
        std::clamp<std::ptrdiff_t>(kBlockBytes / tap_bytes, 1, std::max(1, taps_a_block)));
    if (tap_bytes > kBlockBytes)
      channels_a_block = static_cast<int>(
          std::max<std::ptrdiff_t>(16, kBlockBytes / row_bytes / kRunUnroll * kRunUnroll));
  }
  if (taps * p.channels > kMostPlainTerms) {
    channels_a_block = std::min(channels_a_block, kPlainTerms);
    taps_a_block = std::clamp(kPlainTerms / channels_a_block, 1, std::max(1, taps_a_block));
  }
  const int blocks = (p.channels + channels_a_block - 1) / channels_a_block;  // evenly
  channels_a_block = (p.channels / blocks + kRunUnroll - 1) / kRunUnroll * kRunUnroll;
  const PixelTiles pixels(p);
  if (taps == 0)
    return solve_block(p, {0, 0, 0, 0}, true, pixels, {});  // a phase of a stride, no taps
  for (int t = 0; t < taps; t += taps_a_block)
    for (int c = 0; c < p.channels; c += channels_a_block) {
      const Block block{t, std::min(taps_a_block, taps - t), c,
                        std::min(channels_a_block, p.channels - c)};
      Prefetcher next;
      if (tap_bytes * taps > kCachedBytes) {
        // Blocks of taps that are not neighbours (strides) fetch some bytes in vain.
        const std::ptrdiff_t row = first_row(p, t) + c + block.taps * block.channels;
        next =
            Prefetcher(p.weights + row * p.weight_stride, block.taps * block.channels * row_bytes,
                       (p.vectors + 1) / 2 * pixels.count());
      }
      solve_block(p, block, t == 0 && c == 0, pixels, next);
    }
}

}  // namespace stagecoach
