// SPDX-License-Identifier: Apache-2.0
#include "sim/app/run.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <limits>
#include <optional>

#include "models/base/error.h"
#include "models/base/host_clock.h"
#include "models/base/host_memory.h"
#include "sim/app/checkpoints.h"
#include "sim/app/earlier_run.h"
#include "sim/app/file_uses.h"
#include "sim/app/interrupt.h"
#include "sim/app/job.h"
#include "sim/app/notes.h"
#include "sim/app/progress.h"
#include "sim/app/recording.h"
#include "sim/app/run_files.h"
#include "sim/app/run_identity.h"
#include "sim/config/resolved_config.h"
#include "sim/files/descriptor_buffer.h"
#include "sim/plan/placement.h"
#include "sim/recording/order_hash.h"
#include "sim/schedule/lockstep.h"
#include "sim/stats/energy.h"
#include "sim/stats/number_text.h"
#include "sim/stats/provenance.h"
#include "sim/stats/terminal_summary.h"
#include "sim/system/simulation.h"
#include "sim/trace/wave_sinks.h"

namespace stagecoach {
namespace {

/// Takes operations and computes nothing: --timing-only.
class NoMathematics : public OpSink {
 public:
  bool emit(const Op&) override { return true; }
};

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

/// Everything between the job and its results.
class Run {
 public:
  Run(const Options& options, const std::vector<std::string>& arguments)
      : options_(options),
        arguments_(arguments),
        files_(options),
        job_(load_job(options, FitCheck::enforce)),
        terminal_(&terminal_buffer_),
        progress_(terminal_, !options.quiet && isatty(STDERR_FILENO),
                  job_.micro_batches->samples()) {
    // Files that cannot be used are told before any work is done.
    check_file_uses(job_, options_);
    if (!options_.replay_file.empty()) {
      verify_replay(job_, options_.replay_file);
      replay_.emplace(options_.replay_file, recorded_run(job_), *job_.schedule,
                      *job_.micro_batches);
    }
    if (!options_.quiet)
      for (const std::string& note : notes_of(job_, options_))
        std::cerr << "note: " << note << "\n";
    if (options_.resume) {
      earlier_ = earlier_run(files_.directory(), provenance());
      if (nothing_left()) return;
    }
    if (!options_.timing_only) make_the_trainer();
    if (options_.checkpoint_minutes || options_.resume) prepare_checkpoints();
    signals_.emplace(options_.quiet);  // from here on a signal ends the run; before, the program
    files_.open(job_, engine());
    order_.emplace(job_.stages(), files_.recorder() ? *files_.recorder() : engine());
    watched_.emplace(*order_, progress_, *job_.micro_batches, running_figures());
    door_.emplace(*watched_);
  }

