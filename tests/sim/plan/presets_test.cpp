// SPDX-License-Identifier: Apache-2.0
// Questions to every file in hw/: is it valid, has every number a source, does every number matter,
// and does nothing better ever cost cycles?
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "models/error.h"
#include "sim/config/hardware_config.h"
#include "sim/plan/build_machine_plan.h"
#include "sim/timing/energy.h"
#include "tests/support/networks.h"

namespace stagecoach {
namespace {

std::vector<std::string> presets() {
  std::vector<std::string> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(STAGECOACH_SOURCE_DIR) + "/hw")) {
    const std::string path = entry.path().string();
    const bool schema = path.find(".schema.") != std::string::npos;
    if (entry.path().extension() == ".json" && !schema) paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Json parsed(const std::string& path) {
  std::ifstream in(path);
  return Json::parse(in);
}

HardwareSpec spec_of(const Json& json, Issues& issues) {
  return read_hardware(Document::from_text("preset", json.dump(), issues), issues);
}

/// JSON Pointers of all numbers, annotations apart.
void find_numbers(const Json& json, const std::string& at, std::vector<std::string>& out) {
  if (json.is_number()) out.push_back(at);
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      if (key[0] != '$') find_numbers(value, at + "/" + key, out);
    }
  }
  for (std::size_t i = 0; json.is_array() && i < json.size(); ++i) {
    find_numbers(json[i], at + "/" + std::to_string(i), out);
  }
}

/// Every kind of layer in one small network.
Network everything() {
  using K = LayerKind;
  return NetworkSketch(Shape::image(3, 16, 16))
      .conv("c1", 8, 3, 1, 1)
      .plain(K::batch_norm2d)
      .plain(K::relu, "r")
      .conv("c2", 8, 3, 1, 1)
      .group_norm(2)
      .plain(K::tanh)
      .conv("c3", 8, 3, 1, 1, "", true, 2)
      .plain(K::layer_norm)
      .plain(K::sigmoid, "s")
      .join("sum", "s", "r")
      .plain(K::online_norm)
      .pool(K::max_pool2d, 2)
      .conv("c4", 16, 3, 1, 1)
      .plain(K::filter_response_norm)
      .plain(K::local_response_norm)
      .pool(K::avg_pool2d, 2)
      .plain(K::dropout)
      .plain(K::identity)
      .plain(K::global_avg_pool2d)
      .plain(K::flatten)
      .linear("fc", 10)
      .build();
}

struct Work {
  Network net;
  int batch = 1, micro = 1;
  bool stash = false;
};

/// Batch one on small networks; packets of two and stashed versions on one that fills buffers.
const std::vector<Work>& workloads() {
  static const std::vector<Work> all = {
      {everything(), 1, 1, false}, {lenet5(), 1, 1, false}, {vgg11_cifar(), 4, 2, true}};
  return all;
}

PlannedMachine planned(const HardwareSpec& hw, const Work& work) {
  const Partition stages = make_partition(work.net, {});
  const PacketPlan packets(40, 1, work.batch, work.micro);
  ScheduleSpec schedule;
  schedule.weight_stashing = work.stash;
  TrainSpec train;
  train.optimizer.momentum = 0.9;
  const auto rules = make_schedule(schedule, static_cast<int>(stages.size()), packets);
  return build_machine_plan(hw, work.net, stages, packets, *rules, train, FitCheck::report);
}

void append(std::vector<double>& out, const OpCost& c) {
  out.push_back(static_cast<double>(c.compute_cycles));
  out.push_back(static_cast<double>(c.cycles));
}

