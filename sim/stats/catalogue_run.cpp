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
  rows.push_back({"schema", "text", "Name and number of this layout.",
                  [](const RunView&) { return OrderedJson(kSummarySchema); }});
  auto add = [&rows](const char* name, const char* meaning, std::string Provenance::*member) {
    rows.push_back({std::string("provenance.") + name, "text", meaning,
                    [member](const RunView& v) { return OrderedJson(v.run.provenance.*member); }});
  };
  add("version", "Of the program.", &Provenance::version);
  add("hardware", "Name in the hardware file.", &Provenance::hardware);
  add("workload", "Name in the workload file.", &Provenance::workload);
  add("hardware_sha256", "SHA-256 of the hardware file's bytes.", &Provenance::hardware_sha256);
  add("workload_sha256", "SHA-256 of the workload file's bytes.", &Provenance::workload_sha256);
  rows.push_back({"provenance.seed", "number", "Seed of every random stream.",
                  [](const RunView& v) { return OrderedJson(v.run.provenance.seed); }});
  add("command", "The command line, without what never changes a result (threads, output).",
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
  rows.push_back({"training.samples", "samples", "Trained on, over all epochs.",
                  [](const RunView& v) { return OrderedJson(samples_of(v.run)); }});
  rows.push_back({"training.updates", "updates", "Of the last stage.", updates_of});
  rows.push_back({"training.kernels", "word",
                  "What computed the numbers, to their last bits: \"fast\", fast paths where there "
                  "are some, or \"eigen\", definitions alone; null without numbers.",
                  [](const RunView& v) {
                    return v.run.training ? OrderedJson(to_word(v.run.kernels)) : OrderedJson();
                  }});
  rows.push_back({"training.epochs", "list",
                  "One object per epoch; of more than 4096 every 2nd, 4th, ... and the first and "
                  "last: epochs.csv has all of them.",
                  [](const RunView& v) { return epoch_list(v.run); }});
  rows.push_back({"training.target_accuracy", "ratio", "Of the workload; null if it has none.",
                  [](const RunView& v) { return or_null(v.run.target_accuracy); }});
  rows.push_back(
      {"training.to_target", "object",
       "The first epoch, from 0, whose test accuracy (training accuracy without a test set) is at "
       "least the target, with that accuracy and with simulated_seconds and joules from the start "
       "of the run to that epoch's end; null if none is.",
       to_target});
  rows.push_back(
      {"training.diverged", "true or false",
       "A loss, a test loss or a weight was NaN or infinite and the run ended there; null "
       "without numbers.",
       [](const RunView& v) {
         return v.run.training ? OrderedJson(v.run.training->divergence.has_value())
                               : OrderedJson();
       }});
  rows.push_back(
      {"training.diverged_at", "object",
       "Which value (training_loss, test_loss, weights); epoch, and sample in its order, from 0 "
       "(null: seen at the end of the epoch); the layer whose output, or weights, are the first "
       "that are not finite, and its weight version; null if it did not.",
       diverged_at});
  rows.push_back(
      {"training.interrupted", "true or false",
       "A signal (SIGINT, SIGTERM) ended the run there; its last epoch may be incomplete.",
       [](const RunView& v) { return OrderedJson(v.run.interrupted); }});
  rows.push_back({"training.complete", "true or false",
                  "The run went to its end: false while it lasts, and where a signal or a "
                  "divergence ended it before.",
                  [](const RunView& v) { return OrderedJson(v.run.complete); }});
  rows.push_back(
      {"training.order_hash", "text",
       "Of what each stage did, in its order: two runs of one workload, seed and instruction set "
       "with the same hash have the same weights, whatever the hardware; null of a run that is not "
       "complete.",
       [](const RunView& v) {
         return v.run.order_hash ? OrderedJson(*v.run.order_hash) : OrderedJson();
       }});
}

