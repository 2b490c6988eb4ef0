// SPDX-License-Identifier: Apache-2.0
#include "sim/app/run.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <limits>
#include <optional>

#include "models/base/error.h"
#include "models/base/host_clock.h"
#include "sim/app/interrupt.h"
#include "sim/app/job.h"
#include "sim/app/notes.h"
#include "sim/app/progress.h"
#include "sim/app/recording.h"
#include "sim/files/pending_file.h"
#include "sim/files/result_directory.h"
#include "sim/plan/placement.h"
#include "sim/recording/schedule_recorder.h"
#include "sim/schedule/lockstep.h"
#include "sim/stats/energy.h"
#include "sim/stats/provenance.h"
#include "sim/stats/tables.h"
#include "sim/stats/terminal_summary.h"
#include "sim/system/simulation.h"
#include "sim/trace/chrome_trace.h"
#include "sim/trace/vcd_writer.h"

namespace stagecoach {
namespace {

/// Takes operations and computes nothing: --timing-only.
class NoMathematics : public OpSink {
 public:
  bool emit(const Op&) override { return true; }
};

std::int64_t peak_rss_bytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

/// "epoch 1: training loss 0.3421, accuracy 91.20 %; test loss 0.1, accuracy 97.60 %"
std::string epoch_line(std::int64_t epoch, const EpochResult& r) {
  std::string line = "epoch " + std::to_string(epoch + 1);
  const auto add = [&](const char* what, const char* format, double value) {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    line += what + std::string(std::isfinite(value) ? text : "not finite");
  };
  add(": training loss ", "%.4f", r.train_loss);
  if (r.train_accuracy) add(", accuracy ", "%.2f %%", 100 * *r.train_accuracy);
  if (r.test_loss) add("; test loss ", "%.4f", *r.test_loss);
  if (r.test_accuracy) add(", accuracy ", "%.2f %%", 100 * *r.test_accuracy);
  return line;
}

PartedSum parted(const BandedSum& sum) { return {sum.values(), sum.low(), sum.high()}; }

/// Everything between the job and its results.
class Run {
 public:
  Run(const Options& options, const std::vector<std::string>& arguments)
      : options_(options),
        arguments_(arguments),
        directory_(options.out_dir, options.force),
        job_(load_job(options, FitCheck::enforce)),
        progress_(std::cerr, !options.quiet && isatty(STDERR_FILENO),
                  job_.micro_batches->samples()) {
    // Files that cannot be used are told before any work is done.
    if (!options_.replay_file.empty()) {
      verify_replay(job_, options_.replay_file);
      replay_.emplace(options_.replay_file, recorded_run(job_), *job_.schedule,
                      *job_.micro_batches);
    }
    if (!options_.quiet)
      for (const std::string& note : notes_of(job_, options_))
        std::cerr << "note: " << note << "\n";
    if (!options_.timing_only) make_the_trainer();
    signals_.emplace();  // from here on a signal ends the run; before, the program
    if (!options_.save_weights_file.empty())
      weights_.emplace("--save-weights", options_.save_weights_file);
    if (!options_.record_file.empty())
      recorder_.emplace(options_.record_file, recorded_run(job_), engine());
    door_.emplace(recorder_ ? static_cast<OpSink&>(*recorder_) : engine());
  }

  ExitStatus execute() {
    begin_wall_ = wall_seconds();
    const double begin_cpu = thread_cpu_seconds();
    if (replay_)
      replay_->run(*door_);
    else if (options_.functional_only)
      run_lockstep_order(*job_.schedule, *job_.micro_batches, job_.stages(), *door_,
                         lockstep_capacities());
    else
      simulate_machine();
    if (trainer_) {
      trainer_->finish();
      training_ = trainer_->result();
    }
    caller_cpu_seconds_ = thread_cpu_seconds() - begin_cpu;
    progress_.clear();
    report();
    return status();
  }

 private:
  void make_the_trainer() {
    TrainerOptions options = trainer_options(job_, options_);
    options.on_epoch = [this](std::int64_t epoch, const EpochResult& result) {
      if (options_.quiet) return;
      progress_.clear();
      std::cerr << epoch_line(epoch, result) << std::endl;
    };
    trainer_ = make_trainer(job_.workload.network, job_.workload.stages, job_.workload.training,
                            *job_.micro_batches, *job_.data, options);
    if (!options_.init_weights_file.empty())
      trainer_->import_weights(read_safetensors(options_.init_weights_file),
                               options_.init_weights_file);
  }