/// Everything that can be known before a run, and the energy of a made-up one.
std::vector<double> results(const HardwareSpec& hw, const Work& work) {
  const PlannedMachine m = planned(hw, work);
  const MachinePlan& p = m.plan;
  std::vector<double> out = {p.clock_mhz,
                             p.interconnect.link_bytes_per_cycle,
                             1.0 * p.interconnect.hop_latency_cycles,
                             1.0 * p.interconnect.rows,
                             1.0 * p.interconnect.columns,
                             p.host.bytes_per_cycle,
                             1.0 * p.host.latency_cycles,
                             1.0 * p.input_queue_packets,
                             1.0 * m.report.problems.size(),
                             m.report.balance.cycles_per_packet()};
  for (const StagePlan& s : p.stages) {
    for (const StageCost& c : s.cost) {
      append(out, c.forward), append(out, c.backward), append(out, c.update);
    }
    for (const Message& msg : s.forward_messages) out.push_back(1.0 * msg.bytes_per_sample);
    for (const Message& msg : s.backward_messages) out.push_back(1.0 * msg.bytes_per_sample);
    for (Bytes b : {s.weights_bytes, s.optimizer_bytes, s.activation_bytes_per_sample,
                    s.capacity_bytes, s.capacity_packets, s.spilled_bytes_per_packet}) {
      out.push_back(static_cast<double>(b));
    }
  }
  for (const LayerCost& l : p.layers) {
    for (const LayerPassCost* c : {&l.forward, &l.input_gradient, &l.weight_gradient, &l.update}) {
      out.push_back(static_cast<double>(c->memory_cycles));
    }
  }
  RunStatistics run;
  run.cycles = 1000000, run.samples = 40, run.packets = 40 / work.micro;
  run.stages.resize(p.stages.size());
  for (StageStatistics& s : run.stages) s.updates = 40 / work.batch;
  run.links = {{"link", 1000, 0, 0}};
  run.host_bytes = 1000;
  const BandedSum energy = energy_of(hw.energy, p, run);
  out.push_back(energy.total()), out.push_back(energy.low()), out.push_back(energy.high());
  if (hw.area) out.push_back(area_of(*hw.area, hw, p).total());
  return out;
}

TEST_CASE("every hardware file is valid and lays a network out") {
  REQUIRE(presets().size() >= 3);
  for (const std::string& path : presets()) {
    CAPTURE(path);
    const HardwareSpec hw = load_hardware(path);
    CHECK_FALSE(hw.name.empty());
    CHECK(planned(hw, workloads()[1]).report.problems.empty());  // LeNet-5 fits, or may spill
  }
}

TEST_CASE("a hardware file read, written and read again is the same") {
  for (const std::string& path : presets()) {
    CAPTURE(path);
    Issues issues;
    const OrderedJson once = hardware_table().write(load_hardware(path));
    const HardwareSpec again = spec_of(Json::parse(once.dump()), issues);
    CHECK(issues.text() == "");
    CHECK(hardware_table().write(again) == once);
  }
}

TEST_CASE("every number of every hardware file names its source in the object it stands in") {
  for (const std::string& path : presets()) {
    const Json json = parsed(path);
    std::vector<std::string> numbers;
    find_numbers(json, "", numbers);
    REQUIRE(numbers.size() > 10);
    for (const std::string& pointer : numbers) {
      const std::size_t slash = pointer.rfind('/');
      const Json& object = json.at(Json::json_pointer(pointer.substr(0, slash)));
      CAPTURE(path, pointer);
      REQUIRE(object.contains("$source"));
      const Json& source = object["$source"];
      CHECK((source.is_string() || source.contains(pointer.substr(slash + 1))));
    }
  }
}

/// Fields of the table that an object of the template leaves out; objects inside are looked into.
void find_missing(const TypeInfo& type, const Json& json, const std::string& at,
                  std::vector<std::string>& missing) {
  const auto look_at = [&](const FieldInfo& field) {
    const bool alternative = field.key == "buffer";  // stands for the two other buffers
    if (!json.contains(field.key)) {
      if (!alternative) missing.push_back(at + "/" + field.key);
      return;
    }
    const Json& value = json[field.key];
    const TypeInfo* inner = field.type.get();
    for (const TypePtr& choice : inner->choices) {
      if (choice->kind == TypeKind::object) inner = choice.get();
    }
    if (inner->kind == TypeKind::object) {
      find_missing(*inner, value, at + "/" + field.key, missing);
    } else if (inner->kind == TypeKind::list && inner->item->kind == TypeKind::object) {
      find_missing(*inner->item, value[0], at + "/" + field.key + "/0", missing);
    }
  };
  for (const FieldInfo& field : type.fields) look_at(field);
  for (const VariantInfo& variant : type.variants) {
    if (variant.word != json.at(type.tag).get<std::string>()) continue;
    for (const FieldInfo& field : variant.fields) look_at(field);
  }
}

