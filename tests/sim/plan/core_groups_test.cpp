// SPDX-License-Identifier: Apache-2.0
// Question: does mapping `balanced` make the best of several groups of unlike cores, as a search of
// all that is possible finds it?
#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <set>

#include "sim/config/hardware_config.h"
#include "sim/plan/balanced_mapping.h"
#include "sim/plan/balanced_partition.h"
#include "sim/plan/build_machine_plan.h"
#include "sim/plan/run_loads.h"
#include "tests/support/networks.h"

namespace stagecoach {
namespace {

constexpr double kNoWay = std::numeric_limits<double>::infinity();

/// The smallest greatest load of stages [k, stages) by trial of every number of cores, of the group
/// in use (-1: none yet) and of each group that may still follow.
template <class Load>
double best_shares(int k, int stages, int group, std::int64_t left, std::set<int> unused,
                   const std::vector<std::int64_t>& counts, bool file_order, const Load& load) {
  if (k == stages) return 0;
  double best = kNoWay;
  if (group >= 0) {
    for (std::int64_t n = 1; n <= left; ++n) {
      const double here = load(k, group, n);
      if (here >= best) continue;
      best = std::min(best, std::max(here, best_shares(k + 1, stages, group, left - n, unused,
                                                       counts, file_order, load)));
    }
  }
  for (const int next : unused) {
    std::set<int> later = unused;
    later.erase(next);
    if (file_order) later.erase(later.begin(), later.lower_bound(next));
    for (std::int64_t n = 1; n <= counts[static_cast<std::size_t>(next)]; ++n) {
      const double here = load(k, next, n);
      if (here >= best) continue;
      const std::int64_t rest = counts[static_cast<std::size_t>(next)] - n;
      best = std::min(best, std::max(here, best_shares(k + 1, stages, next, rest, later, counts,
                                                       file_order, load)));
    }
  }
  return best;
}

template <class Load>
double best_shares(int stages, const std::vector<std::int64_t>& counts, bool file_order,
                   const Load& load) {
  std::set<int> all;
  for (int g = 0; g < static_cast<int>(counts.size()); ++g) all.insert(g);
  return best_shares(0, stages, -1, 0, all, counts, file_order, load);
}

TEST_CASE("cores of several groups in one order are shared out as trying all shares finds best") {
  std::mt19937 random(7);
  const auto number = [&](int from, int to) {
    return std::uniform_int_distribution<int>(from, to)(random);
  };
  int impossible = 0, in_two_groups = 0;
  for (int trial = 0; trial < 400; ++trial) {
    const int stages = number(1, 4), kinds = number(1, 3);
    std::vector<Service> groups;
    std::vector<std::int64_t> counts;
    for (int g = 0; g < kinds; ++g) {
      counts.push_back(number(1, 4));
      groups.push_back({g, counts.back()});
    }
    // Loads that fall, or stay, with every core.
    std::map<std::pair<int, int>, std::vector<double>> loads;
    std::map<std::pair<int, int>, std::int64_t> least;
    for (int k = 0; k < stages; ++k) {
      for (int g = 0; g < kinds; ++g) {
        std::vector<double>& falling = loads[{k, g}];
        for (int n = 0; n <= 5; ++n) falling.push_back(number(1, 60));
        std::sort(falling.rbegin(), falling.rend());
        least[{k, g}] = number(0, 3) == 0 ? 2 : 1;
      }
    }
    const auto load = [&](int k, int g, std::int64_t n) {
      return loads.at({k, g})[static_cast<std::size_t>(n)];
    };
    const std::vector<Service> found =
        balance_cores(stages, groups,
                      {[&](int k, int g) {
                         return least.at({k, g});
                       },
                       [&](int k, const Service& cores) {
                         return load(k, cores.group, std::min<std::int64_t>(cores.cores, 5));
                       }});
    const double best = best_shares(stages, counts, true, [&](int k, int g, std::int64_t n) {
      return n < least.at({k, g}) ? kNoWay : load(k, g, n);
    });
    CAPTURE(trial, stages, counts);
    REQUIRE(found.empty() == (best == kNoWay));
    impossible += found.empty();
    if (found.empty()) continue;
    double greatest = 0;
    std::vector<std::int64_t> left = counts;
    for (int k = 0; k < stages; ++k) {
      const Service& s = found[static_cast<std::size_t>(k)];
      greatest = std::max(greatest, load(k, s.group, s.cores));
      left[static_cast<std::size_t>(s.group)] -= s.cores;
      if (k > 0) CHECK(s.group >= found[static_cast<std::size_t>(k - 1)].group);
    }
    CHECK(*std::min_element(left.begin(), left.end()) >= 0);
    CHECK(greatest == best);
    in_two_groups += found.front().group != found.back().group;
  }
  CHECK(impossible > 10);
  CHECK(in_two_groups > 50);
}

/// A chip of two or three small groups: arrays, lanes and a device known by its rate.
struct GroupSetting {
  HardwareSpec hw;
  Network net;
  TrainSpec train;
  MicroBatchPlan micro_batches{64, 1, 4, 2};

