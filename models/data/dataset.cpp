// SPDX-License-Identifier: Apache-2.0
// load_dataset: checks what the workload asks for and puts the splits together.
#include "models/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "models/base/error.h"
#include "models/base/random.h"
#include "models/data/cifar.h"
#include "models/data/glyphs.h"
#include "models/data/idx.h"
#include "models/data/memory_dataset.h"
#include "models/data/value_checks.h"

namespace stagecoach {
namespace {

std::string field_name(Split split, const char* what) {
  return std::string(split == Split::train ? "dataset.train_" : "dataset.test_") + what;
}

void check_no_labels(const DatasetSpec& spec, const char* format) {
  if (spec.train_labels.empty() && spec.test_labels.empty()) return;
  throw UserError("dataset.train_labels, dataset.test_labels: format " + std::string(format) +
                  " has its labels beside the images; leave these fields out");
}

void check_no_files(const DatasetSpec& spec, const char* format) {
  if (!spec.train_images.empty() || !spec.test_images.empty()) {
    throw UserError("dataset.train_images, dataset.test_images: format " + std::string(format) +
                    " is generated and reads no files; leave these fields out");
  }
  check_no_labels(spec, format);
}

/// Per-image shape of an IDX file; `role` and `path` for messages.
Shape image_shape(const RawArray& images, const std::string& role, const std::string& path) {
  const std::size_t rank = images.dims.size();
  if (rank > 4) {
    throw UserError(role + ": " + path + ": rank " + std::to_string(rank) +
                    ", images have rank 4 [N,C,H,W], 3 [N,H,W], 2 [N,F] or 1 [N]");
  }
  if (images.item_elements() > std::numeric_limits<int>::max()) {
    throw UserError(role + ": " + path + ": " + std::to_string(images.item_elements()) +
                    " elements in an image, at most 2147483647 are possible");
  }
  const auto dim = [&](std::size_t i) { return static_cast<int>(images.dims[i]); };
  if (rank == 4) return Shape::image(dim(1), dim(2), dim(3));
  if (rank == 3) return Shape::image(1, dim(1), dim(2));
  return Shape::features(rank == 2 ? dim(1) : 1);
}

SplitData load_idx_split(const DatasetSpec& spec, Split split) {
  const bool train = split == Split::train;
  const std::vector<std::string>& paths = train ? spec.train_images : spec.test_images;
  const std::string& labels_path = train ? spec.train_labels : spec.test_labels;
  if (!train && paths.empty() && labels_path.empty()) return {};
  const std::string images_role = field_name(split, "images");
  const std::string labels_role = field_name(split, "labels");
  if (paths.size() != 1) {
    throw UserError(images_role + ": " + std::to_string(paths.size()) +
                    " files, format idx takes exactly one");
  }
  if (labels_path.empty()) throw UserError(labels_role + ": missing, format idx needs it");
  const std::int64_t cap = train ? spec.train_samples : spec.test_samples;
  IdxFile images = read_idx(paths[0], images_role, cap);
  IdxFile labels = read_idx(labels_path, labels_role, cap);
  if (images.items_in_file != labels.items_in_file) {
    throw UserError(labels_role + ": " + labels_path + " has " +
                    std::to_string(labels.items_in_file) + " items, but " + paths[0] + " has " +
                    std::to_string(images.items_in_file) + " images; they must be equal");
  }
  return {std::move(images.array), std::move(labels.array)};
}

struct Loaded {
  SplitData train, test;
  Shape shape;
  LabelFacts labels;
};

std::string item_shape(const RawArray& array) {
  std::string text = "[";
  for (std::size_t i = 1; i < array.dims.size(); ++i) {
    text += (i > 1 ? "," : "") + std::to_string(array.dims[i]);
  }
  return text + "]";
}

/// Training and test targets must have one shape. If one file has a class for each sample and the
/// other a list, the message shows both and blames the lists: most losses take classes.
void check_same_targets(const DatasetSpec& spec, const Loaded& data) {
  const RawArray &train = data.train.targets, &test = data.test.targets;
  const std::string train_shape = item_shape(train), test_shape = item_shape(test);
  if (train_shape == test_shape) return;
  const bool lists_in_train = train.dims.size() > 1, lists_in_test = test.dims.size() > 1;
  if (lists_in_train == lists_in_test) {
    throw UserError("dataset.test_labels: " + spec.test_labels + ": targets of shape " +
                    test_shape + ", those of " + spec.train_labels + " have " + train_shape);
  }
  const std::string& lists = lists_in_train ? spec.train_labels : spec.test_labels;
  const std::string& classes = lists_in_train ? spec.test_labels : spec.train_labels;
  const std::string role = lists_in_train ? "dataset.train_labels" : "dataset.test_labels";
  const RawArray& of_lists = lists_in_train ? train : test;
  throw UserError(role + ": " + lists + ": sample 0 has label " +
                  label_facts(of_lists, {role, lists}).label + ", but " + classes +
                  " has one number for each sample; allowed: one class for each sample in both "
                  "(softmax_cross_entropy), or values for each output in both "
                  "(mean_squared_error)");
}

Loaded load_idx(const DatasetSpec& spec) {
  Loaded data;
  data.train = load_idx_split(spec, Split::train);
  data.test = load_idx_split(spec, Split::test);
  data.shape = image_shape(data.train.images, "dataset.train_images", spec.train_images[0]);
  data.labels = label_facts(data.train.targets, {"dataset.train_labels", spec.train_labels});
  if (data.test.images.items() == 0) return data;
  const Shape test = image_shape(data.test.images, "dataset.test_images", spec.test_images[0]);
  if (test != data.shape) {
    throw UserError("dataset.test_images: " + spec.test_images[0] + ": images of shape " +
                    to_string(test) + ", those of " + spec.train_images[0] + " have " +
                    to_string(data.shape));
  }
  check_same_targets(spec, data);
  const LabelFacts test_labels =
      label_facts(data.test.targets, {"dataset.test_labels", spec.test_labels});
  const bool decides = test_labels.classes == 0 || test_labels.classes > data.labels.classes;
  if (data.labels.classes > 0 && decides) data.labels = test_labels;
  return data;
}

Loaded load_cifar(const DatasetSpec& spec, const CifarFormat& format) {
  check_no_labels(spec, format.name);
  Loaded data;
  data.shape = Shape::image(3, 32, 32);
  data.labels.classes = format.classes;
  data.train = read_cifar(spec.train_images, "dataset.train_images", format, spec.train_samples);
  if (spec.train_images.empty()) {
    throw UserError("dataset.train_images: no files, format " + std::string(format.name) +
                    " needs at least one");
  }
  data.test = read_cifar(spec.test_images, "dataset.test_images", format, spec.test_samples);
  return data;
}

/// Values are looked at once it is known that they can be normalised.
void check_values(const DatasetSpec& spec, const Loaded& data) {
  if (spec.format != DatasetFormat::idx) return check_bytes(data.shape, spec);
  const auto check = [&](const SplitData& split, Split which, const std::string& images,
                         const std::string& labels) {
    if (split.images.items() == 0) return;
    check_images(split.images, data.shape, spec, {field_name(which, "images"), images});
    check_targets(split.targets, {field_name(which, "labels"), labels});
  };
  check(data.train, Split::train, spec.train_images[0], spec.train_labels);
  if (!spec.test_images.empty())
    check(data.test, Split::test, spec.test_images[0], spec.test_labels);
}

/// How many samples to generate; refused above `most`, which memory must hold.
std::int64_t generated_samples(const DatasetSpec& spec, Split split, std::int64_t most) {
  const bool train = split == Split::train;
  const std::int64_t asked = train ? spec.train_samples : spec.test_samples;
  if (asked > most) {
    throw UserError(field_name(split, "samples") + ": " + std::to_string(asked) + ", at most " +
                    std::to_string(most) + " can be generated");
  }
  if (asked >= 0) return asked;
  return train ? kDefaultGeneratedTrain : kDefaultGeneratedTest;
}

Loaded load_glyphs(const DatasetSpec& spec) {
  constexpr std::int64_t kMostGlyphs = 5'000'000;  // 784 bytes each
  check_no_files(spec, "glyphs");
  return {draw_glyphs(generated_samples(spec, Split::train, kMostGlyphs), spec.seed, Split::train),
          draw_glyphs(generated_samples(spec, Split::test, kMostGlyphs), spec.seed, Split::test),
          Shape::image(1, kGlyphSize, kGlyphSize),
          {kGlyphClasses}};
}

/// Few distinct images, so that millions of samples cost no memory to speak of.
SplitData draw_random(const DatasetSpec& spec, Split split) {
  constexpr std::int64_t kDistinctImages = 64;
  constexpr std::int64_t kMostRandom = 500'000'000;  // 4 bytes each
  const std::int64_t samples = generated_samples(spec, split, kMostRandom);
  SplitData data;
  data.images.dims = {std::min(samples, kDistinctImages), spec.shape.elements()};
  data.targets.type = ElementType::i32;
  data.targets.dims = {samples};
  Random random(mix(spec.seed, split == Split::train ? 3 : 4));
  data.images.bytes.resize(
      static_cast<std::size_t>(data.images.items() * data.images.item_elements()));
  for (unsigned char& byte : data.images.bytes) byte = static_cast<unsigned char>(random.next());
  data.targets.bytes.resize(static_cast<std::size_t>(samples) * sizeof(std::int32_t));
  for (std::int64_t i = 0; i < samples; ++i) {
    const auto label =
        static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(spec.classes)));
    std::memcpy(data.targets.bytes.data() + i * sizeof label, &label, sizeof label);
  }
  return data;
}

