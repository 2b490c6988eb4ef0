// SPDX-License-Identifier: Apache-2.0
// Training and test samples: files or generated, normalised and augmented on the way out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/shape.h"
#include "models/tensor.h"

namespace stagecoach {

enum class DatasetFormat { idx, cifar10, cifar100, glyphs };

struct AugmentSpec {
  int pad = 0;                   ///< zeros (after normalisation) on each side before the crop
  bool random_crop = false;      ///< back to the original size at a random place
  bool horizontal_flip = false;  ///< with probability one half
};

/// The `dataset` part of a workload. Paths are already absolute or relative to the process.
struct DatasetSpec {
  DatasetFormat format = DatasetFormat::glyphs;
  std::vector<std::string> train_images;  ///< idx: one file; cifar: the batch files
  std::vector<std::string> test_images;
  std::string train_labels;  ///< idx only; for mean_squared_error these are the targets
  std::string test_labels;
  std::int64_t train_samples = -1;  ///< cap from the front (glyphs: how many to draw); -1: all
  std::int64_t test_samples = -1;
  bool shuffle = true;
  bool normalize = false;           ///< bytes scaled to [0,1], then (x - mean) / std per channel
  std::vector<double> mean, std;    ///< one per channel, or one for all
  AugmentSpec augment;
  std::uint64_t seed = 1;           ///< of generated data (training.seed does not change the data)
};

enum class Split { train, test };

/// Samples in memory, read-only after loading: any thread may read.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size(Split split) const = 0;
  virtual Shape shape() const = 0;   ///< of one image, [C,H,W] (or [F] for rank-2 IDX files)

  /// Number of classes (1 + the largest label for idx), or 0 when the targets are no class labels
  /// (IDX label file of a float type or of rank above 1).
  virtual int classes() const = 0;
  virtual int label(Split split, std::int64_t index) const = 0;

  /// Dense targets (mean_squared_error): elements per sample (1 for a rank-1 label file), raw
  /// values without scaling.
  virtual std::int64_t target_elements() const = 0;
  virtual void read_target(Split split, std::int64_t index, double* target) const = 0;

  /// Writes one normalised sample into view.sample(0) of a one-sample view of shape() (interior
  /// only). `augment_key` seeds the augmentation of a training sample; 0: none. A view of rank-1
  /// shape takes an image in C,H,W order. Instantiated for float and double.
  virtual void read(Split split, std::int64_t index, std::uint64_t augment_key,
                    View<float> view) const = 0;
  virtual void read(Split split, std::int64_t index, std::uint64_t augment_key,
                    View<double> view) const = 0;
};

/// Loads (or draws) the data. Throws UserError naming the file, what was found and what the format
/// wants: missing or truncated file, wrong magic number, images and labels of different counts,
/// label out of range, mean/std of a wrong length.
std::unique_ptr<Dataset> load_dataset(const DatasetSpec& spec);

/// The order in which an epoch visits the samples: a permutation drawn from (seed, epoch), or the
/// identity. Not thread-safe: owned by the thread that hands out packets.
class SampleOrder {
 public:
  SampleOrder(std::int64_t samples, bool shuffle, std::uint64_t seed);
  std::int64_t at(std::int64_t epoch, std::int64_t position);

 private:
  std::int64_t samples_;
  bool shuffle_;
  std::uint64_t seed_;
  std::int64_t cached_epoch_[2] = {-1, -1};  ///< a pipeline straddles at most two epochs
  std::vector<std::uint32_t> permutation_[2];
};

}  // namespace stagecoach
