// SPDX-License-Identifier: Apache-2.0
// Costs of all runs of layers from prefix sums; the best cuts by dynamic programming.
#include "sim/plan/balanced_partition.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "models/base/error.h"
#include "sim/plan/build_machine_plan.h"
#include "sim/plan/mapping.h"

namespace stagecoach {

namespace {

/// Sums over layers [0, l) at index l; the loss is one more "layer" at the end.
struct PrefixSums {
  std::vector<PassSums> forward{PassSums{}}, backward{PassSums{}}, weight_gradient{PassSums{}},
      update{PassSums{}};
};

PrefixSums prefix_sums(const PlanScope& scope, const Service& service) {
  const PricingContext c = pricing_context(scope, service);
  const int samples = scope.micro_batch_samples;
  PrefixSums sums;
  const auto add = [](std::vector<PassSums>& all, const std::vector<PassPrice>& passes) {
    all.push_back(all.back());
    for (const PassPrice& p : passes) all.back() += p;
  };
  for (const LayerNode& node : scope.network->layers) {
    add(sums.forward, price_pass(node, LayerPass::forward, c, samples));
    std::vector<PassPrice> inputs = price_pass(node, LayerPass::input_gradient, c, samples);
    std::vector<PassPrice> weights = price_pass(node, LayerPass::weight_gradient, c, samples);
    if (!scope.splits_backward && !c.core->concurrent_passes) {
      inputs.insert(inputs.end(), weights.begin(), weights.end());
      weights.clear();
    }
    add(sums.backward, inputs);
    add(sums.weight_gradient, weights);
    add(sums.update, {price_update(node, c)});
  }
  const std::int64_t outputs = scope.network->output().elements();
  add(sums.forward, {price_loss(outputs, false, c, samples)});
  add(sums.backward, {price_loss(outputs, true, c, samples)});
  add(sums.weight_gradient, {});
  add(sums.update, {});
  return sums;
}

/// The load of layers [first, end); the run with the last layer holds the loss.
double load_of(const PlanScope& scope, const StageService& service, const PrefixSums& forward,
               const PrefixSums& backward, int first, int end) {
  if (end == static_cast<int>(scope.network->layers.size())) ++end;
  const auto a = static_cast<std::size_t>(first), z = static_cast<std::size_t>(end);
  const auto cost_of = [&scope](const PassSums& sums, const Service& on) {
    const CoreSpec& core = scope.hardware->cores[static_cast<std::size_t>(on.group)];
    OpCost cost = sums.cost(core);
    if (core.kind == CoreKind::fixed) cost.cycles = cost.compute_cycles = sums.macs;
    return cost;
  };
  StageCost cost;
  cost.forward = cost_of(forward.forward[z] - forward.forward[a], service.forward);
  cost.backward = cost_of(backward.backward[z] - backward.backward[a], service.backward);
  cost.weight_gradient =
      cost_of(backward.weight_gradient[z] - backward.weight_gradient[a], service.backward);
  cost.update = cost_of(backward.update[z] - backward.update[a], service.backward);
  const auto core = [&scope](const Service& on) -> const CoreSpec& {
    return scope.hardware->cores[static_cast<std::size_t>(on.group)];
  };
  cost.concurrent = core(service.backward).concurrent_passes.has_value();
  finish_cost(cost, core(service.forward), core(service.backward), scope.splits_backward);
  return stage_load(scope, cost, service.split);
}

/// The load of any run of layers as any stage, on the cores that the stage gets whatever it holds.
class RunLoads {
 public:
  RunLoads(const PlanScope& scope, int stages)
      : scope_(scope), services_(services_before_cutting(scope, stages)) {
    for (const StageService& s : services_) {
      for (const Service& direction : {s.forward, s.backward}) {
        const auto key = std::make_pair(direction.group, direction.cores);
        if (!sums_.count(key)) sums_.emplace(key, prefix_sums(scope, direction));
      }
    }
  }

  /// Of stage k holding layers [first, end).
  double operator()(int k, int first, int end) const {
    const StageService& s = services_[static_cast<std::size_t>(k)];
    return load_of(scope_, s, sums_.at({s.forward.group, s.forward.cores}),
                   sums_.at({s.backward.group, s.backward.cores}), first, end);
  }