TEST_CASE("the template leaves out no field that its kinds have") {
  std::vector<std::string> missing;
  find_missing(*hardware_table().info(),
               parsed(std::string(STAGECOACH_SOURCE_DIR) + "/hw/TEMPLATE.json"), "", missing);
  CHECK(missing == std::vector<std::string>{});
}

/// Other values to try for a number: near first, then far, where something else may decide.
std::vector<Json> others(const Json& value) {
  if (value.is_number_integer()) {
    const auto v = value.get<std::int64_t>();
    if (v == 0) return {1};
    return {v * 2, v + 1, v / 2, v * 1000, v / 1000};
  }
  const auto v = value.get<double>();
  if (v == 0) return {1.0};
  return {v * 2, v / 2, v * 1000, v / 1000};
}

/// Results, or nothing where the network cannot be laid on the hardware at all.
std::optional<std::vector<double>> results_if_any(const HardwareSpec& hw, const Work& work) {
  try {
    return results(hw, work);
  } catch (const UserError&) {
    return std::nullopt;
  }
}

TEST_CASE("every number of every hardware file changes some result, or changing it is refused") {
  for (const std::string& path : presets()) {
    const Json json = parsed(path);
    Issues none;
    const HardwareSpec plain = spec_of(json, none);
    std::vector<std::optional<std::vector<double>>> before;
    for (const Work& work : workloads()) before.push_back(results_if_any(plain, work));
    std::vector<std::string> numbers;
    find_numbers(json, "", numbers);
    for (const std::string& pointer : numbers) {
      bool matters = true;  // until the file allows another value
      for (const Json& other : others(json.at(Json::json_pointer(pointer)))) {
        Json other_json = json;
        other_json[Json::json_pointer(pointer)] = other;
        Issues issues;
        const HardwareSpec hw = spec_of(other_json, issues);
        if (!issues.empty()) continue;
        matters = false;
        for (std::size_t w = 0; w < workloads().size() && !matters; ++w) {
          matters = results_if_any(hw, workloads()[w]) != before[w];
        }
        if (matters) break;
      }
      CAPTURE(path, pointer);
      CHECK(matters);
    }
  }
}

/// What "better" means, by key: up or down. A larger systolic array is not always better at batch
/// one (its fill grows; docs/timing_model.md), so rows and columns are not here.
const std::map<std::string, bool> kBetterUp = {{"lanes", true},
                                               {"lanes_per_tile", true},
                                               {"tile_rows", true},
                                               {"tile_columns", true},
                                               {"atomic_inputs", true},
                                               {"atomic_outputs", true},
                                               {"peak_gmacs_per_s", true},
                                               {"memory_gb_per_s", true},
                                               {"width_bytes", true},
                                               {"banks", true},
                                               {"read_ports", true},
                                               {"write_ports", true},
                                               {"shared_ports", true},
                                               {"capacity_kib", true},
                                               {"bandwidth_gb_per_s", true},
                                               {"link_bytes_per_cycle", true},
                                               {"count", true},
                                               {"tile_hop_cycles", false},
                                               {"mac_latency_cycles", false},
                                               {"mac_initiation_interval_cycles", false},
                                               {"latency_cycles", false},
                                               {"launch_overhead_ns", false},
                                               {"latency_ns", false},
                                               {"weights_bytes", false},
                                               {"activations_bytes", false},
                                               {"gradients_bytes", false},
                                               {"optimizer_bytes", false}};

/// Cycles per packet of what is slowest; a machine that cannot be laid out is not compared.
double slowest_of(const HardwareSpec& hw, const Work& work) {
  try {
    return planned(hw, work).report.balance.cycles_per_packet();
  } catch (const UserError&) {
    return 0;
  }
}

