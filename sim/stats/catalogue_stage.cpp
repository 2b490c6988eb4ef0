// SPDX-License-Identifier: Apache-2.0
// The statistics of one stage (summary.json: stages[]).
#include "sim/stats/derived.h"
#include "sim/stats/statistic.h"

namespace stagecoach {

namespace {

using StageRow = Statistic<StageView>;

const StageStatistics* counters(const StageView& v) {
  return v.run.statistics ? &v.run.statistics->stages[v.index] : nullptr;
}

const StagePlan* plan_of(const StageView& v) {
  return v.run.plan ? &v.run.plan->stages[v.index] : nullptr;
}

OrderedJson layer_names(const StageView& v) {
  const StageSpec& stage = (*v.run.partition)[v.index];
  OrderedJson names = OrderedJson::array();
  for (int l = stage.first_layer; l < stage.end_layer; ++l) {
    names.push_back(v.run.network->layers[l].spec.name);
  }
  return names;
}

StageRow cycles_row(const CycleWords& words) {
  const CycleKind kind = words.kind;
  return {std::string("cycles.") + words.name, "cycles", words.meaning, [kind](const StageView& v) {
            const auto* c = counters(v);
            return c ? OrderedJson(c->cycles[kind]) : OrderedJson();
          }};
}

StageRow memory_row(const char* name, const char* meaning,
                    std::function<Bytes(const StageMemory&)> of) {
  return {std::string("memory.") + name, "bytes", meaning, [of](const StageView& v) {
            const auto* c = counters(v);
            const auto* p = plan_of(v);
            return c && p ? OrderedJson(of(stage_peak_memory(*p, *c))) : OrderedJson();
          }};
}

/// For classes that the plan alone decides: known without a clock too.
StageRow plan_row(const char* name, const char* meaning,
                  std::function<OrderedJson(const StagePlan&)> of) {
  return {std::string("memory.") + name, "bytes", meaning, [of](const StageView& v) {
            const auto* p = plan_of(v);
            return p ? of(*p) : OrderedJson();
          }};
}

OrderedJson utilization(const StageView& v) {
  const auto* c = counters(v);
  return c ? ratio_or_null(c->cycles.busy(), c->cycles.total()) : OrderedJson();
}

OrderedJson mac_utilization(const StageView& v) {
  const auto* c = counters(v);
  if (!c || !v.run.plan) return OrderedJson();
  const auto possible =
      macs_possible(*v.run.plan, static_cast<int>(v.index), v.run.statistics->cycles);
  return possible ? ratio_or_null(macs_done(*c), *possible) : OrderedJson();
}

/// Null where nothing was measured.
const StalenessCount* staleness_of(const StageView& v) {
  if (const auto* c = counters(v)) return &c->staleness;
  return v.index < v.run.staleness.size() ? &v.run.staleness[v.index] : nullptr;
}

/// A row over the staleness counts that is null where nothing was counted.
StageRow staleness_row(const char* name, const char* meaning,
                       std::function<OrderedJson(const StalenessCount&)> of) {
  return {std::string("staleness.") + name, "updates", meaning, [of](const StageView& v) {
            const auto* c = staleness_of(v);
            return c && !c->histogram.empty() ? of(*c) : OrderedJson();
          }};
}

OrderedJson histogram(const StageView& v) {
  const auto* c = staleness_of(v);
  if (!c) return OrderedJson();
  OrderedJson counts = OrderedJson::object();
  for (const auto& [delay, micro_batches] : c->histogram) {
    counts[std::to_string(delay)] = micro_batches;
  }
  return counts;
}

OrderedJson closed_form(const StageView& v) {
  return v.index < v.run.closed_form_delays.size() ? OrderedJson(v.run.closed_form_delays[v.index])
                                                   : OrderedJson();
}

void append_identity(std::vector<StageRow>& rows) {
  rows.push_back({"index", "number", "Position in the pipeline, 0 at the input.",
                  [](const StageView& v) { return OrderedJson(v.index); }});
  rows.push_back(
      {"name", "text", "Name of its first layer with parameters, or of its first layer.",
       [](const StageView& v) { return OrderedJson((*v.run.partition)[v.index].name); }});
  rows.push_back(
      {"core", "text", "The core that serves it; two cores if forward and backward have one each.",
       [](const StageView& v) {
         return v.run.plan ? OrderedJson(core_name(*v.run.plan, static_cast<int>(v.index)))
                           : OrderedJson();
       }});
  rows.push_back({"layers", "list", "Names of its layers, in order.", layer_names});
}

void append_time(std::vector<StageRow>& rows) {
  for (const CycleWords& words : kCycleKinds) rows.push_back(cycles_row(words));
  rows.push_back({"utilization", "ratio", "Cycles of forward, backward and update over all cycles.",
                  utilization});
  rows.push_back({"mac_utilization", "ratio",
                  "MACs of forward and backward over the MACs possible in the run's cycles; null "
                  "on a core with unlimited MACs.",
                  mac_utilization});
}

/// Of a core whose passes are concurrent: how much of the run one of its datapaths works.
StageRow datapath_row(const char* name, const char* meaning, Cycles StageStatistics::*busy) {
  return {std::string("datapaths.") + name, "ratio", meaning, [busy](const StageView& v) {
            const auto* c = counters(v);
            const auto* p = plan_of(v);
            if (!c || !p || !p->cost.front().concurrent) return OrderedJson();
            return ratio_or_null(c->*busy, v.run.statistics->cycles);
          }};
}

StageRow datapath_count(const char* name, const char* unit, const char* meaning,
                        std::function<OrderedJson(const StageStatistics&)> of) {
  return {std::string("datapaths.") + name, unit, meaning, [of](const StageView& v) {
            const auto* c = counters(v);
            const auto* p = plan_of(v);
            return c && p && p->cost.front().concurrent ? of(*c) : OrderedJson();
          }};
}

void append_datapaths(std::vector<StageRow>& rows) {
  rows.push_back(datapath_row("forward",
                              "Share of the run in which the datapath of the forward works; null "
                              "unless the core has concurrent_passes.",
                              &StageStatistics::forward_busy));
  rows.push_back(datapath_row("input_gradient", "The same for the datapath of the input gradient.",
                              &StageStatistics::input_gradient_busy));
  rows.push_back(datapath_row("weight_gradient",
                              "The same for the datapath of weight gradient and update.",
                              &StageStatistics::weight_gradient_busy));
  rows.push_back(datapath_count("first_weight_write", "cycles",
                                "Cycles from the start of the run to its first write of a weight.",
                                [](const StageStatistics& s) {
                                  return s.first_weight_write ? OrderedJson(*s.first_weight_write)
                                                              : OrderedJson();
                                }));
  rows.push_back(datapath_count(
      "activation_sets", "micro-batches",
      "Largest number of activation sets at one time: micro-batches in flight, and micro-batches "
      "whose input is being written or waits.",
      [](const StageStatistics& s) { return OrderedJson(s.peak_activation_sets); }));
}

StageRow recompute_row(const char* name, const char* unit, const char* meaning,
                       OrderedJson (*of)(const StagePlan&, const StageStatistics&)) {
  return {std::string("recompute.") + name, unit, meaning, [of](const StageView& v) {
            const auto* c = counters(v);
            const auto* p = plan_of(v);
            const bool does = (*v.run.partition)[v.index].recomputes;
            return c && p && does ? of(*p, *c) : OrderedJson();
          }};
}

void append_recompute(std::vector<StageRow>& rows) {
  rows.push_back(recompute_row(
      "cycles", "cycles",
      "Cycles of recomputed forwards in its backwards, without DRAM and without overlap; null "
      "unless the stage recomputes.",
      [](const StagePlan&, const StageStatistics& s) { return OrderedJson(s.recompute_cycles); }));
  rows.push_back(
      recompute_row("peak_bytes", "bytes",
                    "The part of memory.activations_peak_bytes that recomputed values take.",
                    [](const StagePlan& p, const StageStatistics& s) {
                      return OrderedJson(s.peak_backward_samples * p.recomputed_bytes_per_sample);
                    }));
}

void append_staleness(std::vector<StageRow>& rows) {
  rows.push_back({"staleness.closed_form", "updates",
                  "Delay of this stage in the steady state by the schedule's closed form; for "
                  "`hybrid`, in its pipelined part.",
                  closed_form});
  rows.push_back(staleness_row(
      "min",
      "Smallest number of updates between a forward's weight read and the update of the same "
      "sample.",
      [](const StalenessCount& s) { return OrderedJson(s.histogram.begin()->first); }));
  rows.push_back(staleness_row("mean", "Mean over all micro-batches of the run, including filling.",
                               [](const StalenessCount& s) { return finite_or_null(s.mean()); }));
  rows.push_back(staleness_row("max", "Largest of these numbers.", [](const StalenessCount& s) {
    return OrderedJson(s.histogram.rbegin()->first);
  }));
  rows.push_back({"staleness.histogram", "micro-batches",
                  "Number of micro-batches for each staleness in updates.", histogram});
  rows.push_back(staleness_row(
      "backward_mean", "Mean number of updates between the weight reads of forward and backward.",
      [](const StalenessCount& s) { return ratio_or_null(s.backward_sum, s.count()); }));
}

void append_memory(std::vector<StageRow>& rows) {
  rows.push_back(plan_row(
      "weights_bytes", "Current weights and predicted weights.",
      [](const StagePlan& p) { return OrderedJson(p.weights_bytes + p.predicted_bytes); }));
  rows.push_back(plan_row("optimizer_bytes", "Velocity and other state that survives an update.",
                          [](const StagePlan& p) { return OrderedJson(p.optimizer_bytes); }));
  rows.push_back(memory_row("stashed_weights_bytes",
                            "Largest number of weight versions besides the current one, times "
                            "their size.",
                            [](const StageMemory& m) { return m.stashed_weights; }));
  rows.push_back(memory_row("activations_peak_bytes",
                            "Largest number of samples held from input queue to backward, times "
                            "their size, plus recomputed values.",
                            [](const StageMemory& m) { return m.activations; }));
  rows.push_back(memory_row("gradients_peak_bytes",
                            "Peak of the boundary gradients, plus the weight gradients.",
                            [](const StageMemory& m) { return m.gradients; }));
  rows.push_back(memory_row("peak_bytes",
                            "Sum of the peaks of all classes: the space that the stage needs.",
                            [](const StageMemory& m) { return m.total(); }));
  rows.push_back(
      {"memory.skips_peak_bytes", "bytes",
       "Peak of the skip values that waited for the other inputs of the stage. They have their own "
       "room and are not part of peak_bytes.",
       [](const StageView& v) {
         const auto* c = counters(v);
         return c ? OrderedJson(c->peak_skip_bytes) : OrderedJson();
       }});
  rows.push_back(plan_row("capacity_bytes", "Capacity of all buffers of the stage; null: no limit.",
                          [](const StagePlan& p) {
                            return p.capacity_bytes == kUnlimited<std::int64_t>
                                       ? OrderedJson()
                                       : OrderedJson(p.capacity_bytes);
                          }));
  rows.push_back(
      {"memory.spilled_bytes", "bytes",
       "Bytes moved between its buffers and DRAM over the run, in both directions, because "
       "the stage does not fit. Its time and energy.parts.dram count these bytes.",
       [](const StageView& v) {
         const auto* c = counters(v);
         const auto* p = plan_of(v);
         const RunStatistics* s = v.run.statistics;
         return c && p ? OrderedJson(p->dram.total(s->micro_batches, s->samples, c->updates))
                       : OrderedJson();
       }});
}

const BandedSum* stage_energy(const StageView& v) {
  return v.run.energy_by_place ? &v.run.energy_by_place->stages[v.index] : nullptr;
}

void append_energy(std::vector<StageRow>& rows) {
  rows.push_back({"joules", "joules",
                  "Energy of its operations, of its DRAM traffic and of the static power of its "
                  "cores. Stages that share a core have equal shares of its static power.",
                  [](const StageView& v) {
                    const BandedSum* e = stage_energy(v);
                    return e ? finite_or_null(e->total()) : OrderedJson();
                  }});
  rows.push_back({"energy_parts", "joules", "Parts of joules.", [](const StageView& v) {
                    const BandedSum* e = stage_energy(v);
                    return e ? parts_json(*e) : OrderedJson::object();
                  }});
}

}  // namespace

std::vector<StageRow> stage_catalogue() {
  std::vector<StageRow> rows;
  append_identity(rows);
  append_time(rows);
  append_datapaths(rows);
  append_recompute(rows);
  append_staleness(rows);
  append_memory(rows);
  append_energy(rows);
  return rows;
}

}  // namespace stagecoach
