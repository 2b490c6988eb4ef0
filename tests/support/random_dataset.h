// SPDX-License-Identifier: Apache-2.0
// Random samples in memory: a data set for tests that need no files.
#pragma once

#include <vector>

#include "models/base/random.h"
#include "models/data/dataset.h"

namespace stagecoach::test {

class RandomDataset : public Dataset {
 public:
  RandomDataset(Shape shape, std::int64_t train, std::int64_t test, int classes,
                std::int64_t target_elements, std::uint64_t seed)
      : shape_(shape), train_(train), classes_(classes), target_elements_(target_elements) {
    Random random(seed);
    for (std::int64_t i = 0; i < (train + test) * shape.elements(); ++i)
      pixels_.push_back(random.normal());
    for (std::int64_t i = 0; i < train + test; ++i)
      labels_.push_back(classes ? static_cast<int>(random.below(classes)) : 0);
    for (std::int64_t i = 0; i < (train + test) * target_elements; ++i)
      targets_.push_back(random.normal());
    sizes_[0] = train;
    sizes_[1] = test;
  }

  std::int64_t size(Split split) const override { return sizes_[split == Split::test]; }
  Shape shape() const override { return shape_; }
  int classes() const override { return classes_; }
  int label(Split split, std::int64_t i) const override { return labels_[row(split, i)]; }
  std::int64_t target_elements() const override { return target_elements_; }
  void read_target(Split split, std::int64_t i, double* target) const override {
    for (std::int64_t e = 0; e < target_elements_; ++e)
      target[e] = targets_[row(split, i) * target_elements_ + e];
  }
  void read(Split split, std::int64_t i, std::uint64_t, View<float> view) const override {
    copy(split, i, view);
  }
  void read(Split split, std::int64_t i, std::uint64_t, View<double> view) const override {
    copy(split, i, view);
  }
  /// Value in C,H,W order.
  double pixel(Split split, std::int64_t i, std::int64_t element) const {
    return pixels_[row(split, i) * shape_.elements() + element];
  }

 private:
  std::int64_t row(Split split, std::int64_t i) const {
    return i + (split == Split::test ? train_ : 0);
  }
  template <class T>
  void copy(Split split, std::int64_t i, View<T> view) const {
    std::int64_t e = 0;
    for (int c = 0; c < shape_.channels; ++c)
      for (int y = 0; y < shape_.height; ++y)
        for (int x = 0; x < shape_.width; ++x)
          view.pixel(0, y, x)[c] = static_cast<T>(pixel(split, i, e++));
  }

  Shape shape_;
  std::int64_t train_;
  int classes_;
  std::int64_t target_elements_;
  std::int64_t sizes_[2];
  std::vector<double> pixels_, targets_;
  std::vector<int> labels_;
};

}  // namespace stagecoach::test