 private:
  const PlanScope& scope_;
  std::vector<StageService> services_;
  std::map<std::pair<int, std::int64_t>, PrefixSums> sums_;
};

constexpr double kImpossible = std::numeric_limits<double>::infinity();

/// Where the stages begin, for the least total(load, total of the stages before); of equals the
/// longest runs behind. No run with a load above `limit(best so far)` can serve: a longer run costs no
/// less, so that the search for one end stops there.
template <class Total, class Limit>
std::vector<int> best_begins(const RunLoads& loads, int layers, int stages, Total total,
                             Limit limit, double& least) {
  const auto at = [layers](int k, int end) {
    return static_cast<std::size_t>(k) * static_cast<std::size_t>(layers + 1) +
           static_cast<std::size_t>(end);
  };
  std::vector<double> best(at(stages, 0), kImpossible);
  std::vector<int> begin(best.size(), 0);
  for (int k = 0; k < stages; ++k) {
    // As many layers as stages must be left, and the last stage ends with the last layer.
    const int last_end = layers - (stages - 1 - k);
    for (int end = k + 1 == stages ? layers : k + 1; end <= last_end; ++end) {
      const int last_first = k == 0 ? 0 : end - 1;
      for (int first = last_first; first >= k; --first) {
        const double load = loads(k, first, end);
        if (load > limit(best[at(k, end)])) break;
        const double before = k == 0 ? 0 : best[at(k - 1, first)];
        if (before == kImpossible) continue;
        const double here = total(load, before);
        if (here > best[at(k, end)] || here == kImpossible) continue;
        best[at(k, end)] = here;
        begin[at(k, end)] = first;
      }
    }
  }
  least = best[at(stages - 1, layers)];
  std::vector<int> begins;
  for (int k = stages - 1, end = layers; k >= 0; end = begins.back(), --k) {
    begins.push_back(begin[at(k, end)]);
  }
  std::reverse(begins.begin(), begins.end());
  return begins;
}

/// Mapping `balanced` gives cores to the stages that need them, so cuts and cores are chosen
/// together. Looks at every number of cores up to 64, then at steps of a twentieth.
class CoresAndCuts {
 public:
  CoresAndCuts(const PlanScope& scope, int stages, std::vector<StageSlots> slots)
      : scope_(scope),
        slots_(std::move(slots)),
        layers_(static_cast<int>(scope.network->layers.size())),
        stages_(stages),
        cores_(scope.hardware->cores[0].count),
        split_(scope.hardware->mapping.split_forward_backward) {
    for (std::int64_t n = 1; n <= cores_; n += std::max<std::int64_t>(1, n > 64 ? n / 20 : 1)) {
      counts_.push_back(n);
    }
    sums_.resize(counts_.size());
  }

  /// Where the stages begin; empty if there is no core for every stage.
  std::vector<int> begins() {
    if (counts_.empty()) return {};
    // One core each holds any run within the whole network's load on one.
    double high = load(0, 0, layers_, false), low = 0;
    std::vector<int> best = begins_within(high);
    while (!best.empty() &&
           high - low > 0.5) {  // loads are whole cycles, or fractions of a micro-batch
      const double middle = (low + high) / 2;
      std::vector<int> found = begins_within(middle);
      (found.empty() ? low : high) = middle;
      if (!found.empty()) best = std::move(found);
    }
    return best;
  }

 private:
  static constexpr std::int64_t kTooMany = std::numeric_limits<std::int64_t>::max() / 2;

  bool two_units(int end) const { return split_ && (scope_.turnaround > 0 || end < layers_); }
  std::size_t width() const { return static_cast<std::size_t>(layers_ + 1); }
  std::size_t at(int first, int end) const {
    return static_cast<std::size_t>(first) * width() + static_cast<std::size_t>(end);
  }

  /// Fewest cores whose buffers hold the run as stage k. Slow, so asked for chosen runs alone.
  std::int64_t least(int k, int first, int end) {
    std::int64_t& known = least_[{k, at(first, end)}];
    if (known == 0) {
      PartitionSpec spec;
      spec.kind = PartitionKind::cuts;
      for (const int cut : {first, end}) {
        if (cut > 0 && cut < layers_) spec.cuts.push_back(name_before(cut));
      }
      const Partition parts = make_partition(*scope_.network, spec);
      PlanScope scope = scope_;
      scope.partition = &parts;
      const int units = two_units(end) ? 2 : 1;
      known =
          units * least_cores(scope, first > 0 ? 1 : 0, slots_[static_cast<std::size_t>(k)], units);
    }
    return known;
  }
  const std::string& name_before(int layer) const {
    return scope_.network->layers[static_cast<std::size_t>(layer - 1)].spec.name;
  }

  double load(std::size_t count, int first, int end, bool split) {
    const Service service{0, counts_[count]};
    if (!sums_[count]) sums_[count] = prefix_sums(scope_, service);
    return load_of(scope_, {service, service, split}, *sums_[count], *sums_[count], first, end);
  }

  /// Fewest cores with which the run stays within the limit.
  std::int64_t fewest(int first, int end, double limit) {
    const bool two = two_units(end);
    if (load(counts_.size() - 1, first, end, two) > limit) return kTooMany;
    std::size_t low = 0, high = counts_.size() - 1;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (load(middle, first, end, two) <= limit) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return counts_[high] * (two ? 2 : 1);
  }

