// SPDX-License-Identifier: Apache-2.0
#include "sim/app/check_json.h"

#include "models/layers/definition.h"
#include "sim/app/check_figures.h"

namespace stagecoach {
namespace {

OrderedJson network_json(const Job& job) {
  const Network& network = job.workload.network;
  const std::vector<int> stage_of = stage_of_layers(network, job.workload.stages);
  OrderedJson layers = OrderedJson::array();
  std::int64_t macs = 0;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const LayerNode& node = network.layers[l];
    macs += forward_macs(node);
    layers.push_back({{"name", node.spec.name},
                      {"type", to_word(node.spec.kind)},
                      {"stage", stage_of[l]},
                      {"output", to_string(node.output)},
                      {"parameters", node.trainable_parameters()},
                      {"macs", forward_macs(node)}});
  }
  return {{"parameters", network.trainable_parameters()},
          {"macs_per_sample", macs},
          {"layers", layers}};
}

OrderedJson stages_json(const Job& job) {
  OrderedJson stages = OrderedJson::array();
  if (!job.machine) return stages;
  for (const StageCheck& s : stage_checks(job)) {
    const bool limited = s.capacity != kUnlimited<Bytes>;
    stages.push_back(
        {{"index", stages.size()},
         {"name", s.name},
         {"core", s.core},
         {"cycles", {{"forward", s.forward}, {"backward", s.backward}, {"update", s.update}}},
         {"staleness", s.staleness},
         {"weights_and_state_bytes", s.weights_and_state},
         {"activations_bytes", s.activations},
         {"capacity_bytes", limited ? OrderedJson(s.capacity) : OrderedJson()},
         {"fits", s.fit}});
  }
  return stages;
}

OrderedJson core_json(const Job& job, const RateLimit& limit) {
  if (limit.kind != LimitKind::core) return OrderedJson();
  const CoreTime time = core_time(job, limit.core);
  OrderedJson passes = OrderedJson::array();
  for (const PassTime& p : time.passes) {
    if (p.cost.cycles == 0) continue;
    passes.push_back({{"layer", p.layer},
                      {"pass", p.pass},
                      {"cycles", p.cost.cycles},
                      {"compute_cycles", p.cost.compute_cycles},
                      {"memory_cycles", p.cost.memory_cycles},
                      {"interconnect_cycles", p.cost.interconnect_cycles}});
  }
  return {{"forward_cycles", time.forward},     {"backward_cycles", time.backward},
          {"update_cycles", time.update},       {"of_these_memory_cycles", time.memory},
          {"of_these_link_cycles", time.links}, {"passes", passes}};
}

OrderedJson what_if_json(const WhatIfAnswers& found) {
  OrderedJson list = OrderedJson::array();
  for (const WhatIf& w : found.answers) {
    list.push_back({{"field", w.field},
                    {"change", w.step},
                    {"cycles_per_micro_batch", w.cycles_per_micro_batch},
                    {"relative", ratio_or_null(w.cycles_per_micro_batch - found.now, found.now)},
                    {"caution", w.caution.empty() ? OrderedJson() : OrderedJson(w.caution)}});
  }
  return list;
}

/// Null where the rate is a closed form.
OrderedJson simulated_json(const WhatIfAnswers& found) {
  if (found.simulated_micro_batches == 0) return OrderedJson();
  return {{"micro_batches", found.simulated_micro_batches}, {"cycles_per_micro_batch", found.now}};
}

OrderedJson rate_json(const Job& job) {
  if (!job.machine || job.machine->report.balance.limits.empty()) return OrderedJson();
  const BalanceReport& balance = job.machine->report.balance;
  OrderedJson limits = OrderedJson::array();
  for (const RateLimit& limit : balance.limits)
    limits.push_back({{"name", limit.name},
                      {"cycles_per_micro_batch", finite_or_null(limit.cycles_per_micro_batch)}});
  // What does not fit is not asked what would make it faster.
  const WhatIfAnswers found =
      job.machine->report.problems.empty() ? what_if_answers(job) : WhatIfAnswers();
  return {
      {"cycles_per_micro_batch", finite_or_null(balance.cycles_per_micro_batch())},
      {"limits", limits},
      {"limiting_core", core_json(job, balance.limits.front())},
      {"mean_load", finite_or_null(balance.mean_load)},
      {"cores_in_use", cores_in_use(job.machine->plan)},
      {"with_one_more_core",
       balance.with_one_more_core ? finite_or_null(*balance.with_one_more_core) : OrderedJson()},
      {"simulated", simulated_json(found)},
      {"what_if", what_if_json(found)}};
}

}  // namespace

OrderedJson check_json(const Job& job, const std::vector<std::string>& notes) {
  const bool balanced = job.workload.balanced_stages > 0;
  OrderedJson json{
      {"schema", kCheckSchema},
      {"hardware", job.hardware.name},
      {"workload", job.workload.name},
      {"samples", job.micro_batches->samples()},
      {"micro_batches", job.micro_batches->micro_batches()},
      {"micro_batch_size", job.micro_batches->micro_batch_size()},
      {"network", network_json(job)},
      {"balanced_cuts", balanced ? OrderedJson(job.workload.partition.cuts) : OrderedJson()},
      {"stages", stages_json(job)},
      {"rate", rate_json(job)},
  };
  json["fits"] = job.machine ? OrderedJson(job.machine->report.problems.empty()) : OrderedJson();
  json["problems"] = job.machine ? job.machine->report.problems : std::vector<std::string>{};
  json["price_of_fitting"] = job.machine ? job.machine->report.notes : std::vector<std::string>{};
  json["notes"] = notes;
  return json;
}

}  // namespace stagecoach
