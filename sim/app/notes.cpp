// SPDX-License-Identifier: Apache-2.0
#include "sim/app/notes.h"

#include <algorithm>

#include "models/layers/definition.h"
#include "sim/schedule/schedule_facts.h"

namespace stagecoach {
namespace {

class Notes {
 public:
  explicit Notes(const Job& job) : job_(job) {}

  void add(const std::string& pointer, const std::string& text) {
    const auto& source = job_.workload.source;
    all_.push_back((source ? source->where(pointer) : pointer) + ": " + text);
  }
  std::vector<std::string> all() const { return all_; }

 private:
  const Job& job_;
  std::vector<std::string> all_;
};

/// Where a workload asks for more samples than there are.
void note_samples(const Job& job, Notes& notes) {
  if (!job.data) return;
  const DatasetSpec& spec = job.workload.dataset;
  const auto compare = [&](const char* pointer, std::int64_t wanted, Split split) {
    const std::int64_t there = job.data->size(split);
    if (wanted <= there) return;
    notes.add(pointer, "found " + std::to_string(wanted) + "; the data set holds " +
                           std::to_string(there) + ", and all of them are used");
  };
  compare("/dataset/train_samples", spec.train_samples, Split::train);
  compare("/dataset/test_samples", spec.test_samples, Split::test);
}

/// Samples of the smallest micro-batch of the run.
int smallest_micro_batch(const MicroBatchPlan& plan) {
  int least = plan.micro_batch_size();
  // The last of a full mini-batch, and the last of an epoch.
  for (const MicroBatchId id : {plan.at(0).batch_end - 1, plan.micro_batches_per_epoch() - 1})
    least = std::min(least, plan.at(id).samples);
  return least;
}

void note_norms_over_one_value(const Job& job, Notes& notes) {
  for (const LayerNode& node : job.workload.network.layers) {
    const NormalizedTogether together = definition_of(node.spec.kind).normalized;
    if (!together.values || together.values(node) != 1) continue;
    const MicroBatchPlan& plan = *job.micro_batches;
    if (together.over_samples && smallest_micro_batch(plan) > 1) continue;
    const bool only_last = together.over_samples && plan.micro_batch_size() > 1;
    notes.add(
        "/network",
        "layer \"" + node.spec.name + "\" (" + to_word(node.spec.kind) +
            "): " + together.one_value +
            (only_last ? "; this holds for the last micro-batch of a mini-batch or an epoch" : ""));
  }
}

/// What only acts on stale weights, where none are stale.
void note_idle_mitigations(const Job& job, Notes& notes) {
  const std::vector<int> delays = closed_form_delays(job);
  if (std::any_of(delays.begin(), delays.end(), [](int delay) { return delay > 0; })) return;
  const MitigationSpec& m = job.workload.training.mitigation;
  const auto idle = [&](bool asked_for, const std::string& field) {
    if (asked_for)
      notes.add(
          "/training/mitigation/" + field,
          "changes no weights, because every stage's delay is 0 here; it may cost time and memory");
  };
  // Then nobody asked.
  const bool by_default = schedule_facts(job.workload.schedule.kind).stashes_weights;
  idle(job.workload.schedule.weight_stashing && !by_default, "weight_stashing");
  idle(m.spike_compensation, "spike_compensation");
  idle(m.weight_prediction != WeightPrediction::none, "weight_prediction");
  idle(m.pipemare_learning_rate, "pipemare_learning_rate");
  idle(m.pipemare_discrepancy_correction, "pipemare_discrepancy_correction");
}

/// A learning rate that would change after the run's end, or never reaches its value.
void note_rates_beyond_the_end(const TrainSpec& train, Notes& notes) {
  const LearningRateSpec& rate = train.optimizer.learning_rate_schedule;
  const std::string end =
      "the run's " + std::to_string(train.epochs) + (train.epochs == 1 ? " epoch" : " epochs");
  const auto add = [&](const char* field, const std::string& text) {
    notes.add(std::string("/training/optimizer/learning_rate_schedule/") + field, text);
  };
  if (rate.warmup_epochs > train.epochs)
    add("warmup_epochs", "longer than " + end + ": the learning rate never reaches its value");
  if (rate.type == LearningRateSchedule::step && rate.step_epochs >= train.epochs)
    add("step_epochs", "changes nothing: the first step lies at the end of " + end + " or later");
  if (rate.type == LearningRateSchedule::multistep && rate.milestones.back() >= train.epochs)
    add("milestones", "not all change the rate: the last lies at the end of " + end + " or later");
}

/// What the workload and the machine say about training, where nothing is trained.
void note_forward_only(const Job& job, Notes& notes) {
  note_samples(job, notes);
  notes.add("/training",
            "with --forward-only nothing is trained: only micro_batch_size of this object and "
            "partition of pipeline are used; schedule and pacing change nothing");
}

/// Where the activations of a backward are not those that the stages behind have seen.
void note_recomputed_activations(const Job& job, Notes& notes) {
  if (keeps_forward_version(job.schedule->weight_policy())) return;
  int most = 0;
  for (int k = 0; k < job.stages(); ++k) {
    const bool does = job.workload.stages[static_cast<std::size_t>(k)].recomputes;
    if (does) most = std::max(most, job.schedule->delay(k));
  }
  if (most > 0)
    notes.add(
        "/pipeline/recompute",
        "without weight stashing the second forward reads newer weights than the first, by up to " +
            std::to_string(most) +
            " updates here; the backward works on activations that the later stages have not seen, "
            "so the training differs from the one without recomputation");
}

}  // namespace

std::vector<std::string> notes_of(const Job& job, const Options& options) {
  Notes notes(job);
  if (job.forward_only()) {
    note_forward_only(job, notes);
    return notes.all();
  }
  const TrainSpec& train = job.workload.training;
  note_samples(job, notes);
  note_norms_over_one_value(job, notes);
  note_idle_mitigations(job, notes);
  note_recomputed_activations(job, notes);
  if (train.mitigation.spike_compensation && train.optimizer.momentum == 0)
    notes.add("/training/mitigation/spike_compensation", "changes no weights without momentum");
  if (!options.timing_only) note_rates_beyond_the_end(train, notes);
  if (train.mitigation.gradient_shrinking != 1 && job.stages() == 1)
    notes.add("/training/mitigation/gradient_shrinking",
              "changes nothing with one stage, which sends no gradient upstream");
  if (job.workload.target_accuracy && options.timing_only)
    notes.add("/training/target_accuracy",
              "changes nothing with --timing-only, which computes no accuracy");
  return notes.all();
}

}  // namespace stagecoach