  /// In lockstep a small buffer changes the order of operations, clock or no clock. What elastic
  /// pacing would make of it needs the clock.
  std::vector<std::int64_t> lockstep_capacities() const {
    const bool elastic = job_.workload.schedule.pacing == Pacing::elastic;
    return elastic ? std::vector<std::int64_t>{} : buffer_capacities(job_.machine->plan);
  }

  void simulate_machine() {
    SimulationOptions options;
    options.progress = [this](MicroBatchId micro_batches, Cycles) {
      const MicroBatchId last = micro_batches - 1;
      if (last < 0) return;
      const MicroBatch p = job_.micro_batches->at(last);
      progress_.update(p.epoch * job_.micro_batches->samples_per_epoch() + p.first_in_epoch +
                       p.samples);
    };
    options.progress_every = 100;
    options.output_bytes_per_sample = output_bytes(job_.workload.network, job_.hardware.elements);
    if (options_.trace) begin_trace(options);
    if (options_.vcd) {
      waves_.emplace(job_.machine->plan, *job_.micro_batches, window_of("waves", kVcdSliceCap));
      options.waves = &*waves_;
    }
    statistics_ = simulate(job_.machine->plan, *job_.schedule, job_.workload.schedule,
                           *job_.micro_batches, *door_, options);
  }

  /// The micro-batches that --trace-from and --trace-samples ask for; says so if they are too many.
  TraceWindow window_of(const char* what, std::int64_t slice_cap) const {
    const TraceWindow window = trace_window(
        *job_.micro_batches, job_.stages(), options_.trace_from,
        options_.trace_samples.value_or(std::numeric_limits<std::int64_t>::max()), slice_cap);
    if (window.capped && !options_.quiet) {
      std::cerr << what << ": holds " << window.end - window.first
                << " micro-batches, for it ends at " << slice_cap
                << " operations; see --trace-from, --trace-samples\n";
    }
    return window;
  }

  /// What executes operations.
  OpSink& engine() { return trainer_ ? static_cast<OpSink&>(*trainer_) : nothing_; }

  void complete_recording() {
    if (statistics_->stopped_early) {
      std::cerr << "stagecoach: the schedule was not recorded, for "
                << (door_->stopped_by() ? "the run was interrupted\n"
                                        : "the training diverged and the run is not complete; "
                                          "--timing-only records all of it\n");
      return;
    }
    recorder_->finish();
    if (!options_.quiet)
      std::cerr << "recorded " << recorder_->operations() << " operations in " << recorder_->bytes()
                << " bytes: " << options_.record_file << "\n";
  }

  void begin_trace(SimulationOptions& options) {
    const TraceWindow window = window_of("trace", kTraceSliceCap);
    trace_.emplace(directory_.temporary_path(kTraceFile), job_.machine->plan, job_.workload.stages,
                   *job_.micro_batches, window);
    options.spans = &*trace_;
    options.trace_from = window.first;
    options.trace_micro_batches = window.end - window.first;
  }

  /// Runs `body`; a file that it cannot write is told after the report and must not cost the rest.
  template <class Body>
  bool attempt(Body body) {
    try {
      body();
    } catch (const UserError& error) {
      failures_.push_back(error.what());
      return false;
    }
    return true;
  }

  void give_up_trace() {
    trace_.reset();
    directory_.discard(kTraceFile);
  }

  /// Ends the files that grew during the run. One that failed goes first: where a disk is full,
  /// that makes room for the results.
  void complete_streams() {
    if (recorder_ && !attempt([this] { complete_recording(); })) recorder_.reset();
    if (trace_ && !attempt([this] { trace_->finish(); })) give_up_trace();
  }

  OrderedJson write_all(const RunResult& result) {
    std::vector<std::string> failures;
    OrderedJson summary = write_results(result, directory_, failures);
    if (!failures.empty() && trace_) {
      give_up_trace();
      failures_.push_back(directory_.path_of(kTraceFile) +
                          ": given up to make room for the results");
      failures.clear();
      write_results(result, directory_, failures);
    }
    failures_.insert(failures_.end(), failures.begin(), failures.end());
    if (trace_) attempt([this] { directory_.commit(kTraceFile); });
    if (waves_)
      attempt([this] {
        waves_->write(directory_.temporary_path(kWavesFile), statistics_->cycles);
        directory_.commit(kWavesFile);
      });
    return summary;
  }

