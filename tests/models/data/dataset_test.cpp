// SPDX-License-Identifier: Apache-2.0
// Does load_dataset hand out the right values in the right places, and refuse what it should?
#include "models/data/dataset.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "models/base/error.h"
#include "tests/support/idx_bytes.h"
#include "tests/support/load_failure.h"
#include "tests/support/temp_files.h"

namespace stagecoach {

using Catch::Contains;

namespace {

/// Two images of 2 channels, 3 rows, 2 columns with labels, as IDX of element type E.
template <class E>
DatasetSpec two_images(const TempFiles& files) {
  std::vector<E> values;
  for (int i = 0; i < 24; ++i) values.push_back(static_cast<E>(i));
  DatasetSpec spec;
  spec.format = DatasetFormat::idx;
  spec.train_images = {files.write("images", idx_bytes<E>({2, 2, 3, 2}, values))};
  spec.train_labels = files.write("labels", idx_bytes<std::uint8_t>({2}, {4, 1}));
  return spec;
}

/// Reads into a view with a halo; checks that nothing but the interior's real channels changes.
template <class T>
std::vector<T> read_image(const Dataset& data, std::int64_t index, const Shape& shape,
                          std::uint64_t key = 0) {
  const T untouched = static_cast<T>(-12345);
  const Layout<T> layout(shape, 1);
  Buffer<T> buffer(layout.size(1));
  std::fill_n(buffer.data(), buffer.size(), untouched);
  const View<T> view = layout.view(buffer.data(), 1);
  data.read(Split::train, index, key, view);
  std::vector<T> values;
  for (int c = 0; c < shape.channels; ++c) {
    for (int y = 0; y < shape.height; ++y) {
      for (int x = 0; x < shape.width; ++x) {
        T& value = view.pixel(0, y, x)[c];
        REQUIRE(value != untouched);
        values.push_back(value);
        value = untouched;
      }
    }
  }
  for (std::int64_t i = 0; i < buffer.size(); ++i) REQUIRE(buffer.data()[i] == untouched);
  return values;
}

}  // namespace

TEMPLATE_TEST_CASE("without normalize the values are the file's", "", std::uint8_t, std::int8_t,
                   std::int16_t, std::int32_t, float, double) {
  TempFiles files;
  const auto data = load_dataset(two_images<TestType>(files));
  CHECK(data->size(Split::train) == 2);
  CHECK(data->size(Split::test) == 0);
  CHECK(data->shape() == Shape::image(2, 3, 2));
  CHECK(data->classes() == 5);
  CHECK(data->label(Split::train, 0) == 4);
  CHECK(data->label(Split::train, 1) == 1);
  CHECK(data->target_elements() == 1);
  for (int image = 0; image < 2; ++image) {
    const auto f32 = read_image<float>(*data, image, data->shape());
    const auto f64 = read_image<double>(*data, image, data->shape());
    for (int i = 0; i < 12; ++i) {
      CHECK(f32[static_cast<std::size_t>(i)] == static_cast<float>(12 * image + i));
      CHECK(f64[static_cast<std::size_t>(i)] == static_cast<double>(12 * image + i));
    }
  }
}

TEST_CASE("normalize scales unsigned bytes to [0,1] first, and other types not") {
  TempFiles files;
  DatasetSpec bytes = two_images<std::uint8_t>(files);
  bytes.normalize = true;
  bytes.mean = {0.5, 0.25};
  bytes.std = {0.1, 2.0};
  const auto scaled = read_image<double>(*load_dataset(bytes), 1, Shape::image(2, 3, 2));
  CHECK(scaled[0] == (12 / 255.0 - 0.5) / 0.1);
  CHECK(scaled[11] == (23 / 255.0 - 0.25) / 2.0);
  CHECK(read_image<float>(*load_dataset(bytes), 1, Shape::image(2, 3, 2))[0] ==
        static_cast<float>(scaled[0]));
  TempFiles more;
  DatasetSpec floats = two_images<float>(more);
  floats.normalize = true;
  floats.mean = {1.0};
  floats.std = {4.0};
  const auto values = read_image<double>(*load_dataset(floats), 0, Shape::image(2, 3, 2));
  CHECK(values[0] == -0.25);
  CHECK(values[11] == 2.5);
}

TEST_CASE("an image read into a flat view comes in C,H,W order, and features into an image") {
  TempFiles files;
  const auto data = load_dataset(two_images<std::uint8_t>(files));
  const auto flat = read_image<float>(*data, 0, Shape::features(12));
  for (int i = 0; i < 12; ++i) CHECK(flat[static_cast<std::size_t>(i)] == static_cast<float>(i));
  DatasetSpec spec = two_images<std::uint8_t>(files);
  std::vector<float> values;
  for (int i = 0; i < 24; ++i) values.push_back(static_cast<float>(i));
  spec.train_images = {files.write("features", idx_bytes<float>({2, 12}, values))};
  const auto features = load_dataset(spec);
  CHECK(features->shape() == Shape::features(12));
  const auto image = read_image<double>(*features, 1, Shape::image(2, 3, 2));
  for (int i = 0; i < 12; ++i) CHECK(image[static_cast<std::size_t>(i)] == 12.0 + i);
  CHECK_THROWS_AS(read_image<float>(*data, 0, Shape::image(3, 2, 2)), ModelBug);
  CHECK_THROWS_AS(read_image<float>(*data, 2, data->shape()), ModelBug);
}

TEST_CASE("the rank of the image file gives the shape") {
  TempFiles files;
  DatasetSpec spec = two_images<std::uint8_t>(files);
  spec.train_images = {files.write("r3", idx_bytes<std::uint8_t>({2, 3, 1}, {1, 2, 3, 4, 5, 6}))};
  CHECK(load_dataset(spec)->shape() == Shape::image(1, 3, 1));
  spec.train_images = {files.write("r1", idx_bytes<double>({2}, {0.5, -1.5}))};
  CHECK(load_dataset(spec)->shape() == Shape::features(1));
  spec.train_images = {files.write("r5", idx_bytes<std::uint8_t>({2, 1, 1, 1, 1}, {1, 2}))};
  CHECK_THAT(load_failure(spec), Contains("r5: rank 5, images have rank 4"));
}

TEST_CASE("targets may have any element type and rank, and are then no class labels") {
  TempFiles files;
  DatasetSpec spec = two_images<std::uint8_t>(files);
  spec.train_labels = files.write("t", idx_bytes<float>({2, 2, 2}, {1, 2, 3, 4, -5, 6.5f, 7, 8}));
  const auto data = load_dataset(spec);
  CHECK(data->classes() == 0);
  CHECK(data->target_elements() == 4);
  double target[4];
  data->read_target(Split::train, 1, target);
  CHECK(target[0] == -5.0);
  CHECK(target[1] == 6.5);
  CHECK(target[3] == 8.0);
  CHECK_THROWS_AS(data->label(Split::train, 0), ModelBug);
  spec.train_labels = files.write("t", idx_bytes<std::int16_t>({2}, {-1, 3}));
  CHECK(load_dataset(spec)->classes() == 0);
  spec.train_labels = files.write("t", idx_bytes<std::int32_t>({2}, {2147483647, 3}));
  CHECK(load_dataset(spec)->classes() == 0);
}

TEST_CASE("caps keep the front of both splits, and a larger cap than the file changes nothing") {
  TempFiles files;
  DatasetSpec spec = two_images<std::uint8_t>(files);
  spec.test_images = spec.train_images;
  spec.test_labels = spec.train_labels;
  spec.train_samples = 1;
  spec.test_samples = 100;
  const auto data = load_dataset(spec);
  CHECK(data->size(Split::train) == 1);
  CHECK(data->size(Split::test) == 2);
  CHECK(data->label(Split::train, 0) == 4);
}

TEST_CASE("the four files of a data set must fit together") {
  TempFiles files;
  const DatasetSpec good = two_images<std::uint8_t>(files);
  DatasetSpec spec = good;
  spec.train_labels = files.write("three", idx_bytes<std::uint8_t>({3}, {1, 2, 3}));
  CHECK_THAT(load_failure(spec), Contains("three has 3 items") && Contains("has 2 images"));
  spec.train_samples = 1;  // found although the cap hides it
  CHECK_THAT(load_failure(spec), Contains("three has 3 items"));
  spec = good;
  spec.train_labels = "";
  CHECK_THAT(load_failure(spec), Contains("dataset.train_labels: missing"));
  spec = good;
  spec.train_images.push_back(spec.train_images[0]);
  CHECK_THAT(load_failure(spec), Contains("2 files, format idx takes exactly one"));
  spec = good;
  spec.train_images.clear();
  CHECK_THAT(load_failure(spec), Contains("0 files"));
  spec = good;
  spec.test_images = {
      files.write("small", idx_bytes<std::uint8_t>({2, 2, 3, 1}, std::vector<std::uint8_t>(12)))};
  spec.test_labels = good.train_labels;
  CHECK_THAT(load_failure(spec), Contains("small: images of shape [2,3,1]") && Contains("[2,3,2]"));
  spec.test_images = good.train_images;
  spec.test_labels = files.write("wide", idx_bytes<std::uint8_t>({2, 2}, {1, 2, 3, 4}));
  const std::string one_number =
      "one has one number for each sample; allowed: one class for each sample in both";
  spec.train_labels = files.write("one", idx_bytes<std::uint8_t>({2}, {0, 1}));
  CHECK_THAT(load_failure(spec),
             Contains("test_labels") && Contains("wide: sample 0 has label [1, 2], but"));
  CHECK_THAT(load_failure(spec), Contains(one_number));
  std::swap(spec.train_labels, spec.test_labels);
  CHECK_THAT(load_failure(spec),
             Contains("train_labels") && Contains("wide: sample 0 has label [1, 2], but"));
  CHECK_THAT(load_failure(spec), Contains(one_number));
  spec.test_labels = files.write("wider", idx_bytes<std::uint8_t>({2, 3}, {1, 2, 3, 4, 5, 6}));
  CHECK_THAT(load_failure(spec), Contains("wider: targets of shape [3]") && Contains("have [2]"));
  spec.test_labels = "";
  CHECK_THAT(load_failure(spec), Contains("dataset.test_labels: missing"));
}

TEST_CASE("normalisation that does not fit the data is refused") {
  TempFiles files;
  DatasetSpec spec = two_images<std::uint8_t>(files);
  spec.normalize = true;
  const auto with = [&](std::vector<double> mean, std::vector<double> std) {
    spec.mean = std::move(mean);
    spec.std = std::move(std);
    return load_failure(spec);
  };
  CHECK_THAT(with({1, 2, 3}, {1}), Contains("normalize.mean: 3 numbers") && Contains("1 or 2"));
  CHECK_THAT(with({1}, {}), Contains("normalize.std: 0 numbers"));
  CHECK_THAT(with({1}, {1, 2}), Contains("1 means and 2 stds"));
  CHECK_THAT(with({1}, {0}), Contains("must be finite and above 0"));
  CHECK_THAT(with({1}, {-1}), Contains("must be finite and above 0"));
}

TEST_CASE("augmentation that does not fit the data or would change nothing is refused") {
  TempFiles files;
  DatasetSpec spec = two_images<std::uint8_t>(files);
  const auto with = [&](int pad, bool crop, bool flip) {
    spec.augment = {pad, crop, flip};
    return load_failure(spec);
  };
  CHECK_THAT(with(3, true, false), Contains("augment.pad: 3") && Contains("0 to") && Contains("2"));
  CHECK_THAT(with(-1, true, false), Contains("augment.pad: -1"));
  CHECK_THAT(with(1, false, false), Contains("pad 1 and random_crop false change nothing"));
  CHECK_THAT(with(0, true, false), Contains("pad 0 and random_crop true change nothing"));
  spec.train_images = {files.write("flat", idx_bytes<std::uint8_t>({2, 2}, {1, 2, 3, 4}))};
  CHECK_THAT(with(0, false, true), Contains("are no images"));
}

TEST_CASE("crop and flip show every placement, zeros outside, and depend on the key alone") {
  TempFiles files;
  DatasetSpec spec = two_images<std::uint8_t>(files);
  spec.augment = {1, true, true};
  const auto data = load_dataset(spec);
  const Shape shape = data->shape();
  const auto plain = read_image<float>(*data, 1, shape);
  std::vector<int> seen(18, 0);
  for (std::uint64_t key = 1; key <= 900; ++key) {
    const auto drawn = read_image<float>(*data, 1, shape, key);
    CHECK(drawn == read_image<float>(*data, 1, shape, key));
    int matches = 0;
    for (int place = 0; place < 18; ++place) {
      const int down = place / 6 - 1, right = place / 2 % 3 - 1;
      std::vector<float> expected;
      for (int c = 0; c < 2; ++c) {
        for (int y = 0; y < 3; ++y) {
          for (int x = 0; x < 2; ++x) {
            const int row = y + down, column = (place % 2 ? 1 - x : x) + right;
            const bool inside = row >= 0 && row < 3 && column >= 0 && column < 2;
            expected.push_back(inside ? plain[static_cast<std::size_t>(6 * c + 2 * row + column)]
                                      : 0.0f);
          }
        }
      }
      if (drawn == expected) ++seen[static_cast<std::size_t>(place)], ++matches;
    }
    CHECK(matches == 1);
  }
  for (int n : seen) CHECK(std::abs(n - 50) < 36);  // standard deviation 6.9; five of them
}

TEST_CASE("padding is zero after normalisation, and key 0 augments nothing") {
  TempFiles files;
  DatasetSpec spec = two_images<std::uint8_t>(files);
  spec.normalize = true;
  spec.mean = {0.5};
  spec.std = {0.25};
  const auto plain = read_image<float>(*load_dataset(spec), 0, Shape::image(2, 3, 2));
  spec.augment = {2, true, false};
  const auto data = load_dataset(spec);
  CHECK(read_image<float>(*data, 0, data->shape(), 0) == plain);
  bool padded = false;
  for (std::uint64_t key = 1; key < 50; ++key) {
    for (float value : read_image<float>(*data, 0, data->shape(), key)) padded |= value == 0.0f;
  }
  CHECK(padded);
}

TEST_CASE("generated data takes no files, and counts come from the caps or the defaults") {
  DatasetSpec spec;
  spec.format = DatasetFormat::glyphs;
  spec.train_samples = 30;
  spec.test_samples = 0;
  const auto data = load_dataset(spec);
  CHECK(data->size(Split::train) == 30);
  CHECK(data->size(Split::test) == 0);
  CHECK(data->classes() == 10);
  CHECK(data->shape() == Shape::image(1, 28, 28));
  spec.test_samples = -1;
  CHECK(load_dataset(spec)->size(Split::test) == kDefaultGeneratedTest);
  spec.train_samples = 0;
  CHECK_THAT(load_failure(spec), Contains("dataset.train_samples: 0"));
  spec.train_samples = -2;
  CHECK_THAT(load_failure(spec), Contains("must not be negative"));
  spec.train_samples = std::int64_t{1} << 60;
  CHECK_THAT(load_failure(spec), Contains("at most 5000000 can be generated"));
  spec.train_samples = 5;
  spec.train_labels = "labels";
  CHECK_THAT(load_failure(spec), Contains("leave these fields out"));
  spec.train_labels = "";
  spec.train_images = {"images"};
  CHECK_THAT(load_failure(spec), Contains("reads no files"));
}

TEST_CASE("random data has the shape, classes and count asked for, whatever the count costs") {
  DatasetSpec spec;
  spec.format = DatasetFormat::random;
  spec.shape = Shape::image(3, 8, 9);
  spec.classes = 1000;
  spec.train_samples = 1281167;
  spec.test_samples = 10;
  const auto data = load_dataset(spec);
  CHECK(data->size(Split::train) == 1281167);
  CHECK(data->shape() == spec.shape);
  CHECK(data->classes() == 1000);
  const int label = data->label(Split::train, 1281166);
  CHECK((label >= 0 && label < 1000));
  CHECK(read_image<float>(*data, 1281166, spec.shape) ==
        read_image<float>(*load_dataset(spec), 1281166, spec.shape));
  CHECK(read_image<float>(*data, 0, spec.shape) != read_image<float>(*data, 1, spec.shape));
  spec.classes = 0;
  CHECK_THAT(load_failure(spec), Contains("dataset.classes: 0"));
  spec.classes = 2;
  spec.shape = Shape::image(3, 0, 9);
  CHECK_THAT(load_failure(spec), Contains("dataset.shape: [3,0,9]"));
}

}  // namespace stagecoach