  /// The begins that need the fewest cores; empty if there are not as many.
  std::vector<int> begins_within(double limit) {
    std::vector<std::int64_t> need(width() * width(), kTooMany);
    for (int first = 0; first < layers_; ++first) {
      for (int end = first + 1; end <= layers_; ++end) {
        // A longer run costs no less: what one core cannot, all cannot further on.
        const std::int64_t n = fewest(first, end, limit);
        need[at(first, end)] = n;
        if (n == kTooMany) break;
      }
    }
    // Buffers may ask for more cores than the limit does. Only runs that were chosen are asked, and
    // what they answer counts in the next choice, until one holds.
    while (true) {
      std::vector<std::int64_t> cores(width(), kTooMany);
      cores[0] = 0;
      std::vector<std::vector<int>> begin;
      for (int k = 0; k < stages_; ++k) begin.push_back(add_stage(k, need, cores));
      if (cores.back() > cores_) return {};
      std::vector<int> begins;
      std::int64_t total = 0;
      for (int k = stages_ - 1, end = layers_; k >= 0; end = begins.back(), --k) {
        const int first = begin[static_cast<std::size_t>(k)][static_cast<std::size_t>(end)];
        total += std::max(need[at(first, end)], least(k, first, end));
        begins.push_back(first);
      }
      if (total > cores_) continue;
      std::reverse(begins.begin(), begins.end());
      return begins;
    }
  }

  /// From the fewest cores for the layers up to each one in k stages to those in k + 1; returns
  /// where stage k then begins.
  std::vector<int> add_stage(int k, const std::vector<std::int64_t>& need,
                             std::vector<std::int64_t>& cores) {
    std::vector<std::int64_t> next(width(), kTooMany);
    std::vector<int> begin(width(), 0);
    const int last_end = layers_ - (stages_ - 1 - k);
    for (int end = k + 1 == stages_ ? layers_ : k + 1; end <= last_end; ++end) {
      std::int64_t& best = next[static_cast<std::size_t>(end)];
      // From the shortest run on: a longer one needs no fewer cores, and the k stages before it one
      // each.
      for (int first = end - 1; first >= k; --first) {
        const std::int64_t before = cores[static_cast<std::size_t>(first)];
        std::int64_t here = need[at(first, end)];
        if (k + here > std::min(best, cores_)) break;
        if (before + here > best || before + here > cores_) continue;
        const auto known = least_.find({k, at(first, end)});
        if (known != least_.end()) here = std::max(here, known->second);
        if (before + here > best || before + here >= kTooMany) continue;
        best = before + here;
        begin[static_cast<std::size_t>(end)] = first;
      }
    }
    cores = std::move(next);
    return begin;
  }

  const PlanScope& scope_;
  std::vector<StageSlots> slots_;                              ///< by stage
  std::map<std::pair<int, std::size_t>, std::int64_t> least_;  ///< by stage and run
  int layers_, stages_;
  std::int64_t cores_;
  bool split_;
  std::vector<std::int64_t> counts_;
  std::vector<std::optional<PrefixSums>> sums_;  ///< by place in counts_, made when asked for
};

/// On cores that stages get whatever they hold: the least greatest load, then the least squares.
std::vector<int> begins_on_given_cores(const PlanScope& scope, int stages) {
  const int layers = static_cast<int>(scope.network->layers.size());
  const RunLoads loads(scope, stages);
  double greatest = 0, squares = 0;
  best_begins(
      loads, layers, stages, [](double load, double before) { return std::max(load, before); },
      [](double best) { return best; }, greatest);
  return best_begins(
      loads, layers, stages,
      [](double load, double before) { return before + load * load; },
      [greatest](double) { return greatest; }, squares);
}

}  // namespace

std::vector<std::string> balanced_cuts(const HardwareSpec& hardware, const Network& network,
                                       const TrainSpec& train, const MicroBatchPlan& micro_batches,
                                       const Schedule& schedule, int stages) {
  const int layers = static_cast<int>(network.layers.size());
  if (stages < 1 || stages > layers) {
    throw UserError("/pipeline/partition/balanced: found " + std::to_string(stages) +
                    "; allowed: from 1 to the network's " + std::to_string(layers) + " layers");
  }
  const PlanScope scope = plan_scope(hardware, network, train, micro_batches, schedule);
  std::vector<int> begins;
  if (hardware.mapping.kind == MappingKind::balanced) {
    begins = CoresAndCuts(scope, stages, slots_of(schedule, stages, micro_batches)).begins();
  }
  // Too few cores for any cuts is told when the stages are mapped.
  if (begins.empty()) begins = begins_on_given_cores(scope, stages);
  std::vector<std::string> cuts;
  for (std::size_t k = 1; k < begins.size(); ++k) {
    cuts.push_back(network.layers[static_cast<std::size_t>(begins[k] - 1)].spec.name);
  }
  return cuts;
}

}  // namespace stagecoach