Loaded load_random(const DatasetSpec& spec) {
  check_no_files(spec, "random");
  if (spec.shape.elements() < 1) {
    throw UserError("dataset.shape: " + to_string(spec.shape) + ", every size must be at least 1");
  }
  if (spec.classes < 1) {
    throw UserError("dataset.classes: " + std::to_string(spec.classes) + ", must be at least 1");
  }
  return {
      draw_random(spec, Split::train), draw_random(spec, Split::test), spec.shape, {spec.classes}};
}

Loaded load(const DatasetSpec& spec) {
  switch (spec.format) {
    case DatasetFormat::idx:
      return load_idx(spec);
    case DatasetFormat::cifar10:
      return load_cifar(spec, kCifar10);
    case DatasetFormat::cifar100:
      return load_cifar(spec, kCifar100);
    case DatasetFormat::glyphs:
      return load_glyphs(spec);
    case DatasetFormat::random:
      return load_random(spec);
  }
  throw ModelBug("unknown DatasetFormat");
}

void check_normalization(const DatasetSpec& spec, const Shape& shape) {
  if (!spec.normalize) return;
  const auto channels = static_cast<std::size_t>(shape.channels);
  for (const auto* list : {&spec.mean, &spec.std}) {
    const std::string field = list == &spec.mean ? "mean" : "std";
    if (list->size() != 1 && list->size() != channels) {
      throw UserError("dataset.normalize." + field + ": " + std::to_string(list->size()) +
                      " numbers, samples of shape " + to_string(shape) + " take 1" +
                      (channels == 1 ? "" : " or " + std::to_string(channels)));
    }
  }
  if (spec.mean.size() != spec.std.size()) {
    throw UserError("dataset.normalize: " + std::to_string(spec.mean.size()) + " means and " +
                    std::to_string(spec.std.size()) + " stds, their numbers must be equal");
  }
  for (std::size_t i = 0; i < spec.std.size(); ++i) {
    if (!std::isfinite(spec.mean[i]) || !std::isfinite(spec.std[i]) || !(spec.std[i] > 0)) {
      throw UserError("dataset.normalize.std: " + std::to_string(spec.std[i]) + " (mean " +
                      std::to_string(spec.mean[i]) +
                      "); a std must be finite and above 0, a mean finite");
    }
  }
}

