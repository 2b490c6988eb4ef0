// SPDX-License-Identifier: Apache-2.0
// Glyphs as anti-aliased strokes: control points, shaken and mapped to the page, smoothed by
// cutting corners, drawn as capsules around their segments.
#include "models/data/glyphs.h"

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <vector>

#include "models/base/parallel.h"
#include "models/base/random.h"

namespace stagecoach {
namespace {

struct Point {
  int x = 0;
  int y = 0;
};

enum class Pen { straight, smooth, closed };  // closed: smooth, and back to where it began

struct Stroke {
  Pen pen;
  std::vector<Point> points;  // in hundredths of half a digit's height, (0, 0) its middle, y down
};

using Glyph = std::vector<Stroke>;

/// The ten digits as a careful writer draws them.
const std::vector<Glyph>& glyph_shapes() {
  static const std::vector<Glyph> shapes = {
      {{Pen::closed,
        {{0, -105}, {58, -85}, {66, 0}, {58, 85}, {0, 105}, {-58, 85}, {-66, 0}, {-58, -85}}}},
      {{Pen::straight, {{-38, -62}, {8, -100}, {8, 100}}}},
      {{Pen::smooth, {{-55, -60}, {-40, -105}, {45, -110}, {62, -45}, {15, 15}, {-55, 95}}},
       {Pen::straight, {{-55, 95}, {60, 95}}}},
      {{Pen::smooth, {{-52, -85}, {15, -115}, {66, -65}, {40, -12}, {-12, -5}}},
       {Pen::smooth, {{-12, -5}, {52, 0}, {75, 60}, {20, 115}, {-56, 82}}}},
      {{Pen::straight, {{25, 100}, {25, -100}, {-60, 35}, {65, 35}}}},
      {{Pen::straight, {{50, -98}, {-40, -98}, {-45, -15}}},
       {Pen::smooth, {{-45, -15}, {30, -40}, {80, 35}, {35, 112}, {-55, 84}}}},
      {{Pen::smooth,
        {{42, -95},
         {-30, -75},
         {-70, 15},
         {-50, 98},
         {20, 112},
         {70, 55},
         {35, 0},
         {-20, 0},
         {-58, 50}}}},
      {{Pen::straight, {{-56, -95}, {58, -95}, {-10, 100}}}},
      {{Pen::closed, {{0, -104}, {52, -90}, {50, -22}, {0, -4}, {-50, -22}, {-52, -90}}},
       {Pen::closed, {{0, -4}, {62, 15}, {60, 88}, {0, 106}, {-60, 88}, {-62, 15}}}},
      {{Pen::closed, {{0, -102}, {56, -88}, {58, -15}, {0, 6}, {-56, -15}, {-55, -88}}},
       {Pen::smooth, {{54, -55}, {58, 15}, {34, 100}}}},
  };
  return shapes;
}

// Places on the page are in 64ths of a pixel: squares of them stay below 2^23 and cross products
// below 2^24, so they are exact in int and in float.
constexpr int kUnit = 64;

// How wild the drawing is. Chosen so that a linear classifier cannot follow and a small
// convolutional network can: tests/models/data/glyphs_test.cpp measures the former.
constexpr int kShake = 12;       // control points, hundredths
constexpr int kHalfTurn = 170;   // tangent of half the rotation, thousandths (about 19 degrees)
constexpr int kSlant = 250;      // thousandths
constexpr int kLeastSize = 660;  // width and height, thousandths ...
constexpr int kMostSize = 1120;  // ... of kHalfHeight
constexpr int kHalfHeight = 10 * kUnit;
constexpr int kShift = 13 * kUnit / 4;
constexpr int kLeastPen = 40;  // half the width of the stroke: 0.6 ...
constexpr int kMostPen = 105;  // ... to 1.6 pixels
constexpr int kLeastInk = 130;
constexpr int kNoise = 22;  // standard deviation of a pixel, grey levels

/// From -most to most.
int spread(Random& random, int most) {
  return static_cast<int>(random.below(static_cast<std::uint64_t>(2 * most + 1))) - most;
}

int between(Random& random, int least, int most) {
  return least + static_cast<int>(random.below(static_cast<std::uint64_t>(most - least + 1)));
}

/// One, in 2^-14ths.
constexpr std::int64_t kOne = 1 << 14;

/// A linear map in 2^-14ths and a place.
class Page {
 public:
  explicit Page(Random& random) {
    // Rotation by the rational parametrisation of the circle: no sine that differs by machine.
    const std::int64_t t = spread(random, kHalfTurn);
    const std::int64_t norm = 1000 * 1000 + t * t;
    const std::int64_t cosine = (1000 * 1000 - t * t) * kOne / norm;
    const std::int64_t sine = 2 * 1000 * t * kOne / norm;
    const std::int64_t slant = spread(random, kSlant);
    const std::int64_t wide = between(random, kLeastSize, kMostSize);
    const std::int64_t high = between(random, kLeastSize, kMostSize);
    xx_ = cosine * wide / 1000;
    yx_ = sine * wide / 1000;
    xy_ = (cosine * slant / 1000 - sine) * high / 1000;
    yy_ = (sine * slant / 1000 + cosine) * high / 1000;
    x_ = kGlyphSize * kUnit / 2 + spread(random, kShift);
    y_ = kGlyphSize * kUnit / 2 + spread(random, kShift);
  }
  Point place(Point p) const {
    const std::int64_t x = (xx_ * p.x + xy_ * p.y) * kHalfHeight / 100;
    const std::int64_t y = (yx_ * p.x + yy_ * p.y) * kHalfHeight / 100;
    return {x_ + static_cast<int>(x / kOne), y_ + static_cast<int>(y / kOne)};
  }

