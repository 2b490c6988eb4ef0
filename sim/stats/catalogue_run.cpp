// SPDX-License-Identifier: Apache-2.0
// The statistics of the run as a whole: summary.json from the top.
#include <cmath>

#include "sim/stats/derived.h"
#include "sim/stats/statistic.h"
#include "sim/stats/summary.h"

namespace stagecoach {

namespace {

using RunRow = Statistic<RunView>;
using Rows = std::vector<RunRow>;

template <class View>
OrderedJson list_of(const std::vector<Statistic<View>>& rows, const RunResult& run,
                    std::size_t count) {
  OrderedJson list = OrderedJson::array();
  for (std::size_t i = 0; i < count; ++i) list.push_back(to_json(rows, View{run, i}));
  return list;
}

/// A row that is null without a clock.
RunRow clock_row(const char* path, const char* unit, const char* meaning,
                 std::function<OrderedJson(const RunResult&, const RunStatistics&)> of) {
  return {path, unit, meaning, [of](const RunView& v) {
            return v.run.statistics ? of(v.run, *v.run.statistics) : OrderedJson();
          }};
}

/// A row that is null without a clock or without a known machine.
RunRow machine_row(const char* path, const char* unit, const char* meaning,
                   std::function<OrderedJson(const MachinePlan&, const RunStatistics&)> of) {
  return {path, unit, meaning, [of](const RunView& v) {
            return v.run.statistics && v.run.plan ? of(*v.run.plan, *v.run.statistics)
                                                  : OrderedJson();
          }};
}

RunRow memory_sum(const char* path, const char* meaning,
                  std::function<Bytes(const StageMemory&)> of) {
  return machine_row(path, "bytes", meaning, [of](const MachinePlan& plan, const RunStatistics& s) {
    Bytes sum = 0;
    for (std::size_t k = 0; k < s.stages.size(); ++k) {
      sum += of(stage_peak_memory(plan.stages[k], s.stages[k]));
    }
    return OrderedJson(sum);
  });
}

void append_provenance(Rows& rows) {
  rows.push_back({"schema", "text", "Name and version of this file's format.",
                  [](const RunView&) { return OrderedJson(kSummarySchema); }});
  auto add = [&rows](const char* name, const char* meaning, std::string Provenance::*member) {
    rows.push_back({std::string("provenance.") + name, "text", meaning,
                    [member](const RunView& v) { return OrderedJson(v.run.provenance.*member); }});
  };
  add("version", "Version of the program.", &Provenance::version);
  add("hardware", "Name in the hardware file.", &Provenance::hardware);
  add("workload", "Name in the workload file.", &Provenance::workload);
  add("hardware_sha256", "SHA-256 of the hardware file's bytes.", &Provenance::hardware_sha256);
  add("workload_sha256", "SHA-256 of the workload file's bytes.", &Provenance::workload_sha256);
  rows.push_back({"provenance.seed", "number", "Seed of every random stream.",
                  [](const RunView& v) { return OrderedJson(v.run.provenance.seed); }});
  add("command", "The command line, without options that never change a result (threads, output).",
      &Provenance::command);
}

OrderedJson updates_of(const RunView& v) {
  if (v.run.training) return OrderedJson(v.run.training->updates);
  const auto* s = v.run.statistics;
  return s && !s->stages.empty() ? OrderedJson(s->stages.back().updates) : OrderedJson();
}

const char* word_of(DivergedValue value) {
  switch (value) {
    case DivergedValue::training_loss:
      return "training_loss";
    case DivergedValue::test_loss:
      return "test_loss";
    case DivergedValue::weights:
      return "weights";
  }
  return "";
}

OrderedJson diverged_at(const RunView& v) {
  if (!v.run.training || !v.run.training->divergence) return OrderedJson();
  const Divergence& d = *v.run.training->divergence;
  const bool has_sample = d.sample != Divergence::kNoSample;
  return OrderedJson{{"value", word_of(d.value)},
                     {"epoch", d.epoch},
                     {"sample", has_sample ? OrderedJson(d.sample) : OrderedJson()},
                     {"layer", d.layer},
                     {"weight_version", d.weight_version}};
}

OrderedJson or_null(const std::optional<double>& value) {
  return value ? finite_or_null(*value) : OrderedJson();
}

OrderedJson to_target(const RunView& v) {
  const auto epoch = epoch_to_target(v.run);
  if (!epoch) return OrderedJson();
  return OrderedJson{{"epoch", *epoch},
                     {"accuracy", or_null(epoch_accuracy(v.run, *epoch))},
                     {"simulated_seconds", or_null(epoch_end_seconds(v.run, *epoch))},
                     {"joules", or_null(epoch_end_joules(v.run, *epoch))}};
}

/// Beyond kMostEpochs only a sample, so that the summary of a million epochs can still be read.
OrderedJson epoch_list(const RunResult& run) {
  constexpr std::size_t kMostEpochs = 4096;
  const std::size_t epochs = epochs_begun(run);
  std::size_t stride = 1;
  while (epochs / stride > kMostEpochs) stride *= 2;
  const auto rows = epoch_catalogue();
  OrderedJson list = OrderedJson::array();
  for (std::size_t e = 0; e < epochs; ++e) {
    if (e % stride == 0 || e + 1 == epochs) list.push_back(to_json(rows, EpochView{run, e}));
  }
  return list;
}

void append_training(Rows& rows) {
  rows.push_back({"training.samples", "samples", "Samples trained on, over all epochs.",
                  [](const RunView& v) { return OrderedJson(samples_of(v.run)); }});
  rows.push_back({"training.updates", "updates", "Weight updates of the last stage.", updates_of});
  rows.push_back({"training.kernels", "word",
                  "Kernels that computed the numbers: \"fast\" (fast kernels where they exist) or "
                  "\"eigen\" (definitions in Eigen only). The last bits depend on them. Null "
                  "without numbers.",
                  [](const RunView& v) {
                    return v.run.training ? OrderedJson(to_word(v.run.kernels)) : OrderedJson();
                  }});
  rows.push_back({"training.epochs", "list",
                  "One object per epoch. If there are more than 4096 epochs, only the first, every "
                  "2nd (4th, ...) and the last; epochs.csv has all of them.",
                  [](const RunView& v) { return epoch_list(v.run); }});
  rows.push_back({"training.target_accuracy", "ratio",
                  "Target of the workload; null if it has none.",
                  [](const RunView& v) { return or_null(v.run.target_accuracy); }});
  rows.push_back(
      {"training.to_target", "object",
       "The first epoch (from 0) whose test accuracy reaches the target; its accuracy; "
       "simulated_seconds and joules from the start of the run to the end of this epoch. Without a "
       "test set the training accuracy counts. Null if no epoch reaches the target.",
       to_target});
  rows.push_back({"training.diverged", "true or false",
                  "Whether the run ended because a training loss, a test loss or a weight was NaN "
                  "or infinite; "
                  "null without numbers.",
                  [](const RunView& v) {
                    return v.run.training ? OrderedJson(v.run.training->divergence.has_value())
                                          : OrderedJson();
                  }});
  rows.push_back(
      {"training.diverged_at", "object",
       "The value that was not finite (training_loss, test_loss, weights); the epoch and the "
       "sample in the epoch's order, both from 0 (sample null: seen at the end of the epoch); the "
       "first layer whose output or weights were not finite, and its weight version. Null if the "
       "training did not diverge.",
       diverged_at});
  rows.push_back({"training.interrupted", "true or false",
                  "Whether a signal (SIGINT, SIGTERM, SIGHUP) ended the run; its last epoch may be "
                  "incomplete.",
                  [](const RunView& v) { return OrderedJson(v.run.interrupted); }});
  rows.push_back({"training.complete", "true or false",
                  "Whether the run reached its end: false during the run, and if a signal or a "
                  "divergence ended it early.",
                  [](const RunView& v) { return OrderedJson(v.run.complete); }});
  rows.push_back(
      {"training.order_hash", "text",
       "Hash of the order of operations of every stage. Two runs of the same workload, seed and "
       "instruction set with the same hash have the same weights, on any hardware. Null if the run "
       "is not complete.",
       [](const RunView& v) {
         return v.run.order_hash ? OrderedJson(*v.run.order_hash) : OrderedJson();
       }});
}

void append_timing(Rows& rows) {
  rows.push_back(clock_row(
      "timing.cycles", "cycles", "Simulated cycles from 0 to the end of the last operation.",
      [](const RunResult&, const RunStatistics& s) { return OrderedJson(s.cycles); }));
  rows.push_back({"timing.clock_mhz", "MHz", "Clock of the machine.", [](const RunView& v) {
                    return v.run.plan ? finite_or_null(v.run.plan->clock_mhz) : OrderedJson();
                  }});
  rows.push_back(machine_row("timing.simulated_seconds", "seconds", "timing.cycles over the clock.",
                             [](const MachinePlan& plan, const RunStatistics& s) {
                               return finite_or_null(seconds_of(plan, s.cycles));
                             }));
  rows.push_back(machine_row("timing.samples_per_simulated_second", "samples per second",
                             "Rate over the whole run, including filling and draining.",
                             [](const MachinePlan& plan, const RunStatistics& s) {
                               return ratio_or_null(s.samples, seconds_of(plan, s.cycles));
                             }));
  rows.push_back({"timing.steady_cycles_per_sample", "cycles",
                  "Mean between the mini-batches at one quarter and three quarters of the run (of "
                  "`hybrid`, in whichever part they are). Null if the run is too short: if more "
                  "samples left than entered between these mini-batches, or if they left faster "
                  "than the closed-form bound allows.",
                  [](const RunView& v) { return or_null(steady_cycles_per_sample(v.run)); }});
  rows.push_back(
      {"timing.forward_only", "true or false",
       "Whether the run was inference (--forward-only): no backward, update or loss.",
       [](const RunView& v) { return OrderedJson(v.run.plan && v.run.plan->forward_only); }});
  rows.push_back(machine_row(
      "timing.first_micro_batch_cycles", "cycles",
      "Inference only: from 0 until the first micro-batch had left the pipeline, including the "
      "host ingress. This is the latency of an answer in an empty pipeline.",
      [](const MachinePlan& plan, const RunStatistics& s) {
        return plan.forward_only ? OrderedJson(s.first_left) : OrderedJson();
      }));
  rows.push_back({"timing.steady_samples_per_second", "samples per second",
                  "The clock over steady_cycles_per_sample; in inference: frames per second.",
                  [](const RunView& v) {
                    const auto cycles = steady_cycles_per_sample(v.run);
                    if (!cycles || !v.run.plan) return OrderedJson();
                    return ratio_or_null(v.run.plan->clock_mhz * 1e6, *cycles);
                  }});
  rows.push_back({"timing.limited_by", "text",
                  "The resource that bounds the steady rate in closed form: a core, a link, the "
                  "host, or the micro-batches that a buffer or the schedule lets a stage hold.",
                  [](const RunView& v) {
                    return v.run.limited_by.empty() ? OrderedJson() : OrderedJson(v.run.limited_by);
                  }});
  rows.push_back(
      {"timing.limit_cycles_per_micro_batch", "cycles",
       "The bound of limited_by: in the steady state of elastic pacing the mean distance of "
       "micro-batches is at least this long.",
       [](const RunView& v) {
         const auto& limit = v.run.limit_cycles_per_micro_batch;
         return limit ? finite_or_null(*limit) : OrderedJson();
       }});
}

OrderedJson mean_utilization(const RunStatistics& s) {
  double sum = 0;
  for (const auto& stage : s.stages) {
    if (stage.cycles.total() == 0) return OrderedJson();
    sum += static_cast<double>(stage.cycles.busy()) / static_cast<double>(stage.cycles.total());
  }
  return ratio_or_null(sum, s.stages.size());
}

OrderedJson mean_steady_utilization(const RunResult& run, const RunStatistics& s) {
  if (!steady_cycles_per_sample(run)) return OrderedJson();
  double sum = 0;
  for (std::size_t k = 0; k < s.stages.size(); ++k) {
    const auto one = steady_utilization(s, static_cast<int>(k));
    if (!one) return OrderedJson();
    sum += *one;
  }
  return ratio_or_null(sum, s.stages.size());
}

OrderedJson total_mac_utilization(const MachinePlan& plan, const RunStatistics& s) {
  double done = 0;
  double possible = 0;
  for (std::size_t k = 0; k < s.stages.size(); ++k) {
    const auto here = macs_possible(plan, static_cast<int>(k), s.cycles);
    if (!here) return OrderedJson();
    done += static_cast<double>(macs_done(s.stages[k]));
    possible += *here;
  }
  return ratio_or_null(done, possible);
}

void append_totals(Rows& rows) {
  rows.push_back(
      clock_row("utilization.mean", "ratio", "Mean of the stages' utilization.",
                [](const RunResult&, const RunStatistics& s) { return mean_utilization(s); }));
  rows.push_back(clock_row("utilization.steady_mean", "ratio",
                           "Mean of the stages' utilization in the middle half of the run. Null if "
                           "there are no windows, "
                           "or if the run is too short for a steady state.",
                           mean_steady_utilization));
  rows.push_back(machine_row("utilization.mac_mean", "ratio",
                             "MACs done over MACs possible, on all cores that serve a stage.",
                             total_mac_utilization));
  rows.push_back(memory_sum("memory.peak_bytes", "Sum of the stages' peaks.",
                            [](const StageMemory& m) { return m.total(); }));
  rows.push_back(
      {"memory.weights_bytes", "bytes", "Sum of the stages' weights_bytes.", [](const RunView& v) {
         if (!v.run.plan) return OrderedJson();
         Bytes sum = 0;
         for (const auto& p : v.run.plan->stages) {
           sum += p.weights_bytes + p.predicted_bytes;
         }
         return OrderedJson(sum);
       }});
  rows.push_back(memory_sum("memory.activations_peak_bytes",
                            "Sum of the stages' activations_peak_bytes.",
                            [](const StageMemory& m) { return m.activations; }));
}

OrderedJson dram_channel(const RunView& v) {
  if (!v.run.statistics || !v.run.statistics->dram) return OrderedJson();
  const DramStatistics& d = *v.run.statistics->dram;
  return OrderedJson{{"bytes", d.bytes},
                     {"busy_cycles", d.busy_cycles},
                     {"wait_cycles", d.wait_cycles},
                     {"utilization", ratio_or_null(static_cast<double>(d.busy_cycles),
                                                   static_cast<double>(v.run.statistics->cycles))}};
}

void append_dram(Rows& rows) {
  rows.push_back(
      {"memory.dram_channel", "object",
       "The channel to DRAM, if the machine simulates it (dram.arbitration first_come): "
       "bytes in both directions, busy_cycles, wait_cycles (time that requests waited for "
       "other transfers), utilization (busy_cycles over all cycles). Null otherwise.",
       dram_channel});
}

void append_interconnect(Rows& rows) {
  rows.push_back(clock_row("interconnect.bytes", "bytes",
                           "Bytes on all links; a byte over two links counts twice.",
                           [](const RunResult&, const RunStatistics& s) {
                             Bytes sum = 0;
                             for (const auto& l : s.links) sum += l.bytes;
                             return OrderedJson(sum);
                           }));
  rows.push_back(clock_row(
      "interconnect.host_bytes", "bytes",
      "Bytes of the samples from the host and of the outputs to it.",
      [](const RunResult&, const RunStatistics& s) { return OrderedJson(s.host_bytes); }));
  rows.push_back(clock_row("interconnect.links", "list", "One object per link.",
                           [](const RunResult& run, const RunStatistics& s) {
                             return list_of(link_catalogue(), run, s.links.size());
                           }));
}

}  // namespace

OrderedJson finite_or_null(double value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson();
}

OrderedJson ratio_or_null(double numerator, double denominator) {
  return finite_or_null(numerator / denominator);
}

Rows run_catalogue() {
  Rows rows;
  append_provenance(rows);
  append_training(rows);
  append_timing(rows);
  rows.push_back({"stages", "list", "One object per stage.", [](const RunView& v) {
                    return list_of(stage_catalogue(), v.run, v.run.partition->size());
                  }});
  rows.push_back({"layers", "list",
                  "One object per layer. Passes count per sample, the update per update. The "
                  "layers of a stage add up to its operations, less operation_overhead_cycles of "
                  "each, unless its core overlaps units or passes, has fixed cycles, or DRAM is "
                  "slower.",
                  [](const RunView& v) {
                    return list_of(layer_catalogue(), v.run, v.run.network->layers.size());
                  }});
  for (RunRow& row : loss_catalogue()) rows.push_back(std::move(row));
  append_totals(rows);
  append_dram(rows);
  append_interconnect(rows);
  for (RunRow& row : energy_catalogue()) rows.push_back(std::move(row));
  for (RunRow& row : host_catalogue()) rows.push_back(std::move(row));
  return rows;
}

}  // namespace stagecoach