void check_augmentation(const AugmentSpec& augment, const Shape& shape) {
  const bool wanted = augment.pad != 0 || augment.random_crop || augment.horizontal_flip;
  if (wanted && shape.rank != 3) {
    throw UserError("dataset.augment: samples of shape " + to_string(shape) +
                    " are no images, only images [C,H,W] can be augmented");
  }
  const int most = std::min(shape.height, shape.width);
  if (augment.pad < 0 || augment.pad > most) {
    throw UserError("dataset.augment.pad: " + std::to_string(augment.pad) +
                    ", allowed are 0 to the image's smaller side, " + std::to_string(most));
  }
  if (const std::string issue = crop_issue(augment); !issue.empty())
    throw UserError("dataset.augment: " + issue);
}

void check_counts(const Loaded& data) {
  const std::int64_t train = data.train.targets.items();
  const std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  if (train < 1) throw UserError("dataset.train_samples: 0, training needs at least 1");
  if (train > most) {
    throw UserError("dataset.train_samples: " + std::to_string(train) + ", at most " +
                    std::to_string(most) + " are possible");
  }
}

void check_caps(const DatasetSpec& spec) {
  for (Split split : {Split::train, Split::test}) {
    const std::int64_t asked = split == Split::train ? spec.train_samples : spec.test_samples;
    if (asked < -1) {
      throw UserError(field_name(split, "samples") + ": " + std::to_string(asked) +
                      ", must not be negative");
    }
  }
}

}  // namespace

std::string crop_issue(const AugmentSpec& augment) {
  if (augment.random_crop == (augment.pad > 0)) return "";
  return "pad " + std::to_string(augment.pad) + " and random_crop " +
         (augment.random_crop ? "true" : "false") +
         " change nothing without each other; give both or neither";
}

std::unique_ptr<Dataset> load_dataset(const DatasetSpec& spec) {
  check_caps(spec);
  Loaded data = load(spec);
  check_counts(data);
  check_normalization(spec, data.shape);
  check_augmentation(spec.augment, data.shape);
  check_values(spec, data);
  return std::make_unique<MemoryDataset>(std::move(data.train), std::move(data.test), data.shape,
                                         std::move(data.labels), spec);
}

}  // namespace stagecoach