TEST_CASE("no field set better ever lowers the steady rate") {
  int compared = 0;
  for (const std::string& path : presets()) {
    const Json json = parsed(path);
    Issues none;
    const HardwareSpec plain = spec_of(json, none);
    std::vector<std::string> numbers;
    find_numbers(json, "", numbers);
    for (const std::string& pointer : numbers) {
      const auto better = kBetterUp.find(pointer.substr(pointer.rfind('/') + 1));
      if (better == kBetterUp.end()) continue;
      Json improved = json;
      Json& value = improved[Json::json_pointer(pointer)];
      const double factor = better->second ? 2 : 0.5;
      if (value.is_number_integer()) {
        value = std::max<std::int64_t>(better->second ? 1 : 0,
                                       static_cast<std::int64_t>(value.get<double>() * factor));
      } else {
        value = value.get<double>() * factor;
      }
      Issues issues;
      const HardwareSpec hw = spec_of(improved, issues);
      if (!issues.empty()) continue;  // a latency of nothing is not allowed
      for (std::size_t w = 0; w < 2; ++w) {
        CAPTURE(path, pointer, w);
        CHECK(slowest_of(hw, workloads()[w]) <= slowest_of(plain, workloads()[w]));
        ++compared;
      }
    }
  }
  CHECK(compared > 100);
}

/// A hardware file with every limit on memory and traffic taken away.
HardwareSpec without_bandwidth_limits(HardwareSpec hw) {
  for (CoreSpec& c : hw.cores) {
    for (auto* b : {&c.buffer, &c.weight_buffer, &c.activation_buffer}) {
      if (*b) **b = BufferSpec{};
    }
    c.roofline.memory_gb_per_s = kUnlimitedRate;
  }
  hw.interconnect.link_bytes_per_cycle = kUnlimitedRate;
  return hw;
}

TEST_CASE("unlimited bandwidth gives exactly the compute cycles, on every chip") {
  for (const std::string& path : presets()) {
    const HardwareSpec hw = without_bandwidth_limits(load_hardware(path));
    for (const Work& work : workloads()) {
      const PlannedMachine machine = planned(hw, work);
      for (const StagePlan& s : machine.plan.stages) {
        for (const StageCost& c : s.cost) {
          CAPTURE(path, s.name);
          CHECK(c.forward.cycles == c.forward.compute_cycles);
          CHECK(c.backward.cycles == c.backward.compute_cycles);
          CHECK(c.update.cycles == c.update.compute_cycles);
        }
      }
    }
  }
}

TEST_CASE("unlimited compute gives exactly bytes over bandwidth, layer by layer") {
  // A roofline with no peak and no launch: only its memory takes time.
  HardwareSpec hw;
  hw.cores.resize(1);
  hw.cores[0].kind = CoreKind::roofline;
  hw.cores[0].roofline.memory_gb_per_s = 4;  // 4 bytes a cycle
  const PlannedMachine machine = planned(hw, workloads()[1]);
  // conv2 of LeNet-5, forward: 6x14x14 in, 2400 weights, 1600 out, 4 bytes each.
  CHECK(machine.plan.layers[3].forward.cycles == 1176 + 2400 + 1600);
  CHECK(machine.plan.layers[3].forward.compute_cycles == 0);
  // Input gradient: 1600 in, 2400 weights, 1176 out; weight gradient: both in, 2400 out.
  CHECK(machine.plan.layers[3].input_gradient.cycles == 1600 + 2400 + 1176);
  CHECK(machine.plan.layers[3].weight_gradient.cycles == 1176 + 1600 + 2400);
  // Momentum: weight, velocity and gradient in, weight and velocity out, 2416 parameters.
  CHECK(machine.plan.layers[3].update.cycles == 5 * 2416);
  // ReLU: in and out.
  CHECK(machine.plan.layers[4].forward.cycles == 2 * 1600);
}

}  // namespace
}  // namespace stagecoach
