// SPDX-License-Identifier: Apache-2.0
// Copying samples out of memory, channel planes in, channels last out.
#include "models/data/memory_dataset.h"

#include <algorithm>
#include <string>
#include <utility>

#include "models/base/error.h"
#include "models/base/random.h"

namespace stagecoach {
namespace {

/// Where the pixels of an augmented image come from: output (y, x) shows input
/// (y + row_shift, (flip ? width - 1 - x : x) + column_shift), or zero outside the input.
struct Placement {
  int row_shift = 0;
  int column_shift = 0;
  bool flip = false;
};

Placement draw_placement(const AugmentSpec& augment, std::uint64_t key) {
  Placement place;
  if (key == 0) return place;
  Random random(key);
  if (augment.random_crop) {
    const auto places = static_cast<std::uint64_t>(2 * augment.pad + 1);
    place.row_shift = static_cast<int>(random.below(places)) - augment.pad;
    place.column_shift = static_cast<int>(random.below(places)) - augment.pad;
  }
  if (augment.horizontal_flip) place.flip = random.below(2) == 1;
  return place;
}

/// One row of one channel: `from` is the input row, null when it lies outside.
template <class E, class T>
void copy_row(const E* /*type*/, const unsigned char* from, int width, const Placement& place,
              std::size_t channel, const Normalizer<T>& value, T* to, std::int64_t step) {
  for (int x = 0; x < width; ++x) {
    const int column = (place.flip ? width - 1 - x : x) + place.column_shift;
    const bool inside = from && column >= 0 && column < width;
    to[x * step] =
        inside ? value(load_element<E>(from + column * sizeof(E)), channel) : static_cast<T>(0);
  }
}

/// Copies an item in C,H,W order of `shape`. With strides of (1, width, height x width) elements
/// the output is in that order too.
template <class E, class T>
void copy_image(const unsigned char* from, const Shape& shape, const Placement& place,
                const Normalizer<T>& value, T* to, std::int64_t column_step, std::int64_t row_step,
                std::int64_t channel_step) {
  const std::int64_t row_bytes = shape.width * static_cast<std::int64_t>(sizeof(E));
  for (int c = 0; c < shape.channels; ++c) {
    for (int y = 0; y < shape.height; ++y) {
      const int row = y + place.row_shift;
      const bool inside = row >= 0 && row < shape.height;
      const unsigned char* source =
          inside ? from + (std::int64_t{c} * shape.height + row) * row_bytes : nullptr;
      copy_row(static_cast<const E*>(nullptr), source, shape.width, place,
               static_cast<std::size_t>(c), value, to + c * channel_step + y * row_step,
               column_step);
    }
  }
}

}  // namespace

template <class T>
Normalizer<T>::Normalizer(const std::vector<double>& mean, const std::vector<double>& std)
    : mean_(mean), std_(std), byte_values_(std::max<std::size_t>(1, mean.size())) {
  for (std::size_t c = 0; c < byte_values_.size(); ++c) {
    for (int x = 0; x < 256; ++x) {
      const double value = mean.empty() ? x : (x / 255.0 - mean[c]) / std[c];
      byte_values_[c][static_cast<std::size_t>(x)] = static_cast<T>(value);
    }
  }
}

template class Normalizer<float>;
template class Normalizer<double>;

MemoryDataset::MemoryDataset(SplitData train, SplitData test, const Shape& shape, LabelFacts labels,
                             const DatasetSpec& spec)
    : train_(std::move(train)),
      test_(std::move(test)),
      shape_(shape),
      labels_(std::move(labels)),
      augment_(spec.augment),
      normalizer_f32_(spec.normalize ? spec.mean : std::vector<double>{}, spec.std),
      normalizer_f64_(spec.normalize ? spec.mean : std::vector<double>{}, spec.std) {}

void MemoryDataset::check_index(Split split, std::int64_t index) const {
  if (index < 0 || index >= size(split)) {
    throw ModelBug("sample " + std::to_string(index) + " of a split of " +
                   std::to_string(size(split)));
  }
}

int MemoryDataset::label(Split split, std::int64_t index) const {
  check_index(split, index);
  if (labels_.classes == 0)
    throw ModelBug("label() of a data set whose targets are no class labels");
  double target = 0;
  read_target(split, index, &target);
  return static_cast<int>(target);
}

void MemoryDataset::read_target(Split split, std::int64_t index, double* target) const {
  check_index(split, index);
  const RawArray& targets = data(split).targets;
  const std::int64_t count = targets.item_elements();
  const unsigned char* item = targets.item(index);
  with_element_type(targets.type, [&](auto element) {
    using E = decltype(element);
    for (std::int64_t i = 0; i < count; ++i) {
      target[i] = static_cast<double>(load_element<E>(item + i * sizeof(E)));
    }
  });
}

template <class T>
void MemoryDataset::read_as(Split split, std::int64_t index, std::uint64_t augment_key,
                            View<T> view, const Normalizer<T>& normalizer) const {
  check_index(split, index);
  const RawArray& images = data(split).images;
  const unsigned char* item = images.item(index % images.items());
  const Placement place =
      split == Split::train ? draw_placement(augment_, augment_key) : Placement{};
  const bool flat = view.height == 1 && view.width == 1 && view.channels == shape_.elements();
  const bool same = view.channels == shape_.channels && view.height == shape_.height &&
                    view.width == shape_.width;
  const bool unflat =
      shape_.rank == 1 &&
      std::int64_t{1} * view.channels * view.height * view.width == shape_.elements();
  if (!flat && !same && !unflat) {
    throw ModelBug("a view of [" + std::to_string(view.channels) + "," +
                   std::to_string(view.height) + "," + std::to_string(view.width) +
                   "] for samples of shape " + to_string(shape_));
  }
  with_element_type(images.type, [&](auto element) {
    using E = decltype(element);
    if (same) {
      copy_image<E, T>(item, shape_, place, normalizer, view.data, view.pixel_stride,
                       view.row_stride, 1);
    } else if (flat) {
      copy_image<E, T>(item, shape_, place, normalizer, view.data, 1, shape_.width,
                       shape_.pixels());
    } else {
      for (std::int64_t i = 0; i < shape_.elements(); ++i) {
        const std::int64_t pixels = std::int64_t{1} * view.height * view.width;
        const int y = static_cast<int>(i % pixels / view.width);
        view.pixel(0, y, static_cast<int>(i % view.width))[i / pixels] =
            normalizer(load_element<E>(item + i * sizeof(E)), static_cast<std::size_t>(i));
      }
    }
  });
}

void MemoryDataset::read(Split split, std::int64_t index, std::uint64_t augment_key,
                         View<float> view) const {
  read_as(split, index, augment_key, view, normalizer_f32_);
}

void MemoryDataset::read(Split split, std::int64_t index, std::uint64_t augment_key,
                         View<double> view) const {
  read_as(split, index, augment_key, view, normalizer_f64_);
}

}  // namespace stagecoach
