// SPDX-License-Identifier: Apache-2.0
// Is a value that no training can use told where it stands, before anything is trained?
#include "models/data/value_checks.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "models/base/error.h"
#include "tests/support/idx_bytes.h"
#include "tests/support/load_failure.h"
#include "tests/support/temp_files.h"

namespace stagecoach {

using Catch::Contains;

namespace {

/// Three images of two elements with one target each, as IDX files.
template <class Image, class Target>
DatasetSpec samples(const TempFiles& files, const std::vector<Image>& images,
                    const std::vector<Target>& targets) {
  DatasetSpec spec;
  spec.format = DatasetFormat::idx;
  spec.train_images = {files.write("images", idx_bytes<Image>({3, 2}, images))};
  spec.train_labels = files.write("labels", idx_bytes<Target>({3}, targets));
  return spec;
}

LabelFacts labels_of(const DatasetSpec& spec) { return load_dataset(spec)->label_facts(); }

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("an image value that is no number is refused with file, sample and value") {
  TempFiles files;
  const std::vector<std::uint8_t> labels = {0, 1, 2};
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    const DatasetSpec train = samples<float>(files, {1, 2, 3, bad, 5, 6}, labels);
    CHECK_THAT(load_failure(train),
               Contains("dataset.train_images: " + train.train_images[0] + ": sample 1 holds ") &&
                   Contains("(element 1)") && Contains("allowed"));
    DatasetSpec test = train;
    test.test_images = test.train_images;
    test.test_labels = test.train_labels;
    test.train_images = {files.write("good", idx_bytes<float>({3, 2}, {1, 2, 3, 4, 5, 6}))};
    CHECK_THAT(load_failure(test),
               Contains("dataset.test_images: ") && Contains("sample 1 holds "));
    // What a cap leaves out is not read.
    test.test_samples = 1;
    CHECK(load_dataset(test)->size(Split::test) == 1);
  }
}

TEST_CASE("a value that fp32 does not hold is refused, as it is and as it is normalised") {
  TempFiles files;
  const std::vector<std::uint8_t> labels = {0, 1, 2};
  CHECK_THAT(load_failure(samples<double>(files, {1, 2, 3, 4, 1e39, 6}, labels)),
             Contains("sample 2 holds 1e+39"));
  DatasetSpec spec = samples<std::uint8_t>(files, {0, 2, 3, 4, 5, 6}, labels);
  spec.normalize = true;
  spec.mean = {0.5};
  spec.std = {1e-39};
  CHECK_THAT(load_failure(spec), Contains("sample 0 holds 0 (element 0), which dataset.normalize"));
  spec.std = {1e-37};
  CHECK_NOTHROW(load_dataset(spec));
}

TEST_CASE("pixels of generated images and of CIFAR are held within fp32, too") {
  DatasetSpec spec;
  spec.train_samples = 2;
  spec.normalize = true;
  for (const DatasetFormat format : {DatasetFormat::glyphs, DatasetFormat::random}) {
    spec.format = format;
    spec.shape = Shape::image(1, 28, 28), spec.classes = 3;
    spec.mean = {0}, spec.std = {1e-39};
    CHECK_THAT(load_failure(spec),
               Contains("dataset.normalize: mean 0 and std 1e-39 take the value 1 of "
                        "a pixel beyond fp32"));
    spec.mean = {1e39}, spec.std = {1};
    CHECK_THAT(load_failure(spec), Contains("take the value 0 of a pixel"));
    spec.mean = {1e39}, spec.std = {1e39};
    CHECK_NOTHROW(load_dataset(spec));
  }
}

TEST_CASE("a target that is no number is refused with file, sample and value") {
  TempFiles files;
  const DatasetSpec spec = samples<float, float>(files, {1, 2, 3, 4, 5, 6}, {1, 2, kNan});
  CHECK_THAT(load_failure(spec), Contains("dataset.train_labels: " + spec.train_labels +
                                          ": sample 2 has target nan; allowed"));
  CHECK_THAT(load_failure(samples<float, double>(files, {1, 2, 3, 4, 5, 6}, {1e300, 2, 3})),
             Contains("sample 0 has target 1e+300"));
}

TEST_CASE("labels say how many classes they are, and which of them decides it") {
  TempFiles files;
  const std::vector<float> images = {1, 2, 3, 4, 5, 6};
  const LabelFacts good = labels_of(samples<float, std::uint8_t>(files, images, {3, 7, 5}));
  CHECK(good.classes == 8);
  CHECK(good.role == "dataset.train_labels");
  CHECK(good.path == files.path("labels"));
  CHECK((good.sample == 1 && good.label == "7"));
  CHECK(labels_of(samples<float, double>(files, images, {3, 7, 5})).classes == 8);
  const LabelFacts negative = labels_of(samples<float, std::int16_t>(files, images, {3, -2, -5}));
  CHECK((negative.classes == 0 && negative.sample == 1 && negative.label == "-2"));
  const LabelFacts part = labels_of(samples<float, float>(files, images, {9, 3, 2.5}));
  CHECK((part.classes == 0 && part.sample == 2 && part.label == "2.5"));
  DatasetSpec spec = samples<float, std::uint8_t>(files, images, {1, 2, 3});
  spec.test_images = spec.train_images;
  spec.test_labels = files.write("test", idx_bytes<std::uint8_t>({3}, {1, 9, 2}));
  const LabelFacts test = labels_of(spec);
  CHECK((test.classes == 10 && test.role == "dataset.test_labels" && test.sample == 1));
  spec.test_images.clear();
  spec.test_labels = "";
  spec.train_labels = files.write("onehot", idx_bytes<std::uint8_t>({3, 2}, {0, 1, 1, 0, 0, 1}));
  const LabelFacts one_hot = labels_of(spec);
  CHECK((one_hot.classes == 0 && one_hot.sample == 0 && one_hot.label == "[0, 1]"));
}

}  // namespace stagecoach
