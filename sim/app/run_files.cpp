// SPDX-License-Identifier: Apache-2.0
#include "sim/app/run_files.h"

#include <iostream>

#include "models/base/error.h"
#include "models/base/host_clock.h"
#include "sim/app/recording.h"
#include "sim/stats/summary.h"
#include "sim/stats/tables.h"

namespace stagecoach {
namespace {

/// Share of the run's time that updates may take: one over this.
constexpr double kTimesCost = 20;

}  // namespace

RunFiles::RunFiles(const Options& options)
    : options_(options),
      directory_(options.out_dir, options.resume  ? Earlier::leave
                                  : options.force ? Earlier::replace
                                                  : Earlier::refuse) {}

void RunFiles::open(const Job& job, OpSink& engine) {
  // The same command made what a resumed run finds there.
  const bool replace = options_.force || options_.resume;
  if (!options_.save_weights_file.empty())
    weights_.emplace("--save-weights", options_.save_weights_file, replace);
  if (!options_.record_file.empty())
    recorder_.emplace(options_.record_file, replace, recorded_run(job), engine);
}

ChromeTrace& RunFiles::begin_trace(const Job& job, TraceWindow window) {
  return trace_.emplace(directory_.begin(kTraceFile).descriptor(), directory_.path_of(kTraceFile),
                        job.machine->plan, job.workload.stages, *job.micro_batches, window);
}

PerfettoTrace& RunFiles::begin_perfetto(const Job& job, TraceWindow window) {
  return perfetto_.emplace(job.machine->plan, *job.micro_batches, window);
}

VcdWriter& RunFiles::begin_waves(const Job& job, TraceWindow window) {
  return waves_.emplace(job.machine->plan, *job.micro_batches, window);
}

bool RunFiles::epochs_due() const {
  return wall_seconds() - updated_at_ >= kTimesCost * update_seconds_;
}

void RunFiles::update(const RunResult& result) {
  const double begin = wall_seconds();
  const std::vector<std::string> failures = publish_epochs(result, directory_);
  updated_at_ = wall_seconds();
  update_seconds_ = updated_at_ - begin;
  if (failures.empty() || told_of_update_) return;
  told_of_update_ = true;
  std::cerr << "stagecoach: " << failures.front() << "; the run goes on\n";
}

/// Runs `body`; a file that it cannot write is told after the report and must not cost the rest.
template <class Body>
bool RunFiles::attempt(Body body) {
  try {
    body();
  } catch (const UserError& error) {
    failures_.push_back(error.what());
    return false;
  }
  return true;
}

void RunFiles::complete_recording(const std::string& stopped_because) {
  if (!stopped_because.empty()) {
    std::cerr << "stagecoach: the schedule was not recorded, for " << stopped_because << "\n";
    return;
  }
  recorder_->finish();
  if (!options_.quiet)
    std::cerr << "recorded " << recorder_->operations() << " operations in " << recorder_->bytes()
              << " bytes: " << options_.record_file << "\n";
}

void RunFiles::give_up_trace() {
  trace_.reset();
  directory_.discard(kTraceFile);
}

OrderedJson RunFiles::write_tables(const RunResult& result) {
  std::vector<std::string> failures;
  OrderedJson summary = write_results(result, directory_, failures);
  if (!failures.empty() && trace_) {
    give_up_trace();
    failures_.push_back(directory_.path_of(kTraceFile) + ": removed to make room for the results");
    failures.clear();
    write_results(result, directory_, failures);
  }
  failures_.insert(failures_.end(), failures.begin(), failures.end());
  return summary;
}

void RunFiles::save_weights(const Trainer& trainer) {
  const bool f64 = options_.precision == Precision::f64;
  write_safetensors(weights_->stream(), trainer.export_weights(),
                    f64 ? SafetensorsType::f64 : SafetensorsType::f32);
  weights_->commit();
}

void RunFiles::write_waves(const RunResult& result) {
  waves_->write(directory_.begin(kWavesFile).stream(), result.statistics->cycles);
  directory_.complete(kWavesFile);
}

void RunFiles::write_perfetto(const RunResult& result) {
  perfetto_->write(directory_.begin(kPerfettoFile).descriptor(), directory_.path_of(kPerfettoFile),
                   result.statistics->cycles);
  directory_.complete(kPerfettoFile);
}

void RunFiles::call_unfinished(OrderedJson summary) {
  if (!directory_.is_complete(kSummaryFile)) return;
  const std::string whole = summary_text(summary);
  summary["training"]["complete"] = false;
  if (!attempt([&] { directory_.write(kSummaryFile, summary_text(summary)); }))
    attempt([&] { directory_.write(kSummaryFile, whole); });
}

OrderedJson RunFiles::finish(const RunResult& result, const Trainer* trainer,
                             const std::string& stopped_because) {
  // What grew during the run and failed goes first: where a disk is full, that makes room for the
  // results.
  if (recorder_ && !attempt([&] { complete_recording(stopped_because); })) recorder_.reset();
  if (trace_ && !attempt([this] { trace_->finish(); })) give_up_trace();
  const OrderedJson summary = write_tables(result);
  if (trace_) attempt([this] { directory_.complete(kTraceFile); });
  if (perfetto_ && !attempt([&] { write_perfetto(result); })) directory_.discard(kPerfettoFile);
  if (waves_ && !attempt([&] { write_waves(result); })) directory_.discard(kWavesFile);
  // The summary says that the run is complete: whatever else the run leaves comes before it.
  if (weights_ && trainer) attempt([&] { save_weights(*trainer); });
  if (!failures_.empty() && result.complete) call_unfinished(summary);
  for (const std::string& failure : directory_.publish()) failures_.push_back(failure);
  return summary;
}

}  // namespace stagecoach