 private:
  std::int64_t xx_, xy_, yx_, yy_;
  int x_, y_;
};

/// Chaikin's corner cutting: every segment is replaced by its middle half, the ends stay.
void cut_corners(std::vector<Point>& line, bool closed) {
  std::vector<Point> cut;
  cut.reserve(2 * line.size());
  if (!closed) cut.push_back(line.front());
  const std::size_t segments = line.size() - (closed ? 0 : 1);
  for (std::size_t i = 0; i < segments; ++i) {
    const Point a = line[i];
    const Point b = line[(i + 1) % line.size()];
    if (closed || i > 0) cut.push_back({(3 * a.x + b.x) / 4, (3 * a.y + b.y) / 4});
    if (closed || i + 1 < segments) cut.push_back({(a.x + 3 * b.x) / 4, (a.y + 3 * b.y) / 4});
  }
  if (!closed) cut.push_back(line.back());
  line.swap(cut);
}

/// Largest integer whose square is at most n.
int integer_root(int n) {
  if (n <= 0) return 0;
  int root = 1 << ((32 - __builtin_clz(static_cast<unsigned>(n)) + 1) / 2);
  for (int next = (root + n / root) / 2; next < root; next = (root + n / root) / 2) root = next;
  return root;
}

/// Lowers `nearest` (distance of each pixel's centre from the pen's path) where the segment a-b
/// comes within `reach`.
void draw_segment(Point a, Point b, int reach, int* nearest) {
  const int dx = b.x - a.x;
  const int dy = b.y - a.y;
  const int length = integer_root(dx * dx + dy * dy);
  const auto first = [&](int low) { return std::max(0, (low - reach) / kUnit); };
  const auto last = [&](int high) { return std::min(kGlyphSize - 1, (high + reach) / kUnit); };
  for (int row = first(std::min(a.y, b.y)); row <= last(std::max(a.y, b.y)); ++row) {
    for (int column = first(std::min(a.x, b.x)); column <= last(std::max(a.x, b.x)); ++column) {
      const int x = column * kUnit + kUnit / 2 - a.x;
      const int y = row * kUnit + kUnit / 2 - a.y;
      const int along = x * dx + y * dy;
      int distance;
      if (along <= 0) {
        distance = integer_root(x * x + y * y);
      } else if (along >= dx * dx + dy * dy) {
        distance = integer_root((x - dx) * (x - dx) + (y - dy) * (y - dy));
      } else {
        distance = std::abs(x * dy - y * dx) / std::max(1, length);
      }
      int& least = nearest[row * kGlyphSize + column];
      least = std::min(least, distance);
    }
  }
}

}  // namespace

int draw_glyph(std::uint64_t key, std::uint8_t* pixels) {
  constexpr int kPixels = kGlyphSize * kGlyphSize;
  Random random(key);
  const int digit = static_cast<int>(random.below(kGlyphClasses));
  const Page page(random);
  const int pen = between(random, kLeastPen, kMostPen);
  const int ink = between(random, kLeastInk, 255);
  const int reach = pen + kUnit / 2;
  int nearest[kPixels];
  std::fill_n(nearest, kPixels, reach);
  for (const Stroke& stroke : glyph_shapes()[static_cast<std::size_t>(digit)]) {
    std::vector<Point> line;
    for (Point p : stroke.points) {
      const int x = p.x + spread(random, kShake);
      const int y = p.y + spread(random, kShake);
      line.push_back(page.place({x, y}));
    }
    const bool closed = stroke.pen == Pen::closed;
    if (stroke.pen != Pen::straight) {
      cut_corners(line, closed);
      cut_corners(line, closed);
    }
    if (closed) line.push_back(line.front());
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
      draw_segment(line[i], line[i + 1], reach, nearest);
    }
  }
  for (int i = 0; i < kPixels; ++i) {
    // The edge fades over one pixel. Noise: the sum of four uniform bytes, nearly normal with a
    // standard deviation of 148.
    const int grey = ink * std::min(reach - nearest[i], kUnit) / kUnit;
    const std::uint64_t r = random.next();
    const int sum =
        static_cast<int>((r & 255) + (r >> 8 & 255) + (r >> 16 & 255) + (r >> 24 & 255));
    pixels[i] = static_cast<std::uint8_t>(std::clamp(grey + (sum - 510) * kNoise / 148, 0, 255));
  }
  return digit;
}

SplitData draw_glyphs(std::int64_t samples, std::uint64_t seed, Split split) {
  SplitData data;
  data.images.dims = {samples, kGlyphSize, kGlyphSize};
  data.images.bytes.resize(static_cast<std::size_t>(samples) * kGlyphSize * kGlyphSize);
  data.targets.dims = {samples};
  data.targets.bytes.resize(static_cast<std::size_t>(samples));
  const std::uint64_t stream = mix(seed, split == Split::train ? 1 : 2);
  const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  in_parallel(samples, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      data.targets.bytes[static_cast<std::size_t>(i)] = static_cast<unsigned char>(
          draw_glyph(mix(stream, static_cast<std::uint64_t>(i)),
                     data.images.bytes.data() + i * kGlyphSize * kGlyphSize));
    }
  });
  return data;
}

}  // namespace stagecoach