  GroupSetting(Network network, const std::vector<CoreSpec>& groups) : net(std::move(network)) {
    hw.cores = groups;
    hw.mapping.kind = MappingKind::balanced;
    train.optimizer.momentum = 0.9;
  }

  std::vector<std::string> cuts(int stages) const {
    const auto schedule = make_schedule({}, stages, micro_batches);
    return balanced_cuts(hw, net, train, micro_batches, *schedule, stages);
  }
  Partition cut(int stages) const {
    return make_partition(net, {PartitionKind::cuts, cuts(stages), {}});
  }
  PlannedMachine plan(const Partition& stages) const {
    const auto schedule = make_schedule({}, static_cast<int>(stages.size()), micro_batches);
    return build_machine_plan(hw, net, stages, micro_batches, *schedule, train, FitCheck::report);
  }
};

CoreSpec group_of(const std::string& name, CoreKind kind, std::int64_t count) {
  CoreSpec core;
  core.name = name;
  core.kind = kind;
  core.count = count;
  core.systolic.rows = core.systolic.columns = 8;
  core.resident.lanes_per_tile = 16;
  core.roofline.peak_gmacs_per_s = 60;
  core.roofline.memory_gb_per_s = 100;
  return core;
}

/// Seven layers: wide and narrow ones, so that stages differ.
Network random_dense(std::mt19937& random) {
  NetworkSketch net(Shape::image(2, 6, 6));
  std::uniform_int_distribution<int> channels(2, 24), features(8, 200);
  net.conv("c1", channels(random), 3, 1, 1).plain(LayerKind::relu);
  net.conv("c2", channels(random), 3, 1, 1).plain(LayerKind::flatten);
  net.linear("f1", features(random)).plain(LayerKind::relu).linear("f2", features(random));
  return net.build();
}

/// Loads of all runs of layers as any stage on any number of cores, and the fewest cores that hold
/// them, from the prices of whole stages.
struct AllRuns {
  const GroupSetting& s;
  int stages;
  std::map<std::tuple<int, int, int, int, std::int64_t>, double> known;  ///< by stage, run, cores

  int layers() const { return static_cast<int>(s.net.layers.size()); }

  double load(int k, int first, int end, int group, std::int64_t n) {
    const auto [at, is_new] = known.insert({{k, first, end, group, n}, 0});
    if (!is_new) return at->second;
    const auto schedule = make_schedule({}, stages, s.micro_batches);
    PlanScope scope = plan_scope(s.hw, s.net, s.train, s.micro_batches, *schedule);
    const auto [parts, stage] = partition_around(scope, first, end);
    scope.partition = &parts;
    const bool two = s.hw.mapping.split_forward_backward && k + 1 < stages;
    const int units = two ? 2 : 1;
    const auto slots = slots_of(*schedule, stages, s.micro_batches);
    const Service each{group, n / units};
    if (n < units * least_cores(scope, group, stage, slots[static_cast<std::size_t>(k)], units))
      return at->second = kNoWay;
    return at->second = stage_load(
               scope, price_stage(scope, stage, each, each, scope.micro_batch_samples), two);
  }

