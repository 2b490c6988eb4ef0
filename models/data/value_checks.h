// SPDX-License-Identifier: Apache-2.0
// What the values of a data set must be before any of them is trained on.
#pragma once

#include <string>

#include "models/data/dataset.h"
#include "models/data/raw_array.h"

namespace stagecoach {

/// Where an array comes from, for messages.
struct ValueSource {
  std::string role;  ///< the workload's field, e.g. "dataset.train_images"
  std::string path;
};

/// Throws UserError naming the sample whose value is NaN, infinite, or not within fp32 once it is
/// normalised as the spec asks. `shape` is that of one image.
void check_images(const RawArray& images, const Shape& shape, const DatasetSpec& spec,
                  const ValueSource& source);

/// The same of pixels that are bytes, whatever they are: throws UserError naming the channel whose
/// mean and std take 0 or 1 beyond fp32.
void check_bytes(const Shape& shape, const DatasetSpec& spec);

/// Throws UserError naming the sample whose target is NaN or infinite.
void check_targets(const RawArray& targets, const ValueSource& source);

/// What targets are as class labels: their number of classes, and the label that decides it.
LabelFacts label_facts(const RawArray& targets, const ValueSource& source);

}  // namespace stagecoach