  ExitStatus execute() {
    if (nothing_left()) return tell_of_earlier_end();
    if (!options_.resume) Checkpoints(checkpoint_folder(), "").clear();  // --force: of another run
    begin_wall_ = wall_seconds();
    const double begin_cpu = thread_cpu_seconds();
    if (replay_)
      replay_->run(*door_);
    else if (options_.functional_only)
      run_lockstep_order(*job_.schedule, *job_.micro_batches, job_.stages(), *door_,
                         lockstep_capacities());
    else
      simulate_machine();
    if (checkpointing_ && checkpointing_->catching_up()) return stopped_while_catching_up();
    // An epoch whose evaluation was given up has no results that a resumed run could go on from.
    const bool gave_up = trainer_ && trainer_->gave_up_evaluation();
    if (checkpointing_ && door_->stopped_by() != 0 && !gave_up) checkpointing_->take();
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
  /// --resume, and the folder holds this run's end.
  bool nothing_left() const {
    const bool ended = earlier_ == EarlierRun::complete || earlier_ == EarlierRun::diverged;
    return ended && !options_.force;
  }

  ExitStatus tell_of_earlier_end() const {
    for (const std::string& file : {options_.save_weights_file, options_.record_file}) {
      if (!file.empty() && !std::filesystem::exists(file))
        throw UserError("--resume: the run in " + options_.out_dir + " has ended, but " + file +
                        " is not there; add --force to run again");
    }
    Checkpoints(checkpoint_folder(), "").clear();
    const bool diverged = earlier_ == EarlierRun::diverged;
    if (diverged || !options_.quiet)  // why the status is not 0 is always told
      std::cerr << "stagecoach: the run in " << options_.out_dir
                << (diverged ? " has diverged" : " is complete") << ": nothing is left to do\n";
    return diverged ? ExitStatus::diverged : ExitStatus::done;
  }

  std::string checkpoint_folder() const { return files_.directory().path_of(kCheckpointFolder); }

  void tell(const std::string& sentence) {
    progress_.clear();
    std::cerr << "stagecoach: " << sentence << "\n";
  }

  /// Restores the checkpoint that --resume asks for, and puts the sink that takes new ones in
  /// place.
  void prepare_checkpoints() {
    checkpoints_.emplace(checkpoint_folder(), run_identity(job_, options_));
    const auto note = [this](const std::string& sentence) { tell(sentence); };
    std::optional<std::int64_t> skip;
    if (options_.resume) {
      skip = checkpoints_->restore(*trainer_, note);
      if (!skip && earlier_ == EarlierRun::another && !options_.force)
        throw UserError("--out " + options_.out_dir +
                        ": holds the result of another command or version (summary.json) and no "
                        "checkpoint; add --force to replace it, or give another directory");
      if (skip && !options_.quiet)
        tell("continues after " + with_separators(*skip) +
             " operations; the machine simulates these again");
    }
    std::optional<std::chrono::duration<double>> every;
    if (options_.checkpoint_minutes)
      every = std::chrono::duration<double, std::ratio<60>>(*options_.checkpoint_minutes);
    checkpointing_.emplace(*trainer_, *checkpoints_, skip.value_or(0), every, note,
                           [this] { progress_.restart(); });
  }

  /// Null where no numbers are computed.
  std::function<std::optional<RunningFigures>()> running_figures() const {
    if (!trainer_) return nullptr;
    return [this] { return trainer_->running(); };
  }

  /// The results of what was simulated again would be older than those that are there.
  ExitStatus stopped_while_catching_up() {
    if (door_->stopped_by() == 0) throw ModelBug("the run is shorter than its checkpoint says");
    if (!options_.quiet)
      tell(
          "stopped before it had reached its checkpoint again; the checkpoint and the results so "
          "far stay");
    return status();
  }

  void make_the_trainer() {
    TrainerOptions options = trainer_options(job_, options_);
    options.on_epoch = [this](std::int64_t epoch, const EpochResult& result) {
      if (files_.epochs_due()) update_files(epoch + 1);
      if (options_.quiet) return;
      progress_.clear();
      std::cerr << epoch_line(epoch, result) << std::endl;
    };
    // With checkpoints a run goes on from here, so its evaluation is worth waiting for.
    options.gives_up_evaluation = [this] { return signals_noted() > (checkpointing_ ? 1 : 0); };
    trainer_ =
        job_.engine->make_trainer(job_.workload.network, job_.workload.stages,
                                  job_.workload.training, *job_.micro_batches, *job_.data, options);
    if (options_.init_weights_file.empty()) return;
    const std::string& file = options_.init_weights_file;
    for (const std::string& note : trainer_->import_weights(read_safetensors(file), file))
      if (!options_.quiet) std::cerr << "note: " << file << ": " << note << "\n";
  }

  /// Brings the results on disk up to date: `epochs` are complete, and the run goes on.
  void update_files(std::int64_t epochs) {
    TrainingResult so_far = trainer_->result();
    so_far.samples = epochs * job_.micro_batches->samples_per_epoch();
    so_far.updates = epochs * job_.micro_batches->batches_per_epoch();
    RunResult result = gathered();
    result.training = &so_far;
    result.complete = false;
    files_.update(result);
  }

  /// In lockstep a small buffer changes the order of operations, clock or no clock. What elastic
  /// pacing would make of it needs the clock.
  std::vector<std::int64_t> lockstep_capacities() const {
    const bool elastic = job_.workload.schedule.pacing == Pacing::elastic;
    return elastic ? std::vector<std::int64_t>{} : buffer_capacities(job_.machine->plan);
  }

  void simulate_machine() {
    SimulationOptions options;
    options.output_bytes_per_sample = output_bytes(job_.workload.network, job_.hardware.elements);
    if (options_.trace && options_.perfetto)
      waves_.add(files_.begin_perfetto(job_, window_of("trace", kVcdSliceCap)));
    if (options_.vcd) waves_.add(files_.begin_waves(job_, window_of("waves", kVcdSliceCap)));
    if (options_.trace && !options_.perfetto) {
      const TraceWindow window = window_of("trace", kTraceSliceCap);
      options.spans = &files_.begin_trace(job_, window);
      options.trace_from = window.first;
      options.trace_micro_batches = window.end - window.first;
    }
    options.stops = [this] { return door_->stops(); };
    if (!waves_.empty()) options.waves = &waves_;
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
                << " micro-batches, because its limit is " << slice_cap
                << " operations; see --trace-from, --trace-samples\n";
    }
    return window;
  }

  /// What executes operations.
  OpSink& engine() {
    if (checkpointing_) return *checkpointing_;
    return trainer_ ? static_cast<OpSink&>(*trainer_) : nothing_;
  }

