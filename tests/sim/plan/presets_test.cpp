// SPDX-License-Identifier: Apache-2.0
// Questions to every file in hw/: is it valid, has every number a source, does every number matter,
// and does nothing better ever cost cycles?
#include <catch2/catch.hpp>
#include <map>
#include <optional>

#include "models/base/error.h"
#include "paths.h"
#include "sim/stats/energy.h"
#include "tests/support/preset_questions.h"

namespace stagecoach {
namespace {

const std::vector<Work>& workloads() {
  static const std::vector<Work> all = usual_work();
  return all;
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
                             static_cast<double>(p.interconnect.hop_latency_cycles),
                             1.0 * p.interconnect.rows,
                             1.0 * p.interconnect.columns,
                             p.host.bytes_per_cycle,
                             static_cast<double>(p.host.latency_cycles),
                             1.0 * p.input_queue_micro_batches,
                             1.0 * m.report.problems.size(),
                             m.report.balance.cycles_per_micro_batch()};
  for (const StagePlan& s : p.stages) {
    for (const StageCost& c : s.cost) {
      append(out, c.forward), append(out, c.backward), append(out, c.update);
      out.push_back(static_cast<double>(c.input_gradient_busy));
      out.push_back(static_cast<double>(c.weight_gradient_busy));
    }
    for (const Message& msg : s.forward_messages)
      out.push_back(static_cast<double>(msg.bytes_per_sample));
    for (const Message& msg : s.backward_messages)
      out.push_back(static_cast<double>(msg.bytes_per_sample));
    for (Bytes b : {s.weights_bytes, s.optimizer_bytes, s.activation_bytes_per_sample,
                    s.capacity_bytes, s.dram.total(1, work.micro, 1)}) {
      out.push_back(static_cast<double>(b));
    }
    out.push_back(static_cast<double>(s.capacity_micro_batches));
  }
  for (const LayerCost& l : p.layers) {
    for (const LayerPassCost* c : {&l.forward, &l.input_gradient, &l.weight_gradient, &l.update}) {
      out.push_back(static_cast<double>(c->memory_cycles));
    }
  }
  RunStatistics run;
  run.cycles = 1000000, run.samples = 40, run.micro_batches = 40 / work.micro;
  run.stages.resize(p.stages.size());
  for (StageStatistics& s : run.stages) s.updates = 40 / work.batch;
  run.links = {{"link", 1000, 0, 0}};
  run.host_bytes = 1000;
  if (hw.energy) {
    const BandedSum energy = energy_of(*hw.energy, p, run);
    out.push_back(energy.total()), out.push_back(energy.low()), out.push_back(energy.high());
  }
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
    const OrderedJson once = write_hardware(load_hardware(path));
    const HardwareSpec again = spec_of(Json::parse(once.dump()), issues);
    CHECK(issues.text() == "");
    CHECK(write_hardware(again) == once);
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

/// A key of "energy" and "area" that is no price, but says where others come from.
bool chooses_prices(const std::string& key) {
  return key == "technology" || key == "mac_format" || key == "hop_mm" || key == "mac_int8_pj" ||
         key == "mac_fp16_pj" || key == "mac_fp32_pj";
}

/// Fields of the table that an object of the template leaves out; objects inside are looked into.
void find_missing(const TypeInfo& type, const Json& json, const std::string& at,
                  std::vector<std::string>& missing) {
  const auto look_at = [&](const FieldInfo& field) {
    // One buffer stands for the two others, a technology or a price by format for prices that the
    // template all gives,
    // concurrent passes for passes one after the other, pieces for what fits.
    const bool alternative = field.key == "buffer" || field.key == "concurrent_passes" ||
                             field.key == "pieces" || chooses_prices(field.key);
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

/// Results, or nothing where the network cannot be laid on the hardware at all.
std::optional<std::vector<double>> results_if_any(const HardwareSpec& hw, const Work& work) {
  try {
    return results(hw, work);
  } catch (const UserError&) {
    return std::nullopt;
  }
}

TEST_CASE("every number of every hardware file changes some result, or changing it is refused") {
  for (const std::string& path : presets())
    check_that_numbers_matter(path, workloads(), {1}, results_if_any);
}

/// Cycles per micro-batch of what is slowest; a machine that cannot be laid out is not compared.
double slowest_of(const HardwareSpec& hw, const Work& work) {
  try {
    return planned(hw, work).report.balance.cycles_per_micro_batch();
  } catch (const UserError&) {
    return 0;
  }
}

TEST_CASE("no field set better ever lowers the steady rate") {
  int compared = 0;
  const std::map<std::string, bool> better_up = better_for_the_rate();
  for (const std::string& path : presets()) {
    const Json json = parsed(path);
    Issues none;
    const HardwareSpec plain = spec_of(json, none);
    std::vector<std::string> numbers;
    find_numbers(json, "", numbers);
    for (const std::string& pointer : numbers) {
      const auto better = better_up.find(pointer.substr(pointer.rfind('/') + 1));
      if (better == better_up.end()) continue;
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

/// Square millimetres of a file's chip, of which `cores` cores serve a stage.
double area_with(const std::string& name, std::int64_t cores) {
  const HardwareSpec hw = load_hardware(std::string(STAGECOACH_SOURCE_DIR) + "/hw/" + name);
  MachinePlan plan;
  plan.cores.resize(1);
  plan.cores[0].cores = cores;
  return area_of(*hw.area, hw, plan).total();
}

TEST_CASE("areas of real chips come out as published") {
  CHECK(area_with("nvdla_large.json", 1) == Approx(3.3).epsilon(0.01));
  CHECK(area_with("nvdla_small.json", 1) == Approx(0.55).epsilon(0.01));
  // The wafer is as large for one core in use as for all.
  for (const std::int64_t used : {1, 1000, 850000})
    CHECK(area_with("wse2_like.json", used) == Approx(46225).epsilon(1e-6));
}

TEST_CASE("every energy and area constant that is not zero says how uncertain it is") {
  for (const std::string& path : presets()) {
    const Json json = parsed(path);
    for (const char* part : {"energy", "area"}) {
      if (!json.contains(part)) continue;
      for (const auto& [key, value] : json[part].items()) {
        if (key[0] == '$' || value == 0 || chooses_prices(key)) continue;
        CAPTURE(path, part, key);
        REQUIRE(json[part].contains("$uncertainty"));
        CHECK(json[part]["$uncertainty"].contains(key));
      }
    }
  }
}

}  // namespace
}  // namespace stagecoach
