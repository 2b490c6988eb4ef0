// SPDX-License-Identifier: Apache-2.0
// The statistics of one epoch, one layer and one link (summary.json: training.epochs[], layers[],
// interconnect.links[]).
#include "models/layers/definition.h"
#include "sim/stats/derived.h"
#include "sim/stats/statistic.h"

namespace stagecoach {

namespace {

const EpochResult* trained(const EpochView& v) {
  if (!v.run.training || v.index >= v.run.training->epochs.size()) return nullptr;
  return &v.run.training->epochs[v.index];
}

Statistic<EpochView> result_row(const char* name, const char* unit, const char* meaning,
                                std::function<std::optional<double>(const EpochResult&)> of) {
  return {name, unit, meaning, [of](const EpochView& v) {
            const auto* e = trained(v);
            const auto value = e ? of(*e) : std::nullopt;
            return value ? finite_or_null(*value) : OrderedJson();
          }};
}

OrderedJson epoch_cycles(const EpochView& v) {
  const auto end = epoch_end_cycle(v.run, v.index);
  if (!end) return OrderedJson();
  return OrderedJson(v.index == 0 ? *end : *end - *epoch_end_cycle(v.run, v.index - 1));
}

/// A figure from the start of the run to the end of the epoch.
Statistic<EpochView> until_row(const char* name, const char* unit, const char* meaning,
                               std::optional<double> (*of)(const RunResult&, std::size_t)) {
  return {name, unit, meaning, [of](const EpochView& v) {
            const auto value = of(v.run, v.index);
            return value ? finite_or_null(*value) : OrderedJson();
          }};
}

/// Of a micro-batch, for one of its samples; a whole number where it is one.
OrderedJson per_sample(std::int64_t count, std::int64_t samples) {
  if (count % samples == 0) return OrderedJson(count / samples);
  return ratio_or_null(count, samples);
}

/// The rows of one pass; `cost` finds the layer's, null: not known. `what` starts the sentences.
template <class View, class FindCost>
void append_pass(std::vector<Statistic<View>>& rows, const std::string& path,
                 const std::string& what, LayerPassCost LayerCost::*pass, FindCost cost) {
  const auto add = [&](const char* name, const char* unit, const std::string& meaning, auto count) {
    rows.push_back({path + name, unit, what + meaning, [pass, count, cost](const View& v) {
                      const LayerCost* layer = cost(v);
                      if (!layer) return OrderedJson();
                      const auto all = static_cast<std::int64_t>(layer->*pass.*count);
                      return per_sample(all, pass == &LayerCost::update ? 1 : layer->samples);
                    }});
  };
  add("macs", "MACs", ": multiply-accumulates.", &LayerPassCost::macs);
  add("compute_cycles", "cycles", ": cycles with unlimited memory.",
      &LayerPassCost::compute_cycles);
  add("memory_cycles", "cycles", ": bytes over port bandwidth.", &LayerPassCost::memory_cycles);
  add("interconnect_cycles", "cycles",
      ": bytes of the busiest link inside its region over the link's width.",
      &LayerPassCost::interconnect_cycles);
  add("cycles", "cycles", ": cycles that it takes.", &LayerPassCost::cycles);
}

const LinkStatistics& link(const LinkView& v) { return v.run.statistics->links[v.index]; }

}  // namespace

std::vector<Statistic<EpochView>> epoch_catalogue() {
  return {
      {"epoch", "number", "Number of the epoch, from 0.",
       [](const EpochView& v) { return OrderedJson(v.index); }},
      {"samples", "samples",
       "Samples trained on from the start of the run to the end of the epoch.",
       [](const EpochView& v) { return OrderedJson(epoch_end_samples(v.run, v.index)); }},
      result_row("train_loss", "loss",
                 "Mean over the epoch's samples, each with the weights that its forward read.",
                 [](const EpochResult& e) { return std::optional<double>(e.train_loss); }),
      result_row("train_accuracy", "ratio",
                 "Share of these samples that is classified correctly; null without classes.",
                 [](const EpochResult& e) { return e.train_accuracy; }),
      result_row("test_loss", "loss",
                 "Mean over the test set, with the weights at the end of the epoch.",
                 [](const EpochResult& e) { return e.test_loss; }),
      result_row("test_accuracy", "ratio", "Share of the test set that is classified correctly.",
                 [](const EpochResult& e) { return e.test_accuracy; }),
      {"cycles", "cycles",
       "Cycles from the end of the previous epoch to the last update of this one.", epoch_cycles},
      {"end_cycle", "cycles", "Cycle at which every stage has made the epoch's last update.",
       [](const EpochView& v) {
         const auto end = epoch_end_cycle(v.run, v.index);
         return end ? OrderedJson(*end) : OrderedJson();
       }},
      until_row("simulated_seconds", "seconds",
                "Time from the start of the run to end_cycle: the time to this accuracy.",
                epoch_end_seconds),
      until_row(
          "joules", "joules",
          "Energy from the start of the run to end_cycle: the work for the samples of this and "
          "earlier epochs, and static power.",
          epoch_end_joules),
  };
}

std::vector<Statistic<LayerView>> layer_catalogue() {
  std::vector<Statistic<LayerView>> rows = {
      {"name", "text", "Name in the workload file, or type and index.",
       [](const LayerView& v) { return OrderedJson(v.run.network->layers[v.index].spec.name); }},
      {"type", "text", "Type, as in the workload file.",
       [](const LayerView& v) {
         return OrderedJson(to_word(v.run.network->layers[v.index].spec.kind));
       }},
      {"stage", "number", "Index of its stage.",
       [](const LayerView& v) {
         return OrderedJson(stage_of_layer(*v.run.partition, static_cast<int>(v.index)));
       }},
      {"parameters", "number", "Number of trainable parameters.",
       [](const LayerView& v) {
         return OrderedJson(v.run.network->layers[v.index].trainable_parameters());
       }},
  };
  const auto cost = [](const LayerView& v) {
    return v.run.plan ? &v.run.plan->layers[v.index] : nullptr;
  };
  append_pass(rows, "passes.forward.", "Forward, per sample of a full micro-batch",
              &LayerCost::forward, cost);
  append_pass(rows, "passes.input_gradient.",
              "Gradient of the input, per sample of a full micro-batch", &LayerCost::input_gradient,
              cost);
  append_pass(rows, "passes.weight_gradient.",
              "Gradient of the weights, per sample of a full micro-batch",
              &LayerCost::weight_gradient, cost);
  append_pass(rows, "passes.update.", "Update, per update", &LayerCost::update, cost);
  return rows;
}

std::vector<Statistic<RunView>> loss_catalogue() {
  std::vector<Statistic<RunView>> rows;
  const auto cost = [](const RunView& v) { return v.run.plan ? &v.run.plan->loss : nullptr; };
  append_pass(rows, "loss.passes.forward.",
              "Loss, which the last stage computes after its layers, per sample of a full "
              "micro-batch",
              &LayerCost::forward, cost);
  append_pass(rows, "loss.passes.input_gradient.",
              "Gradient of the loss, per sample of a full micro-batch", &LayerCost::input_gradient,
              cost);
  return rows;
}

std::vector<Statistic<LinkView>> link_catalogue() {
  return {
      {"name", "text", "Its two ends: from and to.",
       [](const LinkView& v) { return OrderedJson(link(v).name); }},
      {"bytes", "bytes", "Bytes that it carried over the run.",
       [](const LinkView& v) { return OrderedJson(link(v).bytes); }},
      {"busy_cycles", "cycles", "Cycles in which a transfer occupies it.",
       [](const LinkView& v) { return OrderedJson(link(v).busy_cycles); }},
      {"wait_cycles", "cycles", "Sum over all transfers of the cycles that they waited for it.",
       [](const LinkView& v) { return OrderedJson(link(v).wait_cycles); }},
      {"utilization", "ratio", "busy_cycles over the run's cycles.",
       [](const LinkView& v) {
         return ratio_or_null(link(v).busy_cycles, v.run.statistics->cycles);
       }},
      {"joules", "joules", "Energy of the bytes that it carried, including the router.",
       [](const LinkView& v) {
         return v.run.energy_by_place
                    ? finite_or_null(v.run.energy_by_place->links[v.index].total())
                    : OrderedJson();
       }},
  };
}

}  // namespace stagecoach
