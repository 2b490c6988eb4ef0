// SPDX-License-Identifier: Apache-2.0
// A Dataset over arrays in memory: samples stay as compact as the file had them, and are scaled,
// normalised and augmented while they are copied into the engine's layout.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "models/data/dataset.h"
#include "models/data/raw_array.h"

namespace stagecoach {

/// Images and targets of one split. Both have the split's number of items, except that images may
/// be fewer (random data): sample i then shows image i modulo their number.
struct SplitData {
  RawArray images;   ///< u8 of CIFAR and glyphs: C,H,W order
  RawArray targets;  ///< labels, or dense targets of any element type and rank
};

/// Turns stored elements into values: (x - mean) / std per channel with bytes scaled to [0,1], or
/// the raw value.
template <class T>
class Normalizer {
 public:
  /// `mean` and `std` both empty: raw values. Otherwise one entry for all channels, or one each.
  Normalizer(const std::vector<double>& mean, const std::vector<double>& std);

  T operator()(std::uint8_t x, std::size_t channel) const {
    return byte_values_[channel < byte_values_.size() ? channel : 0][x];
  }
  template <class E>
  T operator()(E x, std::size_t channel) const {
    if (mean_.empty()) return static_cast<T>(x);
    const std::size_t c = channel < mean_.size() ? channel : 0;
    return static_cast<T>((static_cast<double>(x) - mean_[c]) / std_[c]);
  }

 private:
  std::vector<double> mean_, std_;
  std::vector<std::array<T, 256>> byte_values_;  // per channel, or one for all
};

class MemoryDataset : public Dataset {
 public:
  /// `shape` is that of one image; its elements are those of one item of `images`. The spec's
  /// normalisation and augmentation must have been checked.
  MemoryDataset(SplitData train, SplitData test, const Shape& shape, LabelFacts labels,
                const DatasetSpec& spec);

  std::int64_t size(Split split) const override { return data(split).targets.items(); }
  Shape shape() const override { return shape_; }
  int classes() const override { return labels_.classes; }
  LabelFacts label_facts() const override { return labels_; }
  int label(Split split, std::int64_t index) const override;
  std::int64_t target_elements() const override { return train_.targets.item_elements(); }
  void read_target(Split split, std::int64_t index, double* target) const override;
  void read(Split split, std::int64_t index, std::uint64_t augment_key,
            View<float> view) const override;
  void read(Split split, std::int64_t index, std::uint64_t augment_key,
            View<double> view) const override;

 private:
  const SplitData& data(Split split) const { return split == Split::train ? train_ : test_; }
  void check_index(Split split, std::int64_t index) const;
  template <class T>
  void read_as(Split split, std::int64_t index, std::uint64_t augment_key, View<T> view,
               const Normalizer<T>& normalizer) const;

  SplitData train_, test_;
  Shape shape_;
  LabelFacts labels_;
  AugmentSpec augment_;
  Normalizer<float> normalizer_f32_;
  Normalizer<double> normalizer_f64_;
};

}  // namespace stagecoach
