// SPDX-License-Identifier: Apache-2.0
// Are CIFAR records cut right, and read fast enough not to show beside training?
#include "models/data/cifar.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "models/base/error.h"
#include "models/data/dataset.h"
#include "paths.h"
#include "tests/support/load_failure.h"
#include "tests/support/temp_files.h"

namespace stagecoach {

using Catch::Contains;

namespace {

constexpr int kPlane = 32 * 32;

/// Records of the given labels (all label bytes of a record, in order); byte j of image i is
/// (i + j / 8) modulo 256, so that planes, rows and images differ.
std::string records(const std::vector<std::string>& labels) {
  std::string bytes;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    bytes += labels[i];
    for (std::size_t j = 0; j < 3 * kPlane; ++j) bytes += static_cast<char>(i + j / 8);
  }
  return bytes;
}

DatasetSpec cifar10(const std::vector<std::string>& train, const std::vector<std::string>& test) {
  DatasetSpec spec;
  spec.format = DatasetFormat::cifar10;
  spec.train_images = train;
  spec.test_images = test;
  return spec;
}

}  // namespace

TEST_CASE("CIFAR-10 records come in order over the files, planes as channels") {
  TempFiles files;
  const std::string one = files.write("one", records({"\x03", "\x09"}));
  const std::string two = files.write_gzip("two", records({std::string(1, '\0'), "\x05", "\x01"}));
  const auto data = load_dataset(cifar10({one, two}, {one}));
  REQUIRE(data->size(Split::train) == 5);
  CHECK(data->size(Split::test) == 2);
  CHECK(data->classes() == 10);
  CHECK(data->shape() == Shape::image(3, 32, 32));
  const std::vector<int> labels = {3, 9, 0, 5, 1};
  for (int i = 0; i < 5; ++i) {
    CHECK(data->label(Split::train, i) == labels[static_cast<std::size_t>(i)]);
  }
  const Layout<float> layout(data->shape(), 0);
  Buffer<float> buffer(layout.size(1));
  const View<float> view = layout.view(buffer.data(), 1);
  data->read(Split::train, 4, 0, view);  // the third image of its file
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        REQUIRE(view.pixel(0, y, x)[c] == (2 + (c * kPlane + y * 32 + x) / 8) % 256);
      }
    }
  }
}

TEST_CASE("CIFAR-100 uses the second of its two labels") {
  TempFiles files;
  DatasetSpec spec = cifar10({files.write("f", records({"\x13\x63", "\x02\x07"}))}, {});
  spec.format = DatasetFormat::cifar100;
  const auto data = load_dataset(spec);
  CHECK(data->classes() == 100);
  CHECK(data->label(Split::train, 0) == 99);
  CHECK(data->label(Split::train, 1) == 7);
  CHECK(data->size(Split::test) == 0);
}

TEST_CASE("caps of CIFAR data count over all files") {
  TempFiles files;
  const std::string one = files.write("one", records({"\x03", "\x09"}));
  const std::string two = files.write("two", records({"\x04", "\x05"}));
  DatasetSpec spec = cifar10({one, two}, {two, one});
  spec.train_samples = 3;
  spec.test_samples = 1;
  const auto data = load_dataset(spec);
  REQUIRE(data->size(Split::train) == 3);
  CHECK(data->label(Split::train, 2) == 4);
  REQUIRE(data->size(Split::test) == 1);
  CHECK(data->label(Split::test, 0) == 4);
  spec.train_images[1] = files.path("gone");  // missing although the cap could do without it
  spec.train_samples = 1;
  CHECK_THAT(load_failure(spec),
             Contains("dataset.train_images: " + files.path("gone")) && Contains("no such file"));
}

