// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/advice.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "models/base/error.h"
#include "sim/base/arithmetic.h"
#include "sim/plan/mapping.h"

namespace stagecoach {

namespace {

/// Hardware with some fields set, and how the command line sets them.
struct Change {
  HardwareSpec hardware;
  Advice advice;

  void set(const std::string& field, const std::string& value) {
    advice.sets.push_back("hw/" + field + "=" + value);
  }
};

std::optional<PlannedRun> plan_of(const HardwareSpec& hardware, const RunToPlan& run) {
  try {
    return plan_run(hardware, run, FitCheck::report);
  } catch (const UserError&) {
    return std::nullopt;
  }
}

bool passes(const HardwareSpec& hardware, const RunToPlan& run) {
  const auto planned = plan_of(hardware, run);
  return planned && planned->machine.report.problems.empty();
}

using Buffer = std::optional<BufferSpec> CoreSpec::*;

/// Bytes a core that the stages on it ask of its buffers, the most of each group.
struct Room {
  std::vector<std::int64_t> weights, activations;  ///< by group
};

Room room_needed(const HardwareSpec& hw, const PlannedMachine& machine) {
  const MachinePlan& plan = machine.plan;
  std::vector<Bytes> weights(plan.cores.size(), 0), activations(plan.cores.size(), 0);
  std::vector<std::int64_t> cores(plan.cores.size(), 1);
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    const auto forward = static_cast<std::size_t>(plan.stages[k].forward_core);
    const auto backward = static_cast<std::size_t>(plan.stages[k].backward_core);
    weights[forward] += machine.report.stages[k].needs.weight_side();
    activations[forward] += machine.report.stages[k].needs.activation_side();
    cores[forward] =
        plan.cores[forward].cores + (backward != forward ? plan.cores[backward].cores : 0);
  }
  Room room;
  room.weights.resize(hw.cores.size()), room.activations.resize(hw.cores.size());
  const auto most = [](std::int64_t& known, Bytes bytes, std::int64_t among) {
    known = std::max(known, ceil_div(bytes.count(), among));
  };
  for (std::size_t u = 0; u < plan.cores.size(); ++u) {
    const auto g = static_cast<std::size_t>(plan.cores[u].group);
    most(room.weights[g], weights[u], cores[u]);
    most(room.activations[g], activations[u], cores[u]);
  }
  return room;
}

void raise(Change& change, std::size_t group, Buffer buffer, const char* name, std::int64_t bytes) {
  auto& spec = change.hardware.cores[group].*buffer;
  const std::int64_t kib = ceil_div(bytes, 1024);
  if (!spec || spec->capacity_kib >= static_cast<double>(kib)) return;
  spec->capacity_kib = static_cast<double>(kib);
  change.set("cores/" + std::to_string(group) + "/" + name + "/capacity_kib", std::to_string(kib));
}

/// Buffers that hold everything, where stages lie as they would with unlimited ones.
std::optional<Change> larger_buffers(Change change, const RunToPlan& run, bool activations) {
  HardwareSpec open = change.hardware;
  for (CoreSpec& core : open.cores) {
    for (Buffer b : {&CoreSpec::buffer, &CoreSpec::weight_buffer, &CoreSpec::activation_buffer}) {
      if (core.*b) (core.*b)->capacity_kib = kUnlimited<double>;
    }
  }
  const auto planned = plan_of(open, run);
  if (!planned) return std::nullopt;
  const Room room = room_needed(open, planned->machine);
  for (std::size_t g = 0; g < open.cores.size(); ++g) {
    raise(change, g, &CoreSpec::buffer, "buffer", room.weights[g] + room.activations[g]);
    raise(change, g, &CoreSpec::weight_buffer, "weight_buffer", room.weights[g]);
    if (activations)
      raise(change, g, &CoreSpec::activation_buffer, "activation_buffer", room.activations[g]);
  }
  return change;
}

std::optional<Change> other_policy(Change change, MemoryPolicy policy) {
  HardwareSpec& hw = change.hardware;
  if (hw.memory_policy == policy || (policy == MemoryPolicy::spill && !hw.dram))
    return std::nullopt;
  hw.memory_policy = policy;
  const bool stall = policy == MemoryPolicy::stall;
  change.set("memory_policy", stall ? "stall" : "spill");
  change.advice.consequence = stall ? "fewer samples are in flight" : "the excess goes to DRAM";
  return change;
}

/// A mesh of fixed size with as many nodes as are needed.
Change with_room_on_the_mesh(Change change) {
  InterconnectSpec& net = change.hardware.interconnect;
  if (net.kind != InterconnectKind::mesh2d || net.rows == 0 || net.columns == 0) return change;
  net.rows = net.columns = 0;
  change.set("interconnect/rows", "as_needed");
  change.set("interconnect/columns", "as_needed");
  return change;
}

void set_count(Change& change, std::size_t group, std::int64_t count) {
  change.hardware.cores[group].count = count;
  change.set("cores/" + std::to_string(group) + "/count", std::to_string(count));
}

constexpr std::int64_t kMostCores = 10000000;  // sim/config/core_table.cpp

/// As many cores as stages take, each the cores of its own that the mapping gives it.
std::optional<Change> cores_as_needed(const Change& from, const RunToPlan& run) {
  Change open = with_room_on_the_mesh(from);
  std::vector<CoreSpec>& groups = open.hardware.cores;
  const bool listed = from.hardware.mapping.kind == MappingKind::explicit_list;
  for (std::size_t g = listed ? 0 : groups.size() - 1; g < groups.size(); ++g) groups[g].count = 0;
  const auto planned = plan_of(open.hardware, run);
  if (!planned) return std::nullopt;
  std::vector<std::int64_t> used(groups.size(), 0);
  for (const CorePlan& unit : planned->machine.plan.cores)
    used[static_cast<std::size_t>(unit.group)] += unit.cores;
  Change change = from;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::int64_t count = from.hardware.cores[g].count;
    if (groups[g].count == 0 && count > 0 && count < used[g] && used[g] <= kMostCores)
      set_count(change, g, used[g]);
  }
  return change;
}

