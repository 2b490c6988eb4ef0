// SPDX-License-Identifier: Apache-2.0
#include "models/trainer.h"

#include <algorithm>

#include "models/base/error.h"
#include "models/base/host_clock.h"
#include "models/base/random.h"
#include "models/engine/executor.h"
#include "models/engine/pipeline_engine.h"
#include "models/layers/definition.h"

namespace stagecoach {
namespace {

/// Operations per stage that may be handed over ahead of their execution.
constexpr std::int64_t kWindowPerStage = 16;
/// A loss is looked at when the loss operation so many micro-batches later is handed over: a fixed
/// lag, so that a diverging run ends at the same operation whatever the threads did.
constexpr MicroBatchId kDivergenceLag = 32;

template <class T>
class PipelineTrainer : public Trainer {
 public:
  PipelineTrainer(const Network& network, const Partition& partition, const TrainSpec& train,
                  const MicroBatchPlan& plan, const Dataset& data, const TrainerOptions& options)
      : stages_(static_cast<int>(partition.size())),
        train_(train),
        plan_(plan),
        options_(options),
        has_test_(data.size(Split::test) > 0),
        last_updates_(static_cast<std::size_t>(plan.epochs())),
        order_(plan.samples_per_epoch(), options.shuffle, train.seed),
        max_micro_batches_(std::min<std::int64_t>(plan.micro_batches(), options.max_in_flight) +
                           kWindowPerStage + stages_),
        engine_(network, partition, train, options.policies, plan, data, options.threads,
                2 * max_micro_batches_, options.kernels),
        executor_(options.stage_work.empty() ? std::vector<double>(partition.size(), 1.0)
                                             : options.stage_work,
                  options.threads, kWindowPerStage * stages_,
                  [this](const Op& op, int worker) { engine_.execute(op, worker); }) {
    engine_.initialize();
    engine_.measure_layers(options.layer_seconds);
  }

  std::vector<std::string> import_weights(const TensorMap& tensors,
                                          const std::string& file) override {
    return engine_.import_weights(tensors, file);
  }
  TensorMap export_weights() const override { return engine_.export_weights(); }

  bool emit(const Op& op) override {
    if (stopped_) return false;
    if (op.pass == Pass::forward && op.stage == 0) start(op.micro_batch);
    if (op.pass == Pass::forward && op.stage == stages_ - 1 && diverged_before(op.micro_batch)) {
      stopped_ = true;
      return false;
    }
    executor_.push(op);
    if (makes_version(op.pass)) count_update(op);
    return true;
  }

  void visit_state(StateVisitor& visitor) override {
    executor_.drain();
    {
      const StateScope scope(visitor, "engine");
      engine_.visit_state(visitor);
    }
    {
      const StateScope scope(visitor, "executor");
      executor_.visit_state(visitor);
    }
    visit_progress(visitor);
    if (!visitor.restores()) return;
    for (MicroBatchId id = std::max<MicroBatchId>(0, started_ - engine_.places()); id < started_;
         ++id)
      admit(id);
  }

  void finish() override {
    executor_.drain();
    look_at_the_end();
    if (diverged()) result_.divergence = engine_.losses().divergence();
    close_partial_epochs();
    result_.samples = 0;
    for (const EpochSums& e : engine_.losses().epochs()) result_.samples += e.samples;
    result_.updates = engine_.version(stages_ - 1);
  }

  TrainingResult result() const override { return result_; }
  bool gave_up_evaluation() const override { return gave_up_evaluation_; }
  std::optional<RunningFigures> running() const override { return engine_.losses().running(); }
  WorkSeconds work_seconds() const override {
    return {executor_.busy_seconds() + evaluation_seconds_ * options_.threads,
            executor_.caller_cpu_seconds() + evaluation_caller_cpu_seconds_};
  }

