// SPDX-License-Identifier: Apache-2.0
// What reading one augmented, normalised CIFAR image costs: it must stay little beside training on
// it.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "models/data/dataset.h"

namespace stagecoach {
namespace {

void read_augmented_cifar(benchmark::State& state) {
  constexpr int kImages = 64, kBytes = 1 + 3 * 32 * 32;
  const std::string path =
      (std::filesystem::temp_directory_path() / "stagecoach_data_bench.bin").string();
  std::ofstream(path, std::ios::binary) << std::string(kImages * kBytes, '\3');
  DatasetSpec spec;
  spec.format = DatasetFormat::cifar10;
  spec.train_images = {path};
  spec.normalize = true;
  spec.mean = {0.4914, 0.4822, 0.4465};
  spec.std = {0.2470, 0.2435, 0.2616};
  spec.augment = {4, true, true};
  const auto data = load_dataset(spec);
  std::remove(path.c_str());
  const Layout<float> layout(data->shape(), 1);
  Buffer<float> buffer(layout.size(1));
  const View<float> view = layout.view(buffer.data(), 1);
  std::uint64_t key = 1;
  for (auto _ : state) {
    data->read(Split::train, static_cast<std::int64_t>(key % kImages), key, view);
    ++key;
  }
}
BENCHMARK(read_augmented_cifar)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace stagecoach