  void save_weights() {
    const bool f64 = options_.precision == Precision::f64;
    try {
      write_safetensors(weights_->temporary_path(), trainer_->export_weights(),
                        f64 ? SafetensorsType::f64 : SafetensorsType::f32);
    } catch (const UserError& error) {
      throw UserError(std::string("--save-weights: ") + error.what());
    }
    weights_->commit();
  }

  void report() {
    complete_streams();
    const OrderedJson summary = write_all(gathered());
    std::cout << terminal_summary(summary, directory_.path(), directory_.written()) << std::flush;
    if (weights_) attempt([this] { save_weights(); });
    for (const std::string& failure : failures_) std::cerr << "stagecoach: " << failure << "\n";
  }

  ExitStatus status() const {
    if (!failures_.empty()) return ExitStatus::user_error;
    switch (door_->stopped_by()) {
      case SIGINT:
        return ExitStatus::interrupted;
      case SIGTERM:
        return ExitStatus::terminated;
      default:
        break;
    }
    return training_ && training_->divergence ? ExitStatus::diverged : ExitStatus::done;
  }

  HostFigures host_figures() const {
    HostFigures host;
    host.wall_seconds = wall_seconds() - begin_wall_;
    host.threads = thread_count(options_);
    host.peak_rss_bytes = peak_rss_bytes();
    const Trainer::WorkSeconds work = trainer_ ? trainer_->work_seconds() : Trainer::WorkSeconds{};
    if (trainer_) host.functional_seconds = work.all_threads;
    if (statistics_) host.timing_seconds = std::max(0.0, caller_cpu_seconds_ - work.caller_cpu);
    return host;
  }

  void add_machine_figures(const PlannedMachine& machine, RunResult& result) const {
    if (const auto& limits = machine.report.balance.limits; !limits.empty()) {
      result.limited_by = limits[0].name;
      result.limit_cycles_per_micro_batch = limits[0].cycles_per_micro_batch;
    }
    if (job_.hardware.area)
      result.area = parted(area_of(*job_.hardware.area, job_.hardware, machine.plan));
    if (!statistics_) return;
    const EnergySpec& energy = job_.hardware.energy;
    result.energy = parted(energy_of(energy, machine.plan, *statistics_));
    result.epoch_joules = energy_by_epoch(energy, machine.plan, *statistics_);
  }

  RunResult gathered() const {
    RunResult result;
    result.provenance = {STAGECOACH_VERSION,
                         job_.hardware.name,
                         job_.workload.name,
                         job_.hardware_sha256,
                         job_.workload_sha256,
                         job_.workload.training.seed,
                         reproducible_command(arguments_)};
    result.host = host_figures();
    result.network = &job_.workload.network;
    result.partition = &job_.workload.stages;
    result.plan = job_.machine ? &job_.machine->plan : nullptr;
    result.statistics = statistics_ ? &*statistics_ : nullptr;
    result.training = training_ ? &*training_ : nullptr;
    result.closed_form_delays = closed_form_delays(job_);
    result.interrupted = door_->stopped_by() != 0;
    if (replay_) result.staleness = replay_->staleness();
    result.target_accuracy = job_.workload.target_accuracy;
    if (job_.machine) add_machine_figures(*job_.machine, result);
    return result;
  }

  const Options& options_;
  const std::vector<std::string>& arguments_;
  ResultDirectory directory_;
  Job job_;
  Progress progress_;
  std::optional<ChromeTrace> trace_;
  std::optional<VcdWriter> waves_;
  std::unique_ptr<Trainer> trainer_;
  NoMathematics nothing_;
  std::optional<ScheduleReplay> replay_;
  std::optional<SignalWatch> signals_;
  std::optional<PendingFile> weights_;
  std::optional<ScheduleRecorder> recorder_;
  std::optional<InterruptibleSink> door_;
  std::vector<std::string> failures_;  ///< what could not be written
  std::optional<RunStatistics> statistics_;
  std::optional<TrainingResult> training_;
  double begin_wall_ = 0;
  double caller_cpu_seconds_ = 0;
};

}  // namespace

ExitStatus run(const Options& options, const std::vector<std::string>& arguments) {
  return Run(options, arguments).execute();
}

}  // namespace stagecoach