 private:
  void visit_progress(StateVisitor& visitor) {
    visitor.value("started_micro_batches", started_);
    visitor.value("stopped", stopped_);
    visitor.array("last_updates", last_updates_.data(), plan_.epochs());
    visitor.value("complete_epochs", result_.complete_epochs);
    std::int64_t epochs = static_cast<std::int64_t>(result_.epochs.size());
    visitor.value("measured_epochs", epochs);
    result_.epochs.resize(static_cast<std::size_t>(epochs));
    const StateScope scope(visitor, "epochs");
    visit_column(visitor, "train_loss", [](EpochResult& e) { return &e.train_loss; });
    visit_optional(visitor, "train_accuracy", &EpochResult::train_accuracy);
    visit_optional(visitor, "test_loss", &EpochResult::test_loss);
    visit_optional(visitor, "test_accuracy", &EpochResult::test_accuracy);
  }

  /// One field of all epochs as an array: a run may have a million of them.
  template <class FieldOf>
  void visit_column(StateVisitor& visitor, const std::string& name, FieldOf field_of) {
    std::vector<double> column;
    for (EpochResult& e : result_.epochs) column.push_back(*field_of(e));
    visitor.array(name, column.data(), static_cast<std::int64_t>(column.size()));
    for (std::size_t e = 0; e < column.size(); ++e) *field_of(result_.epochs[e]) = column[e];
  }

  /// Present in all epochs or in none.
  void visit_optional(StateVisitor& visitor, const std::string& name,
                      std::optional<double> EpochResult::*field) {
    bool present = !result_.epochs.empty() && (result_.epochs.front().*field).has_value();
    visitor.value(name + ".present", present);
    if (!present) return;
    visit_column(visitor, name, [field](EpochResult& e) {
      if (!(e.*field)) (e.*field).emplace();
      return &*(e.*field);
    });
  }

  void start(MicroBatchId id) {
    if (id >= max_micro_batches_) executor_.wait_backward(0, id - max_micro_batches_);
    admit(id);
    started_ = id + 1;
  }

  void admit(MicroBatchId id) {
    MicroBatchData& data = engine_.admit(id);
    data.micro_batch = plan_.at(id);
    data.samples.clear();
    data.sample_keys.clear();
    for (int n = 0; n < data.micro_batch.samples; ++n) {
      const std::int64_t position = data.micro_batch.first_in_epoch + n;
      data.samples.push_back(order_.at(data.micro_batch.epoch, position));
      const std::uint64_t serial = static_cast<std::uint64_t>(data.micro_batch.epoch) *
                                       static_cast<std::uint64_t>(plan_.samples_per_epoch()) +
                                   static_cast<std::uint64_t>(data.samples.back());
      data.sample_keys.push_back(mix(train_.seed, serial) | 1);  // 0 means no augmentation
    }
  }

  bool diverged_before(MicroBatchId micro_batch) {
    if (micro_batch < kDivergenceLag) return false;
    executor_.wait_forward(stages_ - 1, micro_batch - kDivergenceLag);
    const MicroBatchId first = engine_.losses().diverged_micro_batch();
    return first != LossRecord::kNone && first <= micro_batch - kDivergenceLag;
  }

  bool diverged() const { return engine_.losses().diverged_micro_batch() != LossRecord::kNone; }

  /// Of a run that ends in the middle of an epoch.
  void look_at_the_end() {
    if (diverged() || result_.complete_epochs == plan_.epochs() || started_ == 0) return;
    const std::int64_t epoch = plan_.at(started_ - 1).epoch;
    engine_.look_at_weights(epoch);
    engine_.diverged_at_end(epoch, started_ - 1, std::nullopt);
  }

  /// Closes the epoch when every stage has been told its last update.
  void count_update(const Op& op) {
    const MicroBatch micro_batch = plan_.at(op.micro_batch);
    if (!micro_batch.last_of_epoch || ++last_updates_[micro_batch.epoch] < stages_) return;
    executor_.drain();
    const MicroBatchId diverged = engine_.losses().diverged_micro_batch();
    if (diverged == LossRecord::kNone || plan_.at(diverged).epoch > micro_batch.epoch)
      close_epoch(micro_batch.epoch, true);
  }