TEST_CASE("packed CIFAR files are whole to their end or refused, however little is used") {
  TempFiles files;
  const std::string good = records({"\x03", "\x09"});
  files.write_gzip("whole", good);
  files.write_gzip("short", good.substr(0, good.size() - 1));
  const std::string whole = files.read("whole"), more = files.write("more", good);
  const auto with = [&](const std::string& content, std::int64_t cap) {
    DatasetSpec spec = cifar10({more, files.write("packed", content)}, {});
    spec.train_samples = cap;
    return load_failure(spec);
  };
  for (const std::int64_t cap : {1, 2, 3}) {
    CAPTURE(cap);
    CHECK_THAT(with(whole + "junk", cap), Contains("4 more follow it"));
    CHECK_THAT(with(whole.substr(0, whole.size() - 1), cap), Contains("truncated"));
    CHECK_THAT(with(files.read("short"), cap), Contains("6145 bytes, cifar10 files are whole"));
  }
}

TEST_CASE("CIFAR files that are cut, empty, of another kind or mislabelled are refused") {
  TempFiles files;
  const std::string good = records({"\x03", "\x09"});
  const auto with = [&](const std::string& path) { return load_failure(cifar10({path}, {})); };
  CHECK_THAT(with(files.write("cut", good.substr(0, 6000))),
             Contains("truncated") && Contains("6000 bytes") && Contains("records of 3073 bytes"));
  CHECK_THAT(with(files.write_gzip("cut.gz", good.substr(0, 6000))),
             Contains("truncated") && Contains("6000 bytes"));
  CHECK_THAT(with(files.write("empty", "")), Contains("0 bytes"));
  CHECK_THAT(with(files.write_gzip("empty.gz", "")), Contains("0 bytes"));
  CHECK_THAT(with(files.write("label", records({"\x03", "\x0a"}))),
             Contains("record 1 has label 10, allowed are 0 to 9"));
  CHECK_THAT(load_failure(cifar10({}, {})), Contains("dataset.train_images: no files"));
  DatasetSpec spec = cifar10({files.write("good", good)}, {});
  spec.train_labels = "labels";
  CHECK_THAT(load_failure(spec), Contains("has its labels beside the images"));
  spec.train_labels = "";
  spec.format = DatasetFormat::cifar100;
  CHECK_THAT(load_failure(spec), Contains("records of 3074 bytes"));
}

TEST_CASE("the real CIFAR-10 files have their published counts, mean and deviation") {
  const std::filesystem::path folder =
      std::filesystem::path(STAGECOACH_SOURCE_DIR) / ".." / "shared" / "data" / "cifar-10";
  if (!std::filesystem::exists(folder / "data_batch_1.bin")) {
    std::cout << "skipped: no CIFAR-10 files in " << folder << "\n";
    return;
  }
  DatasetSpec spec = cifar10({}, {(folder / "test_batch.bin").string()});
  for (int i = 1; i <= 5; ++i) {
    spec.train_images.push_back((folder / ("data_batch_" + std::to_string(i) + ".bin")).string());
  }
  spec.normalize = true;
  spec.mean = {0.4914, 0.4822, 0.4465};
  spec.std = {0.2470, 0.2435, 0.2616};
  const auto data = load_dataset(spec);
  REQUIRE(data->size(Split::train) == 50000);
  REQUIRE(data->size(Split::test) == 10000);
  std::vector<int> count(10, 0);
  for (int i = 0; i < 50000; ++i) ++count[static_cast<std::size_t>(data->label(Split::train, i))];
  for (int n : count) CHECK(n == 5000);
  const Layout<float> layout(data->shape(), 0);
  Buffer<float> buffer(layout.size(1));
  const View<float> view = layout.view(buffer.data(), 1);
  double sum[3] = {}, squares[3] = {};
  for (int i = 0; i < 50000; i += 10) {
    data->read(Split::train, i, 0, view);
    for (int p = 0; p < kPlane; ++p) {
      for (int c = 0; c < 3; ++c) {
        const double value = view.pixel(0, p / 32, p % 32)[c];
        sum[c] += value;
        squares[c] += value * value;
      }
    }
  }
  for (int c = 0; c < 3; ++c) {
    // A tenth of the images: the mean of 5000 images strays by about 0.007.
    CHECK(std::abs(sum[c] / (5000.0 * kPlane)) < 0.03);
    CHECK(squares[c] / (5000.0 * kPlane) == Approx(1.0).margin(0.04));
  }
}

}  // namespace stagecoach