/// The number of cores of one group, to a sixteenth, from which on `enough` holds.
std::optional<Change> cores_of_group(const Change& from, std::size_t group,
                                     const std::function<bool(const HardwareSpec&)>& enough) {
  const auto with = [&](std::int64_t count) {
    Change change = from;
    set_count(change, group, count);
    return enough(change.hardware) ? change : with_room_on_the_mesh(std::move(change));
  };
  std::int64_t low = from.hardware.cores[group].count, high = low;
  do {
    if (high > kMostCores / 2 || high > 256 * low) return std::nullopt;
    high *= 2;
  } while (!enough(with(high).hardware));
  low = high / 2;
  while (high - low > std::max<std::int64_t>(1, high / 16)) {
    const std::int64_t middle = (low + high) / 2;
    (enough(with(middle).hardware) ? high : low) = middle;
  }
  return with(high);
}

/// Mapping balanced: more cores of the one group that needs the fewest more.
std::optional<Change> cores_shared_out(const Change& from,
                                       const std::function<bool(const HardwareSpec&)>& enough) {
  std::optional<Change> best;
  for (std::size_t g = 0; g < from.hardware.cores.size(); ++g) {
    const std::optional<Change> more = cores_of_group(from, g, enough);
    if (more && (!best || cores_available(more->hardware) < cores_available(best->hardware)))
      best = more;
  }
  return best;
}

std::optional<Change> more_cores(const Change& from, const RunToPlan& run) {
  if (from.hardware.mapping.kind == MappingKind::balanced) {
    return cores_shared_out(from, [&](const HardwareSpec& hw) { return passes(hw, run); });
  }
  return cores_as_needed(from, run);
}

/// Rectangles so much higher that stages fit, with cores for them.
std::optional<Change> larger_rectangles(const Change& from, const RunToPlan& run) {
  if (from.hardware.mapping.kind != MappingKind::rectangle) return std::nullopt;
  for (int times = 2; times <= 64 && from.hardware.mapping.rows * times <= 4096; times *= 2) {
    Change change = from;
    change.hardware.mapping.rows *= times;
    change.set("mapping/rows", std::to_string(change.hardware.mapping.rows));
    if (passes(change.hardware, run)) return change;
    const auto more = cores_as_needed(change, run);
    if (!more) continue;
    if (passes(more->hardware, run)) return more;
    const Change roomy = with_room_on_the_mesh(*more);
    if (passes(roomy.hardware, run)) return roomy;
  }
  return std::nullopt;
}

