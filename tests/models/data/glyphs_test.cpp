// SPDX-License-Identifier: Apache-2.0
// Are glyphs the same everywhere, varied, and out of a linear classifier's reach?
#include "models/data/glyphs.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "models/base/hash.h"
#include "models/base/random.h"
#include "models/data/dataset.h"

namespace stagecoach {

namespace {

constexpr int kPixels = kGlyphSize * kGlyphSize;

std::uint64_t fingerprint(const std::vector<unsigned char>& bytes) {
  return hash_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// Softmax regression on pixels in [0,1], plain SGD at batch one with a falling rate.
class LinearClassifier {
 public:
  int classify(const unsigned char* pixels, double* probability) const {
    for (int c = 0; c < kGlyphClasses; ++c) {
      const float* w = weights_.data() + c * (kPixels + 1);
      float sum = w[kPixels];
      for (int i = 0; i < kPixels; ++i) sum += w[i] * static_cast<float>(pixels[i]);
      probability[c] = sum;
    }
    const double top = *std::max_element(probability, probability + kGlyphClasses);
    double total = 0;
    for (int c = 0; c < kGlyphClasses; ++c) {
      total += probability[c] = std::exp(probability[c] - top);
    }
    for (int c = 0; c < kGlyphClasses; ++c) probability[c] /= total;
    return static_cast<int>(std::max_element(probability, probability + kGlyphClasses) -
                            probability);
  }
  void learn(const unsigned char* pixels, int label, double rate) {
    double probability[kGlyphClasses];
    classify(pixels, probability);
    for (int c = 0; c < kGlyphClasses; ++c) {
      const auto step =
          static_cast<float>(rate * (probability[c] - (c == label)) / (255.0 * 255.0));
      float* w = weights_.data() + c * (kPixels + 1);
      for (int i = 0; i < kPixels; ++i) w[i] -= step * static_cast<float>(pixels[i]);
      w[kPixels] -= step * 255.0f;
    }
  }

 private:
  std::vector<float> weights_ = std::vector<float>(kGlyphClasses * (kPixels + 1), 0.0f);
};

/// Test accuracy of the linear classifier after `epochs`, the best over them.
double linear_accuracy(const SplitData& train, const SplitData& test, int epochs) {
  LinearClassifier classifier;
  SampleOrder order(train.targets.items(), true, 1);
  double best = 0;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (std::int64_t i = 0; i < train.targets.items(); ++i) {
      const std::int64_t sample = order.at(epoch, i);
      classifier.learn(train.images.item(sample), train.targets.bytes[sample], 0.02 / (1 + epoch));
    }
    std::int64_t right = 0;
    double probability[kGlyphClasses];
    for (std::int64_t i = 0; i < test.targets.items(); ++i) {
      right += classifier.classify(test.images.item(i), probability) == test.targets.bytes[i];
    }
    best = std::max(best, static_cast<double>(right) / static_cast<double>(test.targets.items()));
  }
  return best;
}

}  // namespace

TEST_CASE("glyphs are the same bytes on every machine") {
  const SplitData train = draw_glyphs(100, 1, Split::train);
  const SplitData test = draw_glyphs(100, 1, Split::test);
  CHECK(fingerprint(train.images.bytes) == 0x64a8094b42c24646ULL);
  CHECK(fingerprint(train.targets.bytes) == 0xf47ed55927d4ed3dULL);
  CHECK(fingerprint(test.images.bytes) == 0xd6c3cd50552e5858ULL);
}

TEST_CASE("a glyph depends on seed, split and index alone") {
  const SplitData few = draw_glyphs(10, 7, Split::train);
  const SplitData many = draw_glyphs(500, 7, Split::train);
  CHECK(std::equal(few.images.bytes.begin(), few.images.bytes.end(), many.images.bytes.begin()));
  CHECK(std::equal(few.targets.bytes.begin(), few.targets.bytes.end(), many.targets.bytes.begin()));
  CHECK(draw_glyphs(10, 8, Split::train).images.bytes != few.images.bytes);
  CHECK(draw_glyphs(10, 7, Split::test).images.bytes != few.images.bytes);
}

TEST_CASE("every digit is drawn about equally often and no two glyphs are alike") {
  SplitData data = draw_glyphs(5000, 3, Split::train);
  std::array<int, kGlyphClasses> count{};
  for (unsigned char label : data.targets.bytes) ++count.at(label);
  // Binomial: mean 500, standard deviation 21; five of them.
  for (int n : count) CHECK(std::abs(n - 500) < 106);
  std::vector<std::vector<unsigned char>> images;
  for (std::int64_t i = 0; i < 5000; ++i) {
    images.emplace_back(data.images.item(i), data.images.item(i) + kPixels);
  }
  std::sort(images.begin(), images.end());
  CHECK(std::adjacent_find(images.begin(), images.end()) == images.end());
}

TEST_CASE("ink stays on the page: hardly any of it reaches the border") {
  const SplitData data = draw_glyphs(2000, 5, Split::train);
  int border = 0, middle = 0;
  for (std::int64_t i = 0; i < 2000; ++i) {
    const unsigned char* image = data.images.item(i);
    for (int x = 0; x < kGlyphSize; ++x) {
      // Above 110 (five standard deviations of the noise) a pixel is ink.
      border += (image[x] > 110) + (image[kPixels - 1 - x] > 110);
      middle += (image[14 * kGlyphSize + x] > 110) + (image[13 * kGlyphSize + x] > 110);
    }
  }
  CHECK(border < middle / 10);
}

TEST_CASE("a linear classifier learns glyphs but stays well below 90 percent") {
  const SplitData train = draw_glyphs(4000, 1, Split::train);
  const SplitData test = draw_glyphs(1000, 1, Split::test);
  const double accuracy = linear_accuracy(train, test, 6);
  CAPTURE(accuracy);
  // Far above chance: the classes can be told apart. Far below what LeNet-5 reaches (above 0.95).
  CHECK(accuracy > 0.70);
  CHECK(accuracy < 0.90);
}

}  // namespace stagecoach
