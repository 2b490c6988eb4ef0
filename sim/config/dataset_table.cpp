// SPDX-License-Identifier: Apache-2.0
// The table of data sets.
#include <limits>

#include "sim/config/workload_file.h"

namespace stagecoach {
namespace {

constexpr std::int64_t kMaxSamples = std::numeric_limits<std::int32_t>::max();

/// One path, or a list of them.
Codec<std::vector<std::string>> paths() {
  using Paths = std::vector<std::string>;
  Codec<Paths> single = converted<Paths, std::string>(
      text(), [](const std::string& path) { return Paths{path}; },
      [](const Paths& all) { return all.front(); },
      [](const Paths& all) { return all.size() == 1; });
  return one_of<Paths>({std::move(single), list_of<std::string>(text(), 1)});
}

Table<AugmentSpec> augment_table() {
  Table<AugmentSpec> t("augment", "Random changes to training images, from the seed.");
  t.optional("pad", &AugmentSpec::pad, integer(0, 1024),
             "Zeros on each side (after normalisation) before the crop.");
  t.optional("random_crop", &AugmentSpec::random_crop, boolean(),
             "Cuts the original size out at a random place.");
  t.optional("horizontal_flip", &AugmentSpec::horizontal_flip, boolean(),
             "Mirrors with probability one half.");
  t.check([](const AugmentSpec& a, const Place& at) {
    if (const std::string issue = crop_issue(a); !issue.empty()) at.report(issue);
  });
  return t;
}

struct Normalize {
  std::vector<double> mean, std;
};

Table<Normalize> normalize_table() {
  Table<Normalize> t("normalize",
                     "Bytes are scaled to [0,1], then (x - mean) / std. Absent: raw values.");
  t.required("mean", &Normalize::mean, list_of<double>(number(any_number()), 1),
             "One per channel, or one for all.");
  t.required("std", &Normalize::std, list_of<double>(number(above(0)), 1),
             "One per channel, or one for all.");
  t.check([](const Normalize& n, const Place& at) {
    if (n.mean.size() != n.std.size()) {
      at.report("found " + std::to_string(n.mean.size()) + " in mean and " +
                std::to_string(n.std.size()) + " in std; allowed: as many in both");
    }
  });
  return t;
}

Table<DatasetSpec> idx_fields() {
  Table<DatasetSpec> t;
  t.required("train_images", &DatasetSpec::train_images, paths(),
             "IDX file of any element type, gzip-compressed or not. Relative to `--data`, else to "
             "the workload file.");
  t.required("train_labels", &DatasetSpec::train_labels, text(),
             "IDX file: classes, or the targets of mean_squared_error.");
  t.optional("test_images", &DatasetSpec::test_images, paths(), "As train_images.", "no test set");
  t.optional("test_labels", &DatasetSpec::test_labels, text(), "As train_labels.", "no test set");
  t.check([](const DatasetSpec& d, const Place& at) {
    if (d.train_images.size() != 1) {
      at.child("train_images")
          .report("found a list of " + std::to_string(d.train_images.size()) +
                  "; allowed: one file (format idx)");
    }
    if (d.test_images.size() > 1) {
      at.child("test_images")
          .report("found a list of " + std::to_string(d.test_images.size()) +
                  "; allowed: one file (format idx)");
    }
    if (d.test_images.empty() != d.test_labels.empty()) {
      at.report("test_images and test_labels need each other; give both or neither");
    }
  });
  return t;
}

Table<DatasetSpec> cifar_fields() {
  Table<DatasetSpec> t;
  t.required("train_images", &DatasetSpec::train_images, paths(),
             "Batch files of the binary version, gzip-compressed or not, in order. Relative to "
             "`--data`, else to the workload file.");
  t.optional("test_images", &DatasetSpec::test_images, paths(), "As train_images.", "no test set");
  return t;
}

Table<DatasetSpec> glyphs_fields() {
  Table<DatasetSpec> t;
  t.optional("seed", &DatasetSpec::seed, count(0),
             "Of the drawings; `training.seed` does not change them.");
  return t;
}

Table<DatasetSpec> random_fields() {
  Table<DatasetSpec> t;
  t.optional("shape", &DatasetSpec::shape, shape_codec(), "Of one sample.");
  t.optional("classes", &DatasetSpec::classes, integer(1, 1 << 24), "Labels are below this.");
  t.optional("seed", &DatasetSpec::seed, count(0),
             "Of the bytes; `training.seed` does not change them.");
  return t;
}

}  // namespace

Table<DatasetSpec> dataset_table() {
  Table<DatasetSpec> t("dataset", "The samples. `format` selects which further fields it has.");
  t.tagged<DatasetFormat>(
      "format", &DatasetSpec::format, "Where samples come from.",
      {{"idx", DatasetFormat::idx, "Files of the MNIST format.", idx_fields()},
       {"cifar10", DatasetFormat::cifar10, "CIFAR-10's binary files.", cifar_fields()},
       {"cifar100", DatasetFormat::cifar100, "CIFAR-100's binary files (fine labels).",
        cifar_fields()},
       {"glyphs", DatasetFormat::glyphs, "Generated: ten digits of 28x28 grey points.",
        glyphs_fields()},
       {"random", DatasetFormat::random, "Random bytes and labels: for timing, nothing to learn.",
        random_fields()}});
  t.optional("train_samples", &DatasetSpec::train_samples, integer(1, kMaxSamples),
             "Cap from the front; of generated data: how many.",
             "all; generated: " + std::to_string(kDefaultGeneratedTrain));
  t.optional("test_samples", &DatasetSpec::test_samples, integer(0, kMaxSamples),
             "The same for the test set.",
             "all; generated: " + std::to_string(kDefaultGeneratedTest));
  t.optional("shuffle", &DatasetSpec::shuffle, boolean(),
             "A new order in every epoch, from `training.seed`.");
  t.stored<Normalize>(
      "normalize", normalize_table().codec(),
      [](DatasetSpec& d, const Normalize& n) {
        d.normalize = true;
        d.mean = n.mean;
        d.std = n.std;
      },
      [](const DatasetSpec& d) {
        return d.normalize ? std::optional<Normalize>({d.mean, d.std}) : std::nullopt;
      },
      "Scaling of the images.", "raw values");
  t.optional("augment", &DatasetSpec::augment, augment_table().codec(), "Changes while training.",
             "none");
  return t;
}

}  // namespace stagecoach