/// Single cores, where the interconnect joins no others.
std::optional<Change> single_cores(Change change) {
  HardwareSpec& hw = change.hardware;
  if (hw.interconnect.kind != InterconnectKind::through_host ||
      hw.mapping.kind == MappingKind::one_core_per_stage) {
    return std::nullopt;
  }
  hw.mapping = MappingSpec{};
  change.set("mapping", "one_core_per_stage");
  return change;
}

/// Another number of stages, the nearest to today's that starts.
std::optional<Advice> other_partition(const HardwareSpec& hw, const RunToPlan& run) {
  if (run.schedule.max_in_flight.size() > 1) return std::nullopt;  // names today's stages
  const int layers = static_cast<int>(run.network->layers.size());
  const int now =
      run.balanced_stages > 0 ? run.balanced_stages : static_cast<int>(run.stages.size());
  std::vector<int> numbers;
  for (const CoreSpec& core : hw.cores) {
    if (core.count > 0 && core.count <= layers) numbers.push_back(static_cast<int>(core.count));
  }
  for (int n = now; n > 0; n = n * 3 / 4) numbers.push_back(n);
  for (int n = now; n < layers;) numbers.push_back(n = std::min(layers, n * 4 / 3 + 1));
  std::stable_sort(numbers.begin(), numbers.end(),
                   [now](int a, int b) { return std::abs(a - now) < std::abs(b - now); });
  for (const int n : numbers) {
    RunToPlan cut = run;
    cut.balanced_stages = n;
    const bool too_few_cores = hw.mapping.kind == MappingKind::balanced && n > cores_available(hw);
    if (n > layers || n == run.balanced_stages || too_few_cores || !passes(hw, cut)) continue;
    const std::string stages = std::to_string(n) + (n == 1 ? " stage" : " stages");
    return Advice{
        {"workload/pipeline/partition={\"balanced\": " + std::to_string(n) + "}"},
        n == now ? stages + ", cut elsewhere" : stages + " instead of " + std::to_string(now)};
  }
  return std::nullopt;
}

/// A second or two in all: what is looked at first is what costs least.
constexpr std::int64_t kMostLooks = 20000000;

std::string quoted(const std::string& set) {
  return set.find_first_of("\" {[") == std::string::npos ? set : "'" + set + "'";
}

}  // namespace

std::vector<Advice> advice_for(const HardwareSpec& hardware, const RunToPlan& without_limit) {
  SearchEffort effort{kMostLooks};
  RunToPlan run = without_limit;
  run.effort = &effort;
  std::vector<Advice> all;
  const auto offer = [&](const std::optional<Change>& change) {
    if (!change || change->advice.sets.empty() || !passes(change->hardware, run)) return false;
    all.push_back(change->advice);
    return true;
  };
  const Change as_it_is{hardware, {}};
  offer(single_cores(as_it_is));
  offer(other_policy(as_it_is, MemoryPolicy::stall));
  offer(other_policy(as_it_is, MemoryPolicy::spill));
  // Where a policy lets samples wait, weights alone may be what is too much.
  if (!offer(larger_buffers(as_it_is, run, false))) offer(larger_buffers(as_it_is, run, true));
  const std::optional<Change> cores = more_cores(as_it_is, run);
  if (!offer(cores) && cores) offer(with_room_on_the_mesh(*cores));
  offer(larger_rectangles(as_it_is, run));
  if (all.empty() && cores) {
    for (const Change& roomy : {*cores, with_room_on_the_mesh(*cores)}) {
      if (offer(larger_buffers(roomy, run, true))) break;
    }
  }
  // Last, for every number of stages is a search of its own.
  if (const auto partition = other_partition(hardware, run)) all.push_back(*partition);
  return all;
}

std::string advice_text(const std::vector<Advice>& advice) {
  if (advice.empty())
    return "No single change of memory policy, buffer sizes, mapping, number of cores or number "
           "of\n"
           "stages was found that makes it fit.";
  std::string text =
      "Each of these lines alone makes it fit, in place of other values of the same fields:";
  for (const Advice& a : advice) {
    std::string line;
    for (const std::string& set : a.sets)
      line += (line.empty() ? "--set " : " --set ") + quoted(set);
    text += "\n  " + line + (a.consequence.empty() ? "" : "   (" + a.consequence + ")");
  }
  return text;
}

}  // namespace stagecoach
