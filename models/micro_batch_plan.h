// SPDX-License-Identifier: Apache-2.0
// Which samples travel together, which share an update, where epochs end. Pure arithmetic.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/op.h"

namespace stagecoach {

/// One micro-batch of the run.
struct MicroBatch {
  std::int64_t epoch = 0;
  std::int64_t first_in_epoch = 0;  ///< place of its first sample in the epoch's order
  int samples = 0;
  std::int64_t batch = 0;        ///< mini-batch number over the whole run, from 0
  int batch_samples = 0;         ///< samples of that mini-batch: gradients are means over it
  MicroBatchId batch_begin = 0;  ///< first micro-batch of the mini-batch
  MicroBatchId batch_end = 0;    ///< one past its last micro-batch
  bool last_of_batch = false;
  bool last_of_epoch = false;
};

/// The run cut into epochs, mini-batches and micro-batches. No sample is dropped: the last
/// mini-batch of an epoch, and the last micro-batch of a mini-batch, may be smaller.
class MicroBatchPlan {
 public:
  /// All four at least 1; a batch larger than an epoch counts as the epoch, a micro-batch larger
  /// than the batch as the batch: memory follows the samples that there are.
  MicroBatchPlan(std::int64_t samples_per_epoch, std::int64_t epochs, int batch_size,
                 int micro_batch_size)
      : samples_per_epoch_(samples_per_epoch),
        epochs_(epochs),
        batch_size_(static_cast<int>(std::min<std::int64_t>(batch_size, samples_per_epoch))),
        micro_(std::min(batch_size_, micro_batch_size)),
        micro_batches_per_batch_((batch_size_ + micro_ - 1) / micro_),
        batches_per_epoch_((samples_per_epoch + batch_size_ - 1) / batch_size_) {
    const std::int64_t rest = samples_per_epoch - (batches_per_epoch_ - 1) * batch_size_;
    micro_batches_per_epoch_ =
        (batches_per_epoch_ - 1) * micro_batches_per_batch_ + (rest + micro_ - 1) / micro_;
  }

  MicroBatchId micro_batches() const { return micro_batches_per_epoch_ * epochs_; }
  std::int64_t micro_batches_per_epoch() const { return micro_batches_per_epoch_; }
  std::int64_t samples() const { return samples_per_epoch_ * epochs_; }
  std::int64_t samples_per_epoch() const { return samples_per_epoch_; }
  std::int64_t batches_per_epoch() const { return batches_per_epoch_; }
  std::int64_t epochs() const { return epochs_; }
  int micro_batch_size() const { return micro_; }

  MicroBatch at(MicroBatchId id) const {
    MicroBatch p;
    p.epoch = id / micro_batches_per_epoch_;
    const std::int64_t in_epoch = id % micro_batches_per_epoch_;
    const std::int64_t batch_in_epoch = in_epoch / micro_batches_per_batch_;
    const std::int64_t in_batch = in_epoch % micro_batches_per_batch_;
    p.batch = p.epoch * batches_per_epoch_ + batch_in_epoch;
    p.batch_samples = static_cast<int>(
        std::min<std::int64_t>(batch_size_, samples_per_epoch_ - batch_in_epoch * batch_size_));
    p.first_in_epoch = batch_in_epoch * batch_size_ + in_batch * micro_;
    p.samples =
        static_cast<int>(std::min<std::int64_t>(micro_, p.batch_samples - in_batch * micro_));
    p.batch_begin = id - in_batch;
    p.batch_end = p.batch_begin + (p.batch_samples + micro_ - 1) / micro_;
    p.last_of_batch = id + 1 == p.batch_end;
    p.last_of_epoch = in_epoch + 1 == micro_batches_per_epoch_;
    return p;
  }

 private:
  std::int64_t samples_per_epoch_, epochs_;
  int batch_size_, micro_;
  std::int64_t micro_batches_per_batch_, batches_per_epoch_, micro_batches_per_epoch_ = 0;
};

}  // namespace stagecoach