  std::vector<std::int64_t> counts() const {
    std::vector<std::int64_t> all;
    for (const CoreSpec& core : s.hw.cores) all.push_back(core.count);
    return all;
  }

  double best_of(const std::vector<int>& begins, bool file_order) {
    return best_shares(stages, counts(), file_order, [&](int k, int g, std::int64_t n) {
      const auto i = static_cast<std::size_t>(k);
      return load(k, begins[i], k + 1 < stages ? begins[i + 1] : layers(), g, n);
    });
  }

  /// Over all cuts behind those in `begins`.
  double best(bool file_order, std::vector<int> begins = {0}) {
    if (static_cast<int>(begins.size()) == stages) return best_of(begins, file_order);
    double least = kNoWay;
    for (int l = begins.back() + 1; l + stages - static_cast<int>(begins.size()) <= layers(); ++l) {
      std::vector<int> more = begins;
      more.push_back(l);
      least = std::min(least, best(file_order, more));
    }
    return least;
  }
};

/// The greatest load of the mapping of these stages, whose shares are looked at on the way.
double mapped_load(const GroupSetting& s, const Partition& stages) {
  const int count = static_cast<int>(stages.size());
  const auto schedule = make_schedule({}, count, s.micro_batches);
  const PlanScope scope = plan_scope(s.hw, s.net, s.train, s.micro_batches, *schedule, &stages);
  const Mapping m = make_mapping(scope, slots_of(*schedule, count, s.micro_batches));
  std::vector<std::int64_t> used(s.hw.cores.size(), 0);
  std::int64_t place = 0;
  for (const Unit& u : m.units) {
    used[static_cast<std::size_t>(u.service.group)] += u.service.cores;
    CHECK(u.first_core == place);
    place += u.service.cores;
  }
  for (std::size_t g = 0; g < used.size(); ++g) CHECK(used[g] <= s.hw.cores[g].count);
  double greatest = 0;
  std::set<int> left;
  for (int k = 0; k < count; ++k) {
    CHECK(m.forward(k).group == m.backward(k).group);
    CHECK(left.count(m.forward(k).group) == 0);  // a group is not entered again
    if (k + 1 < count && m.forward(k + 1).group != m.forward(k).group)
      left.insert(m.forward(k).group);
    const StageCost cost =
        price_stage(scope, k, m.forward(k), m.backward(k), scope.micro_batch_samples);
    greatest = std::max(greatest, stage_load(scope, cost, scope.has_two_units(k, count)));
  }
  return greatest;
}

TEST_CASE("cuts and shares over groups of unlike cores are the best of all cuts and shares") {
  std::mt19937 random(3);
  const auto number = [&](int from, int to) {
    return std::uniform_int_distribution<int>(from, to)(random);
  };
  int turned = 0, mixed = 0, held = 0;
  for (int trial = 0; trial < 36; ++trial) {
    std::vector<CoreSpec> groups{group_of("lanes", CoreKind::resident, number(1, 4)),
                                 group_of("array", CoreKind::systolic, number(1, 4))};
    if (trial % 3 == 0) groups[0] = group_of("device", CoreKind::roofline, number(1, 2));
    if (trial % 6 == 5) groups.push_back(group_of("device", CoreKind::roofline, 1));
    std::shuffle(groups.begin(), groups.end(), random);
    GroupSetting s(random_dense(random), groups);
    s.hw.mapping.split_forward_backward = trial % 4 == 1;
    if (trial % 2 == 1) {  // some stages need several cores to be held
      for (CoreSpec& group : s.hw.cores) {
        group.buffer = BufferSpec{};
        group.buffer->capacity_kib = number(200, 500);
      }
    }
    for (const int stages : {2, 3}) {
      CAPTURE(trial, stages);
      AllRuns all{s, stages, {}};
      const double best = all.best(false);
      if (best == kNoWay) continue;
      const Partition parts = s.cut(stages);
      // Both the cuts and the shares are searched to half a cycle.
      CHECK(mapped_load(s, parts) <= best + 1);
      turned += all.best(true) > best + 1;
      const PlannedMachine machine = s.plan(parts);
      mixed += machine.plan.cores.front().group != machine.plan.cores.back().group;
      held += trial % 2;
    }
  }
  CHECK(turned > 3);  // the order of the file is not the best
  CHECK(mixed > 30);
  CHECK(held > 10);
}

TEST_CASE("a list of what balanced chose is the same machine, on cores of two kinds") {
  GroupSetting s(lenet5(), {group_of("lanes", CoreKind::resident, 3),
                            group_of("array", CoreKind::systolic, 4)});
  const Partition parts = s.cut(3);
  const PlannedMachine balanced = s.plan(parts);
  GroupSetting listed = s;
  listed.hw.mapping.kind = MappingKind::explicit_list;
  std::set<int> groups;
  for (const StagePlan& stage : balanced.plan.stages) {
    const CorePlan& core = balanced.plan.cores[static_cast<std::size_t>(stage.forward_core)];
    groups.insert(core.group);
    listed.hw.mapping.stages.push_back(
        {stage.name, s.hw.cores[static_cast<std::size_t>(core.group)].name, core.cores});
  }
  CHECK(groups.size() == 2);
  const PlannedMachine same = listed.plan(parts);
  REQUIRE(same.plan.cores.size() == balanced.plan.cores.size());
  for (std::size_t c = 0; c < same.plan.cores.size(); ++c)
    CHECK(same.plan.cores[c].name == balanced.plan.cores[c].name);
  CHECK(same.report.balance.cycles_per_micro_batch() ==
        balanced.report.balance.cycles_per_micro_batch());
}

TEST_CASE("one more core is looked for in the group where it brings most") {
  GroupSetting s(lenet5(), {group_of("lanes", CoreKind::resident, 2),
                            group_of("array", CoreKind::systolic, 2)});
  const Partition parts = make_partition(s.net, {});
  GroupSetting four = s;
  four.hw.cores[0].count = 4;
  const auto told = four.plan(parts).report.balance.with_one_more_core;
  REQUIRE(told);
  std::set<double> answers;
  for (std::size_t g = 0; g < 2; ++g) {
    GroupSetting more = four;
    ++more.hw.cores[g].count;
    answers.insert(mapped_load(more, parts));
  }
  CHECK(answers.size() == 2);
  CHECK(*told == *answers.begin());
  // Five stages do not fit on four cores.
  CHECK_THROWS_WITH(s.plan(parts), Catch::Contains("more cores than there are (2 of \"lanes\", 2 "
                                                   "of \"array\")"));
}

TEST_CASE("balanced takes several groups, and each of them says how many cores it has") {
  const auto issues_of = [](const std::string& count) {
    const std::string text =
        R"({"name": "n", "clock_mhz": 1000, "interconnect": {"kind": "ideal"}, "cores": [)"
        R"({"name": "a", "kind": "resident", "tile_rows": 1, "tile_columns": 1, )"
        R"("lanes_per_tile": 8, "count": 3}, )"
        R"({"name": "b", "kind": "systolic", "rows": 8, "columns": 8, )"
        R"("dataflow": "weight_stationary", "count": )" +
        count + R"(}], "mapping": "balanced"})";
    Issues issues;
    read_hardware(Document::from_text("f.json", text, issues), issues);
    return issues.text();
  };
  CHECK(issues_of("2") == "");
  CHECK_THAT(issues_of("\"as_needed\""),
             Catch::Contains("/mapping: \"balanced\" shares out a number of cores; "
                             "/cores/1/count is \"as_needed\""));
}

}  // namespace
}  // namespace stagecoach
