// SPDX-License-Identifier: Apache-2.0
// Questions to technology tables: does a chip take from them what its file leaves out, by format,
// bank and wire; has every number a source and a use; are mistakes told?
#include "sim/config/technology.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "sim/config/hardware_config.h"
#include "sim/config/preset_folder.h"
#include "tests/sim/support/temporary_directory.h"
#include "tests/support/presets.h"

namespace stagecoach {
namespace {

using Catch::Contains;

std::filesystem::path tables() {
  return std::filesystem::path(STAGECOACH_SOURCE_DIR) / "hw/technologies";
}

Json example() { return parsed(std::string(STAGECOACH_SOURCE_DIR) + "/hw/mesh_of_16.json"); }

HardwareSpec good(const Json& chip) {
  Issues issues;
  const HardwareSpec spec = spec_of(chip, issues);
  INFO(issues.text());
  REQUIRE(issues.empty());
  return spec;
}

std::string errors(const Json& chip) {
  Issues issues;
  spec_of(chip, issues);
  return issues.text();
}

TEST_CASE("what a chip leaves out comes from its technology, by format, bank and wire") {
  const Json table = parsed((tables() / "nm16.json").string());
  Json chip = example();
  HardwareSpec hw = good(chip);
  REQUIRE(hw.energy);
  CHECK(hw.energy->mac_pj == table["mac_fp16_pj"]);
  CHECK(hw.energy->vector_operation_pj == table["add_fp16_pj"]);
  // Eight banks of 64 KiB.
  const double sram = table["sram_pj_per_bit"].get<double>() *
                      std::pow(64 / 8.0, table["sram_exponent"].get<double>());
  CHECK(hw.energy->weight_read_pj_per_bit == Approx(sram));
  CHECK(hw.energy->activation_write_pj_per_bit == Approx(sram));
  CHECK(hw.energy->hop_pj_per_bit == Approx(table["router_pj_per_bit"].get<double>() +
                                            1.5 * table["wire_pj_per_bit_mm"].get<double>()));
  CHECK(hw.energy->dram_pj_per_bit == table["dram_pj_per_bit"]);
  CHECK(hw.energy->register_pj_per_bit == table["register_pj_per_bit"]);
  CHECK(hw.energy->accumulator_pj_per_bit == table["register_pj_per_bit"]);
  CHECK(hw.energy->uncertainty.at("accumulator_pj_per_bit") ==
        table["$uncertainty"]["register_pj_per_bit"]);
  CHECK(hw.energy->static_milliwatts_per_core ==
        Approx(512 * table["leakage_milliwatts_per_kib"].get<double>()));
  CHECK(hw.energy->static_watts == 0.5);
  CHECK(hw.energy->uncertainty.at("mac_pj") == table["$uncertainty"]["mac_fp16_pj"]);
  CHECK(hw.energy->uncertainty.at("static_watts") == 0.8);
  CHECK(hw.area->mac_um2 == table["mac_fp16_um2"]);

  chip["elements"]["weights_bytes"] = 4;
  CHECK(good(chip).energy->mac_pj == table["mac_fp32_pj"]);
  chip["energy"]["mac_format"] = "int8";
  CHECK(good(chip).energy->mac_pj == table["mac_int8_pj"]);
  CHECK(good(chip).energy->vector_operation_pj == table["add_int32_pj"]);
  chip["energy"]["mac_pj"] = 7;
  CHECK(good(chip).energy->mac_pj == 7);
  CHECK(good(chip).energy->uncertainty.count("mac_pj") == 0);

  chip.erase("dram");
  chip.erase("memory_policy");
  chip["interconnect"] = {{"kind", "ideal"}};
  CHECK(good(chip).energy->dram_pj_per_bit == 0);
  CHECK(good(chip).energy->hop_pj_per_bit == 0);
}

TEST_CASE("a multiply-accumulate has the price of its format, if the file gives prices by format") {
  Json chip = Json(write_hardware(good(example())));  // every price given, no technology
  Json& energy = chip["energy"];
  energy.erase("mac_pj");
  energy["mac_int8_pj"] = 1, energy["mac_fp16_pj"] = 2, energy["mac_fp32_pj"] = 4;
  energy["$uncertainty"] = {{"mac_fp16_pj", 0.3}, {"mac_fp32_pj", 0.4}};
  CHECK(good(chip).energy->mac_pj == 2);  // weights of 2 bytes
  CHECK(good(chip).energy->uncertainty == std::map<std::string, double>{{"mac_pj", 0.3}});
  chip["elements"]["weights_bytes"] = 4;
  CHECK(good(chip).energy->mac_pj == 4);
  chip["elements"]["weights_bytes"] = 1;
  CHECK(good(chip).energy->mac_pj == 1);
  CHECK(good(chip).energy->uncertainty.empty());
  energy["mac_format"] = "fp32";
  CHECK(good(chip).energy->mac_pj == 4);

  energy.erase("mac_fp32_pj");
  energy["$uncertainty"] = Json::object();
  CHECK_THAT(errors(chip), Contains("/energy: required field \"mac_fp32_pj\" is missing") &&
                               Contains("\"mac_format\" chooses this one"));
  energy["technology"] = "nm16";  // which knows it
  CHECK(good(chip).energy->mac_pj == parsed((tables() / "nm16.json").string())["mac_fp32_pj"]);
  energy.erase("technology");
  energy["mac_format"] = "int8";
  energy["mac_pj"] = 3;
  CHECK_THAT(errors(chip), Contains("/energy/mac_int8_pj: changes nothing: \"mac_pj\" is given"));
}

TEST_CASE("registers are counted where a file prices them, and fields about them need a price") {
  Json chip = Json(write_hardware(good(example())));
  for (const char* key : {"register_pj_per_bit", "accumulator_pj_per_bit"})
    chip["energy"].erase(key);
  chip["energy"].erase("$uncertainty");
  CHECK(good(chip).energy->register_pj_per_bit == 0);
  CHECK(good(chip).energy->accumulator_pj_per_bit == 0);
  chip["elements"]["accumulator_bytes"] = 2;
  chip["cores"][0]["registers"] = "row_stationary";
  const std::string why = "means nothing without energy/";
  CHECK_THAT(errors(chip),
             Contains("/elements/accumulator_bytes: " + why + "accumulator_pj_per_bit") &&
                 Contains("/cores/0/registers: " + why + "register_pj_per_bit"));
  chip["energy"]["register_pj_per_bit"] = 0.1;
  chip["energy"]["accumulator_pj_per_bit"] = 0.2;
  CHECK(good(chip).energy->accumulator_pj_per_bit == 0.2);
  chip["energy"]["register_pj_per_bit"] = chip["energy"]["accumulator_pj_per_bit"] = 0;
  good(chip);  // prices, too
  chip["energy"]["register_pj_per_bit"] = chip["energy"]["accumulator_pj_per_bit"] = 0.1;
  chip["cores"][0] = {{"name", "core"},       {"kind", "fixed"},    {"forward_cycles", 1},
                      {"backward_cycles", 1}, {"update_cycles", 0}, {"count", "as_needed"}};
  chip["mapping"] = "one_core_per_stage";
  chip.erase("area");
  CHECK_THAT(errors(chip), Contains("/energy/register_pj_per_bit: means nothing") &&
                               Contains("/energy/accumulator_pj_per_bit: means nothing"));
}

TEST_CASE("a chip that was resolved is written with every price, and read again the same") {
  const HardwareSpec hw = good(example());
  const OrderedJson written = write_hardware(hw);
  CHECK_FALSE(written["energy"].contains("technology"));
  CHECK(write_hardware(good(Json(written))) == written);
}

TEST_CASE("tables that are not there, and fields that nothing uses, are told") {
  Json chip = example();
  chip["energy"]["technology"] = "nm17";
  CHECK_THAT(errors(chip),
             Contains("/energy/technology: found \"nm17\", which is no table; did you "
                      "mean \"nm16\"?") &&
                 Contains("allowed: \"nm16\", \"nm28\", \"nm45\", \"nm7\""));
  chip = example();
  chip["energy"].erase("static_watts");
  chip["energy"]["$uncertainty"] = {{"hop_mm", 0.5}};
  CHECK_THAT(errors(chip), Contains("/energy: required field \"static_watts\" is missing") &&
                               Contains("no technology knows it") &&
                               Contains("/energy/$uncertainty/hop_mm: is no quantity"));
  chip = example();
  chip["energy"]["hop_pj_per_bit"] = 1;
  CHECK_THAT(errors(chip), Contains("/energy/hop_mm: changes nothing"));
  chip = example();
  chip["energy"].erase("technology");
  CHECK_THAT(errors(chip), Contains("required field \"mac_pj\" is missing") &&
                               Contains("/energy/hop_mm: changes nothing without \"technology\""));
  chip = example();
  chip["cores"][0].erase("buffer");
  CHECK_THAT(errors(chip), Contains("required field \"weight_read_pj_per_bit\" is missing") &&
                               Contains("no limited buffer"));
  chip = Json::parse(write_hardware(good(example())).dump());
  chip["energy"]["technology"] = "nm7";
  CHECK_THAT(errors(chip), Contains("/energy/technology: changes nothing"));
}

TEST_CASE("every number of every table has a source and an uncertainty, and changes a chip") {
  const std::vector<std::string> names = json_files_in(tables());
  CHECK(names == std::vector<std::string>{"nm16", "nm28", "nm45", "nm7"});
  const TemporaryDirectory folder;
  std::filesystem::create_directories(folder / "technologies");
  for (const std::string& name : names) {
    const Json table = parsed((tables() / (name + ".json")).string());
    const auto chips = [&](const Json& with) {  // one for every format
      std::ofstream(folder / "technologies/own.json") << with.dump();
      std::string all;
      for (const char* format : {"int8", "fp16", "fp32"}) {
        Json chip = example();
        for (const char* part : {"energy", "area"}) {
          chip[part]["technology"] = "own";
          chip[part]["mac_format"] = format;
        }
        std::ofstream(folder / "chip.json") << chip.dump();
        all += write_hardware(load_hardware(folder / "chip.json")).dump();
      }
      return all;
    };
    const std::string before = chips(table);
    for (const auto& [key, value] : table.items()) {
      if (!value.is_number()) continue;
      CAPTURE(name, key);
      CHECK(table["$source"].contains(key));
      CHECK((table["$uncertainty"].contains(key) || key == "sram_exponent"));
      Json changed = table;
      changed[key] = value.get<double>() * 0.9;
      CHECK(chips(changed) != before);
    }
  }
}

TEST_CASE("newer technologies spend less and are smaller, part by part") {
  const std::vector<const char*> order = {"nm45", "nm28", "nm16", "nm7"};
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Json older = parsed((tables() / (std::string(order[i - 1]) + ".json")).string());
    const Json newer = parsed((tables() / (std::string(order[i]) + ".json")).string());
    for (const auto& [key, value] : newer.items()) {
      if (!value.is_number()) continue;
      CAPTURE(order[i], key);
      CHECK(value.get<double>() <= older[key].get<double>());
    }
  }
}

TEST_CASE("a broken table is told with its file and place") {
  const TemporaryDirectory folder;
  std::filesystem::create_directories(folder / "technologies");
  Json table = parsed((tables() / "nm7.json").string());
  table.erase("register_pj_per_bit");  // an older table: registers are not counted
  Json without = example();
  without["energy"]["technology"] = "own";
  std::ofstream(folder / "technologies/own.json") << table.dump();
  std::ofstream(folder / "chip.json") << without.dump();
  CHECK(load_hardware(folder / "chip.json").energy->register_pj_per_bit == 0);
  table["mac_fp16_pj"] = -1;
  std::ofstream(folder / "technologies/own.json") << table.dump();
  Json chip = example();
  chip["energy"]["technology"] = "own";
  std::ofstream(folder / "chip.json") << chip.dump();
  CHECK_THROWS_WITH(load_hardware(folder / "chip.json"),
                    Contains("technologies/own.json: /mac_fp16_pj: found -1"));
}

}  // namespace
}  // namespace stagecoach
