// SPDX-License-Identifier: Apache-2.0
#include "models/engine/evaluation.h"

#include <algorithm>
#include <atomic>

#include "models/base/parallel.h"
#include "models/engine/stage_forward.h"

namespace stagecoach {
namespace {

/// One thread's memory for evaluating one sample at a time.
template <class T>
class Evaluator {
 public:
  Evaluator(const EngineContext<T>& context, const std::vector<const EpochSnapshot<T>*>& stages)
      : context_(context), stages_(stages) {
    std::int64_t workspace = 0;
    for (const StageBlocks& stage : context.plan.stages) {
      blocks_.emplace_back(stage.slot);
      workspace = std::max(workspace, stage.workspace);
    }
    workspace_ = Buffer<T>(workspace);
  }

  LossResult evaluate(std::int64_t index) {
    const auto block_of = [this](int k) { return blocks_[k].data(); };
    context_.data.read(Split::test, index, 0, view(kInputValue));
    for (int k = 0; k < static_cast<int>(stages_.size()); ++k) {
      ForwardMemory<T> memory;
      memory.weights = stages_[k]->weights.data();
      memory.statistics = stages_[k]->statistics.data();
      memory.workspace = workspace_.data();
      memory.training = false;
      forward_stage(context_.network, context_.partition[k], context_.plan, k, memory, {},
                    block_of);
    }
    return context_.loss.measure_test(index,
                                      view(static_cast<ValueId>(context_.network.layers.size())));
  }

 private:
  View<T> view(ValueId v) {
    return value_view(context_.plan, v, blocks_[context_.plan.producer_stage[v]].data(),
                      workspace_.data(), {});
  }

  const EngineContext<T>& context_;
  const std::vector<const EpochSnapshot<T>*>& stages_;
  std::vector<Buffer<T>> blocks_;  ///< by stage, as a micro-batch's slot
  Buffer<T> workspace_;
};

}  // namespace

template <class T>
std::optional<EpochResult> evaluate(const EngineContext<T>& context,
                                    const std::vector<const EpochSnapshot<T>*>& stages, int threads,
                                    const std::function<bool()>& gives_up) {
  const std::int64_t count = context.data.size(Split::test);
  std::vector<LossResult> losses(static_cast<std::size_t>(count));
  std::atomic<bool> given_up{false};
  in_parallel(count, threads, [&](std::int64_t begin, std::int64_t end) {
    Evaluator<T> evaluator(context, stages);
    for (std::int64_t i = begin; i < end && !given_up; ++i) {
      if (gives_up && gives_up()) given_up = true;
      losses[static_cast<std::size_t>(i)] = evaluator.evaluate(i);
    }
  });
  if (given_up) return std::nullopt;
  double loss_sum = 0;
  std::int64_t correct = 0;
  for (const LossResult& loss : losses) {
    loss_sum += loss.loss_sum;
    correct += loss.correct;
  }
  EpochResult result;
  result.test_loss = loss_sum / static_cast<double>(count);
  if (context.loss.kind() == LossKind::softmax_cross_entropy)
    result.test_accuracy = static_cast<double>(correct) / static_cast<double>(count);
  return result;
}

template std::optional<EpochResult> evaluate(const EngineContext<float>&,
                                             const std::vector<const EpochSnapshot<float>*>&, int,
                                             const std::function<bool()>&);
template std::optional<EpochResult> evaluate(const EngineContext<double>&,
                                             const std::vector<const EpochSnapshot<double>*>&, int,
                                             const std::function<bool()>&);

}  // namespace stagecoach
