// SPDX-License-Identifier: Apache-2.0
#include "sim/app/job.h"

#include <algorithm>
#include <thread>

#include "models/base/error.h"
#include "sim/app/engine_library.h"
#include "sim/config/hardware_config.h"
#include "sim/files/sha256.h"
#include "sim/plan/mapping.h"

namespace stagecoach {
namespace {

/// Samples per epoch: from the data, or (nothing loaded) from the file.
std::int64_t samples_per_epoch(const Job& job) {
  return job.data ? job.data->size(Split::train) : job.workload.dataset.train_samples;
}

void load_data(Job& job, const Options& options, Issues& issues) {
  const bool counts_known = job.workload.dataset.train_samples > 0;
  if (options.timing_only && counts_known) return;
  try {
    job.data = job.engine->load_dataset(job.workload.dataset);
  } catch (const UserError& error) {
    std::string message = located(job.workload, error.what());
    const bool missing = message.find("no such file") != std::string::npos;
    if (missing && options.data_dir.empty()) message += "; --data DIR says where data sets lie";
    if (options.timing_only || options.ask == Ask::check)
      message += "; --timing-only needs no data once --samples says how many";
    throw UserError(message);
  }
  check_dataset(job.workload, facts_of(*job.data), issues);
  issues.throw_if_any();
}

/// Gives a message about the machine the name of the file that it is about.
std::string located_in(const Document& hardware, const std::string& message) {
  const std::string prefix = "hardware ";
  if (message.compare(0, prefix.size() + 1, prefix + "/") != 0)
    return hardware.label() + ": " + message;
  const std::size_t colon = message.find(": ");
  return hardware.where(message.substr(prefix.size(), colon - prefix.size())) +
         message.substr(colon);
}

/// Cuts the network and makes the schedule, now that hardware and micro-batches are known.
void cut(Job& job) {
  WorkloadConfig& workload = job.workload;
  const TrainSpec& train = workload.training;
  job.micro_batches = std::make_unique<MicroBatchPlan>(samples_per_epoch(job), train.epochs,
                                                       train.batch_size, train.micro_batch_size);
  workload.schedule.switch_micro_batch = switch_micro_batch(workload, *job.micro_batches);
  try {
    CutRun cut = cut_run(job.hardware, run_to_plan(job));
    workload.stages = std::move(cut.stages);
    job.schedule = std::move(cut.schedule);
    if (workload.balanced_stages > 0) workload.partition = {PartitionKind::cuts, cut.cuts};
  } catch (const UserError& error) {
    throw UserError(located(workload, error.what()));
  }
}

/// What does not fit, and what would: "enforce" refuses the first without the second.
void plan_machine(Job& job, const Document& hardware, FitCheck fit) {
  const auto advice = [&] {
    job.advice = advice_for(job.hardware, run_to_plan(job));
    return advice_text(job.advice);
  };
  try {
    job.machine = build_machine_plan(job.hardware, job.workload.network, job.workload.stages,
                                     *job.micro_batches, *job.schedule, job.workload.training,
                                     FitCheck::report);
    if (job.machine->report.problems.empty()) return;
    const std::string text = advice();
    if (fit == FitCheck::enforce)
      throw UserError(problems_text(job.machine->report.problems) + "\n" + text);
  } catch (const MappingError& error) {
    throw UserError(located_in(hardware, error.what()) + "\n" + advice());
  } catch (const UserError& error) {
    throw UserError(located_in(hardware, error.what()));
  }
}

/// A trace that begins after the run's last sample would be empty.
void check_trace_window(const Job& job, const Options& options) {
  const std::int64_t samples = job.micro_batches->samples();
  if (options.trace_from < samples) return;
  throw UserError("--trace-from: found " + std::to_string(options.trace_from) +
                  "; allowed: at most " + std::to_string(samples - 1) + ", the last of the run's " +
                  std::to_string(samples) + " samples");
}

/// Inference in place of the training that the workload asks for: every sample once, in elastic
/// pacing, in micro-batches of the workload's size.
void make_forward_only(Job& job) {
  WorkloadConfig& workload = job.workload;
  workload.schedule = ScheduleSpec{};
  workload.schedule.forward_only = true;
  workload.switch_epoch.reset();
  workload.training.epochs = 1;
  workload.training.batch_size = workload.training.micro_batch_size;
  job.hardware.mapping.split_forward_backward = false;  // there is one direction
}

}  // namespace

Job load_job(const Options& options, FitCheck fit) {
  Job job;
  // Without numbers any engine will do: the program's own.
  job.engine =
      options.timing_only ? stagecoach_engine_door() : &open_engine(options.instruction_set);
  Issues issues;
  Document hardware = Document::from_file(options.hardware_file, issues, "hw");
  Document workload = Document::from_file(options.workload_file, issues, "workload");
  apply_overrides(options, hardware, workload, issues);
  if (hardware.ok()) job.hardware = read_hardware(hardware, issues);
  if (workload.ok()) job.workload = read_workload(workload, options.data_dir, issues);
  issues.throw_if_any();
  job.hardware_sha256 = sha256_hex(hardware.text());
  job.workload_sha256 = sha256_hex(workload.text());
  load_data(job, options, issues);
  if (options.forward_only) make_forward_only(job);
  cut(job);
  check_trace_window(job, options);
  if (options.replay_file.empty()) plan_machine(job, hardware, fit);
  return job;
}

RunToPlan run_to_plan(const Job& job) {
  const WorkloadConfig& workload = job.workload;
  RunToPlan run;
  run.network = &workload.network;
  run.micro_batches = job.micro_batches.get();
  run.train = workload.training;
  run.schedule = workload.schedule;
  run.stages = workload.stages;
  run.balanced_stages = workload.balanced_stages;
  return run;
}

int thread_count(const Options& options) {
  if (options.threads > 0) return options.threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::vector<int> closed_form_delays(const Job& job) {
  std::vector<int> delays;
  if (job.forward_only()) return delays;
  for (int k = 0; k < job.stages(); ++k) delays.push_back(job.schedule->delay(k));
  return delays;
}

TrainerOptions trainer_options(const Job& job, const Options& options) {
  TrainerOptions t;
  t.threads = thread_count(options);
  t.precision = options.precision;
  t.kernels = options.kernels;
  t.shuffle = job.workload.dataset.shuffle;
  t.max_in_flight = job.schedule->max_in_flight(0);
  for (int k = 0; k < job.stages(); ++k) t.policies.push_back(job.schedule->stage_policy(k));
  t.stage_work = expected_stage_work(job.workload.network, job.workload.stages);
  return t;
}

}  // namespace stagecoach
