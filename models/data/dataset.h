// SPDX-License-Identifier: Apache-2.0
// Training and test samples: files or generated, normalised and augmented on the way out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/base/shape.h"
#include "models/base/tensor.h"

namespace stagecoach {

enum class DatasetFormat {
  idx,       ///< the format of MNIST's files; any element type, gzip-compressed or not
  cifar10,   ///< binary version: records of one label byte and 3x32x32 bytes
  cifar100,  ///< the same with a coarse label before the fine one; the fine one is used
  glyphs,    ///< drawn: ten digits of 28x28 grey bytes (models/data/glyphs.h)
  random,    ///< random bytes and labels of any shape: for timing and speed, nothing to learn
};

/// Samples that generated data has when the workload does not say.
constexpr std::int64_t kDefaultGeneratedTrain = 12000;
constexpr std::int64_t kDefaultGeneratedTest = 2000;

/// `pad` and `random_crop` need each other: one without the other would change nothing.
struct AugmentSpec {
  int pad = 0;                   ///< zeros (after normalisation) on each side before the crop
  bool random_crop = false;      ///< back to the original size at a random place
  bool horizontal_flip = false;  ///< with probability one half
};

/// What is wrong with pad and random_crop, for a user; empty: nothing.
std::string crop_issue(const AugmentSpec& augment);

/// The `dataset` part of a workload. Paths are already absolute or relative to the process.
struct DatasetSpec {
  DatasetFormat format = DatasetFormat::glyphs;
  std::vector<std::string> train_images;  ///< idx: one file; cifar: the batch files
  std::vector<std::string> test_images;
  std::string train_labels;  ///< idx only; for mean_squared_error these are the targets
  std::string test_labels;   ///< test files may be absent altogether: no test samples
  Shape shape = Shape::image(3, 32, 32);  ///< random only
  int classes = 10;                       ///< random only
  std::int64_t train_samples = -1;        ///< cap from the front (generated: how many); -1: all
  std::int64_t test_samples = -1;
  bool shuffle = true;
  /// Unsigned bytes scaled to [0,1] (other element types as they are), then (x - mean) / std per
  /// channel. False: raw values, bytes as 0..255.
  bool normalize = false;
  std::vector<double> mean, std;  ///< one per channel, or one for all
  AugmentSpec augment;
  std::uint64_t seed = 1;  ///< of generated data (training.seed does not change the data)
};

enum class Split { train, test };

/// A data set's targets as class labels, with the label that decides: the largest one, or the first
/// that is none.
struct LabelFacts {
  int classes = 0;  ///< 1 + the largest label; 0: the targets are no class labels
  std::string role =
      {};  ///< the workload's field, e.g. "dataset.train_labels"; "": fixed by the format
  std::string path = {};    ///< of the file
  std::int64_t sample = 0;  ///< in the file, from 0
  std::string label = {};   ///< as a person writes it; a list of several numbers in brackets
};

/// Samples in memory, read-only after loading: any thread may read.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size(Split split) const = 0;
  /// Of one image: [C,H,W] for IDX files of rank 4, [1,H,W] for rank 3, [F] for rank 2, [1] for 1.
  virtual Shape shape() const = 0;

  /// Number of classes (1 + the largest label for idx), or 0 when the targets are no class labels
  /// (IDX label file of rank above 1, or with a label that is negative or no whole number).
  virtual int classes() const = 0;
  virtual LabelFacts label_facts() const { return {classes()}; }
  virtual int label(Split split, std::int64_t index) const = 0;

  /// Dense targets (mean_squared_error): elements per sample (1 for a rank-1 label file), raw
  /// values without scaling.
  virtual std::int64_t target_elements() const = 0;
  virtual void read_target(Split split, std::int64_t index, double* target) const = 0;

  /// Writes one normalised sample into view.sample(0) of a one-sample view of shape() (interior
  /// only). `augment_key` seeds the augmentation of a training sample; 0: none. A view of rank-1
  /// shape takes an image in C,H,W order, and an image view takes features in that order.
  virtual void read(Split split, std::int64_t index, std::uint64_t augment_key,
                    View<float> view) const = 0;
  virtual void read(Split split, std::int64_t index, std::uint64_t augment_key,
                    View<double> view) const = 0;
};

/// Loads (or draws) the data. Throws UserError naming the file, what was found and what the format
/// wants: missing or truncated file, damaged gzip data, wrong magic number, images and labels of
/// different counts, train and test images of different shapes, label out of range, a value or
/// target that is NaN or beyond fp32, mean/std of a wrong length, a std of zero, an augmentation
/// that the data cannot have. Never allocates more
/// than the files really hold, whatever their headers claim. A capped file is read as far as
/// needed.
std::unique_ptr<Dataset> load_dataset(const DatasetSpec& spec);

/// The order in which an epoch visits the samples: a permutation drawn from (seed, epoch), or the
/// identity. Not thread-safe: owned by the thread that hands out micro-batches.
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