  /// Why not all operations were handed over; "": they were.
  std::string stopped_because() const {
    if (!statistics_ || !statistics_->stopped_early) return "";
    return door_->stopped_by() ? "the run was interrupted"
                               : "the training diverged and the run is not complete; "
                                 "--timing-only records all of it";
  }

  /// Everything is written before anything is told: whoever reads the report may go away.
  void report() {
    RunResult result = gathered();
    if (result.complete) result.order_hash = order_->text();
    const OrderedJson summary = files_.finish(result, trainer_.get(), stopped_because());
    std::cout << terminal_summary(summary, files_.directory().path(), files_.directory().written())
              << std::flush;
    for (const std::string& failure : files_.failures())
      std::cerr << "stagecoach: " << failure << "\n";
    if (checkpoints_ && files_.failures().empty() && door_->stopped_by() == 0)
      checkpoints_->clear();
  }

  ExitStatus status() const {
    if (!files_.failures().empty()) return ExitStatus::user_error;
    switch (door_->stopped_by()) {
      case SIGHUP:
        return ExitStatus::hung_up;
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
    host.peak_rss_bytes = peak_resident_bytes();
    const Trainer::WorkSeconds work = trainer_ ? trainer_->work_seconds() : Trainer::WorkSeconds{};
    if (trainer_) {
      host.functional_seconds = work.all_threads;
      host.instruction_set = job_.engine->instruction_set;
    }
    if (checkpointing_) {
      const CheckpointCost& cost = checkpointing_->cost();
      host.checkpoints = cost.written;
      host.checkpoint_bytes = cost.bytes;
      host.checkpoint_seconds = cost.seconds;
      host.catch_up_seconds = cost.catch_up_seconds;
    }
    if (statistics_) host.timing_seconds = std::max(0.0, caller_cpu_seconds_ - work.caller_cpu);
    return host;
  }

  void add_machine_figures(const PlannedMachine& machine, RunResult& result) const {
    if (const auto& limits = machine.report.balance.limits; !limits.empty()) {
      result.limited_by = limits[0].name;
      result.limit_cycles_per_micro_batch = limits[0].cycles_per_micro_batch;
    }
    if (const auto& area = job_.hardware.area) {
      result.area = area_of(*area, job_.hardware, machine.plan);
      result.used_area_mm2 = used_area_of(*area, job_.hardware, machine.plan);
    }
    if (!statistics_ || !job_.hardware.energy) return;
    const EnergySpec& energy = *job_.hardware.energy;
    result.energy = energy_of(energy, machine.plan, *statistics_);
    result.energy_by_place = energy_by_place(energy, machine.plan, *statistics_);
    result.epoch_joules = energy_by_epoch(energy, machine.plan, *statistics_);
  }

  Provenance provenance() const {
    return {STAGECOACH_VERSION,
            job_.hardware.name,
            job_.workload.name,
            job_.hardware_sha256,
            job_.workload_sha256,
            job_.workload.training.seed,
            reproducible_command(arguments_)};
  }

  RunResult gathered() const {
    RunResult result;
    result.provenance = provenance();
    result.config_text = resolved_config_text(job_.hardware, job_.workload);
    result.host = host_figures();
    result.network = &job_.workload.network;
    result.partition = &job_.workload.stages;
    result.samples_per_epoch = job_.micro_batches->samples_per_epoch();
    result.plan = job_.machine ? &job_.machine->plan : nullptr;
    result.statistics = statistics_ ? &*statistics_ : nullptr;
    result.training = training_ ? &*training_ : nullptr;
    result.closed_form_delays = closed_form_delays(job_);
    result.interrupted = door_->stopped_by() != 0;
    result.complete = !result.interrupted && !(training_ && training_->divergence);
    if (replay_) result.staleness = replay_->staleness();
    result.target_accuracy = job_.workload.target_accuracy;
    result.kernels = options_.kernels;
    if (job_.machine) add_machine_figures(*job_.machine, result);
    return result;
  }

  const Options& options_;
  const std::vector<std::string>& arguments_;
  RunFiles files_;
  WaveSinks waves_;
  Job job_;
  /// Past std::cerr, which would write the bar's carriage returns out.
  DescriptorBuffer terminal_buffer_{STDERR_FILENO};
  std::ostream terminal_;
  Progress progress_;
  std::unique_ptr<Trainer> trainer_;
  NoMathematics nothing_;
  EarlierRun earlier_ = EarlierRun::none;
  std::optional<Checkpoints> checkpoints_;
  std::optional<CheckpointingSink> checkpointing_;
  std::optional<ScheduleReplay> replay_;
  std::optional<SignalWatch> signals_;
  std::optional<OrderHash> order_;
  std::optional<ProgressSink> watched_;
  std::optional<InterruptibleSink> door_;
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