  /// What was under way when the run ended early; near an epoch's end that may be two.
  void close_partial_epochs() {
    const std::vector<EpochSums>& sums = engine_.losses().epochs();
    for (std::size_t e = result_.epochs.size(); e < sums.size() && sums[e].samples > 0; ++e)
      close_epoch(static_cast<std::int64_t>(e), false);
  }

  void close_epoch(std::int64_t epoch, bool complete) {
    EpochResult r;
    if (complete && has_test_) {
      const double begin = wall_seconds(), begin_cpu = thread_cpu_seconds();
      const auto tested = engine_.evaluate(epoch, options_.threads, options_.gives_up_evaluation);
      evaluation_seconds_ += wall_seconds() - begin;
      evaluation_caller_cpu_seconds_ += thread_cpu_seconds() - begin_cpu;
      gave_up_evaluation_ = !tested;
      complete = tested.has_value();
      if (tested) r = *tested;
    }
    const EpochSums& sums = engine_.losses().epochs()[static_cast<std::size_t>(epoch)];
    const double samples = static_cast<double>(std::max<std::int64_t>(1, sums.samples));
    r.train_loss = sums.loss / samples;
    if (train_.loss == LossKind::softmax_cross_entropy)
      r.train_accuracy = static_cast<double>(sums.correct) / samples;
    result_.epochs.push_back(r);
    if (!complete) return;
    const MicroBatchId last = (epoch + 1) * plan_.micro_batches_per_epoch() - 1;
    stopped_ = engine_.diverged_at_end(epoch, last, r.test_loss);
    if (!stopped_) ++result_.complete_epochs;
    if (options_.on_epoch) options_.on_epoch(epoch, r);
  }

  const int stages_;
  const TrainSpec train_;
  const MicroBatchPlan plan_;
  const TrainerOptions options_;
  const bool has_test_;
  std::vector<int> last_updates_;  ///< by epoch: stages that have been told theirs
  SampleOrder order_;
  const std::int64_t max_micro_batches_;
  PipelineEngine<T> engine_;
  Executor executor_;
  TrainingResult result_;
  MicroBatchId started_ = 0;  ///< micro-batches handed to stage 0
  bool stopped_ = false;
  bool gave_up_evaluation_ = false;
  double evaluation_seconds_ = 0;
  double evaluation_caller_cpu_seconds_ = 0;
};

}  // namespace

std::vector<double> expected_stage_work(const Network& network, const Partition& partition) {
  std::vector<double> work;
  for (const StageSpec& stage : partition) {
    // Norms, pools and the like take time too: a constant keeps stages without products apart.
    work.push_back(1e4);
    for (int l = stage.first_layer; l < stage.end_layer; ++l)
      work.back() += static_cast<double>(forward_macs(network.layers[l]));
    // Three products of a layer, or four.
    if (stage.recomputes) work.back() *= 4.0 / 3;
  }
  return work;
}

std::unique_ptr<Trainer> make_trainer(const Network& network, const Partition& partition,
                                      const TrainSpec& train, const MicroBatchPlan& plan,
                                      const Dataset& data, const TrainerOptions& options) {
  if (options.policies.size() != partition.size())
    throw ModelBug("a trainer needs one policy per stage");
  switch (options.precision) {
    case Precision::f32:
      return std::make_unique<PipelineTrainer<float>>(network, partition, train, plan, data,
                                                      options);
    case Precision::f64:
      return std::make_unique<PipelineTrainer<double>>(network, partition, train, plan, data,
                                                       options);
  }
  throw ModelBug("unknown precision");
}

std::vector<std::string> check_weights(const Network& network, Precision precision,
                                       const TensorMap& tensors, const std::string& file) {
  switch (precision) {
    case Precision::f32:
      return check_tensors<float>(network, tensors, file);
    case Precision::f64:
      return check_tensors<double>(network, tensors, file);
  }
  throw ModelBug("unknown precision");
}

}  // namespace stagecoach