void append_timing(Rows& rows) {
  rows.push_back(
      clock_row("timing.cycles", "cycles", "From 0 to the end of the last operation.",
                [](const RunResult&, const RunStatistics& s) { return OrderedJson(s.cycles); }));
  rows.push_back({"timing.clock_mhz", "MHz", "Of the whole machine.", [](const RunView& v) {
                    return v.run.plan ? finite_or_null(v.run.plan->clock_mhz) : OrderedJson();
                  }});
  rows.push_back(machine_row("timing.simulated_seconds", "seconds", "cycles over the clock.",
                             [](const MachinePlan& plan, const RunStatistics& s) {
                               return finite_or_null(seconds_of(plan, s.cycles));
                             }));
  rows.push_back(machine_row("timing.samples_per_simulated_second", "samples per second",
                             "Over the whole run, filling and draining included.",
                             [](const MachinePlan& plan, const RunStatistics& s) {
                               return ratio_or_null(s.samples, seconds_of(plan, s.cycles));
                             }));
  rows.push_back({"timing.steady_cycles_per_sample", "cycles",
                  "Between the mini-batches at one and three quarters of the run (of `hybrid`, "
                  "whichever part they are in); null if it is too short to say: if more samples "
                  "left than entered between them, or faster than anything could in the long run.",
                  [](const RunView& v) { return or_null(steady_cycles_per_sample(v.run)); }});
  rows.push_back({"timing.forward_only", "true or false",
                  "Inference (--forward-only): no backward, no update, no loss.", [](const RunView& v) {
                    return OrderedJson(v.run.plan && v.run.plan->forward_only);
                  }});
  rows.push_back(machine_row(
      "timing.first_micro_batch_cycles", "cycles",
      "Of inference: until the first micro-batch had left the pipeline, its way in from the host "
      "included: how long an answer takes that nothing else delays.",
      [](const MachinePlan& plan, const RunStatistics& s) {
        return plan.forward_only ? OrderedJson(s.first_left) : OrderedJson();
      }));
  rows.push_back({"timing.steady_samples_per_second", "samples per second",
                  "The clock over steady_cycles_per_sample; of inference: frames a second.",
                  [](const RunView& v) {
                    const auto cycles = steady_cycles_per_sample(v.run);
                    if (!cycles || !v.run.plan) return OrderedJson();
                    return ratio_or_null(v.run.plan->clock_mhz * 1e6, *cycles);
                  }});
  rows.push_back({"timing.limited_by", "text",
                  "What bounds the steady rate in closed form: a core, a link, the host, or the "
                  "micro-batches that a buffer or the schedule lets a stage hold.",
                  [](const RunView& v) {
                    return v.run.limited_by.empty() ? OrderedJson() : OrderedJson(v.run.limited_by);
                  }});
  rows.push_back(
      {"timing.limit_cycles_per_micro_batch", "cycles",
       "That bound in closed form: in elastic pacing micro-batches end at least this far apart.",
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
  rows.push_back(clock_row(
      "utilization.steady_mean", "ratio",
      "The same over the windows in the middle half of the run; null if there are none, or if "
      "the run is too short for a steady state.",
      mean_steady_utilization));
  rows.push_back(machine_row("utilization.mac_mean", "ratio",
                             "MACs done over MACs possible on all cores of stages.",
                             total_mac_utilization));
  rows.push_back(memory_sum("memory.peak_bytes", "Sum of the stages' peaks.",
                            [](const StageMemory& m) { return m.total(); }));
  rows.push_back({"memory.weights_bytes", "bytes", "Sum over the stages.", [](const RunView& v) {
                    if (!v.run.plan) return OrderedJson();
                    Bytes sum = 0;
                    for (const auto& p : v.run.plan->stages) {
                      sum += p.weights_bytes + p.predicted_bytes;
                    }
                    return OrderedJson(sum);
                  }});
  rows.push_back(memory_sum("memory.activations_peak_bytes", "Sum of the stages' peaks.",
                            [](const StageMemory& m) { return m.activations; }));
}

void append_interconnect(Rows& rows) {
  rows.push_back(clock_row("interconnect.bytes", "bytes",
                           "Carried by all links; a byte over two links counts twice.",
                           [](const RunResult&, const RunStatistics& s) {
                             Bytes sum = 0;
                             for (const auto& l : s.links) sum += l.bytes;
                             return OrderedJson(sum);
                           }));
  rows.push_back(clock_row(
      "interconnect.host_bytes", "bytes",
      "Samples that came in from the host, and outputs that went back.",
      [](const RunResult&, const RunStatistics& s) { return OrderedJson(s.host_bytes); }));
  rows.push_back(clock_row("interconnect.links", "list", "One object per link.",
                           [](const RunResult& run, const RunStatistics& s) {
                             return list_of(link_catalogue(), run, s.links.size());
                           }));
}

void append_host(Rows& rows) {
  auto add = [&rows](const char* name, const char* unit, const char* meaning,
                     std::function<OrderedJson(const RunResult&)> of) {
    rows.push_back(
        {std::string("host.") + name, unit, meaning, [of](const RunView& v) { return of(v.run); }});
  };
  add("wall_seconds", "seconds", "Of the run, loading of data included.",
      [](const RunResult& r) { return finite_or_null(r.host.wall_seconds); });
  add("samples_per_second", "samples per second", "Samples over wall_seconds.",
      [](const RunResult& r) { return ratio_or_null(samples_of(r), r.host.wall_seconds); });
  add("timing_seconds", "seconds", "CPU time of SystemC and bookkeeping.", [](const RunResult& r) {
    return r.host.timing_seconds ? finite_or_null(*r.host.timing_seconds) : OrderedJson();
  });
  add("functional_seconds", "seconds", "CPU time of the functional engine's workers.",
      [](const RunResult& r) {
        return r.host.functional_seconds ? finite_or_null(*r.host.functional_seconds)
                                         : OrderedJson();
      });
  add("threads", "number", "Worker threads of the functional engine.",
      [](const RunResult& r) { return OrderedJson(r.host.threads); });
  add("instruction_set", "word",
      "What the functional engine was compiled for: avx512, avx2 or baseline; last bits of results "
      "depend on it.",
      [](const RunResult& r) {
        return r.host.instruction_set ? OrderedJson(*r.host.instruction_set) : OrderedJson();
      });
  add("checkpoints", "number", "Checkpoints written.",
      [](const RunResult& r) { return OrderedJson(r.host.checkpoints); });
  add("checkpoint_bytes", "bytes", "Of the last one.",
      [](const RunResult& r) { return OrderedJson(r.host.checkpoint_bytes); });
  add("checkpoint_seconds", "seconds",
      "To write all of them, waiting for queued operations included.",
      [](const RunResult& r) { return finite_or_null(r.host.checkpoint_seconds); });
  add("catch_up_seconds", "seconds",
      "Until a resumed run had simulated what lay before its checkpoint again.",
      [](const RunResult& r) { return finite_or_null(r.host.catch_up_seconds); });
  add("peak_rss_bytes", "bytes", "Most memory that the program held.", [](const RunResult& r) {
    return r.host.peak_rss_bytes ? OrderedJson(*r.host.peak_rss_bytes) : OrderedJson();
  });
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
  rows.push_back(
      {"layers", "list",
       "One object per layer; passes per sample, update per update. Those of a stage add "
       "up to its operations, unless its core overlaps units or DRAM is slower.",
       [](const RunView& v) {
         return list_of(layer_catalogue(), v.run, v.run.network->layers.size());
       }});
  for (RunRow& row : loss_catalogue()) rows.push_back(std::move(row));
  append_totals(rows);
  append_interconnect(rows);
  for (RunRow& row : energy_catalogue()) rows.push_back(std::move(row));
  append_host(rows);
  return rows;
}

}  // namespace stagecoach
