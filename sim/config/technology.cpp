// SPDX-License-Identifier: Apache-2.0
#include "sim/config/technology.h"

#include <algorithm>
#include <cmath>

#include "sim/config/preset_folder.h"
#include "sim/config/technology_fields.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;

/// A value of a table with the uncertainty of the constants behind it; or why there is none.
struct Derived {
  double value = 0;
  double uncertainty = 0;
  std::string why_not;
};

/// Folders that may hold tables, the hardware file's own first.
std::vector<fs::path> table_folders(const Place& at) {
  std::vector<fs::path> folders = {fs::path(at.document().label()).parent_path() / "technologies"};
  if (const fs::path presets = preset_folder("hw"); !presets.empty())
    folders.push_back(presets / "technologies");
  return folders;
}

std::optional<Technology> load(const std::string& name, const Place& at) {
  std::vector<std::string> known;
  for (const fs::path& folder : table_folders(at)) {
    const std::vector<std::string> here = json_files_in(folder);
    if (std::find(here.begin(), here.end(), name) != here.end()) {
      const Document document =
          Document::from_file((folder / (name + ".json")).string(), at.issues());
      Technology table;
      if (!document.ok() ||
          !technology_table().read(document.root(), Place(document, at.issues()), table))
        return std::nullopt;
      return table;
    }
    known.insert(known.end(), here.begin(), here.end());
  }
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  at.report("found \"" + printable(name) + "\", which is no table" + did_you_mean(name, known) +
            "; allowed: " + (known.empty() ? "none was found" : quoted_list(known)));
  return std::nullopt;
}

MacFormat format_of(const PricesFile& file, const HardwareSpec& chip) {
  const double bytes = chip.elements.weights_bytes;
  return file.mac_format.value_or(bytes >= 4   ? MacFormat::fp32
                                  : bytes >= 2 ? MacFormat::fp16
                                               : MacFormat::int8);
}

/// What a chip takes from a table.
class Derivation {
 public:
  Derivation(const Technology& table, const PricesFile& file, const HardwareSpec& chip)
      : table_(table),
        chip_(chip),
        format_(format_of(file, chip)),
        hop_mm_(file.hop_mm.value_or(1)) {}

  Derived of(const std::string& key) const {
    if (key == "mac_pj") return by_format("mac_int8_pj", "mac_fp16_pj", "mac_fp32_pj");
    if (key == "vector_operation_pj")
      return by_format("add_int32_pj", "add_fp16_pj", "add_fp32_pj");
    if (key == "mac_um2") return by_format("mac_int8_um2", "mac_fp16_um2", "mac_fp32_um2");
    if (key == "sram_um2_per_bit") return entry("sram_um2_per_bit");
    if (key == "hop_pj_per_bit") return hop();
    if (key == "dram_pj_per_bit") return chip_.dram ? entry("dram_pj_per_bit") : Derived{};
    if (key == "host_pj_per_bit") return entry("host_pj_per_bit");
    if (key == "register_pj_per_bit" || key == "accumulator_pj_per_bit") return registers();
    if (key == "static_milliwatts_per_core") return leakage();
    return sram(key.compare(0, 6, "weight") == 0 ? &CoreSpec::weight_memory
                                                 : &CoreSpec::activation_memory);
  }

 private:
  double at(const char* key) const {
    for (const Row<Technology>& row : rows_)
      if (row.info.key == key) return row.write(table_).get<double>();
    return 0;
  }
  Derived entry(const char* key) const {
    const auto found = table_.uncertainty.find(key);
    return {at(key), found == table_.uncertainty.end() ? 0 : found->second, ""};
  }
  Derived by_format(const char* int8, const char* fp16, const char* fp32) const {
    switch (format_) {
      case MacFormat::int8:
        return entry(int8);
      case MacFormat::fp16:
        return entry(fp16);
      case MacFormat::fp32:
        return entry(fp32);
    }
    return {};
  }

  /// Of the largest bank of all groups of cores.
  Derived sram(BufferSpec (CoreSpec::*memory)() const) const {
    double bank_kib = 0;
    for (const CoreSpec& core : chip_.cores) {
      const BufferSpec buffer = (core.*memory)();
      if (buffer.capacity_kib == kUnlimited<double>)
        return {0, 0, "core \"" + core.name + "\" has no limited buffer, whose size decides it"};
      bank_kib = std::max(bank_kib, buffer.capacity_kib / buffer.banks);
    }
    Derived energy = entry("sram_pj_per_bit");
    energy.value *= std::pow(bank_kib / 8, table_.sram_exponent);
    return energy;
  }

  /// Of the largest buffers of all groups of cores; those without limit have none.
  Derived leakage() const {
    double most_kib = 0;
    for (const CoreSpec& core : chip_.cores) {
      double kib = 0;
      for (const auto* buffer : {&core.buffer, &core.weight_buffer, &core.activation_buffer})
        if (*buffer && (*buffer)->capacity_kib != kUnlimited<double>)
          kib += (*buffer)->capacity_kib;
      most_kib = std::max(most_kib, kib);
    }
    Derived power = entry("leakage_milliwatts_per_kib");
    power.value *= most_kib;
    return power;
  }

  /// Nothing, if no core says what its registers hold.
  Derived registers() const {
    const bool stated = std::any_of(chip_.cores.begin(), chip_.cores.end(),
                                    [](const CoreSpec& core) { return core.states_registers(); });
    return stated ? entry("register_pj_per_bit") : Derived{};
  }

  Derived hop() const {
    if (chip_.interconnect.kind == InterconnectKind::ideal) return {};
    const Derived router = entry("router_pj_per_bit"), wire = entry("wire_pj_per_bit_mm");
    Derived hop{router.value + hop_mm_ * wire.value, 0, ""};
    if (hop.value > 0)
      hop.uncertainty =
          (router.uncertainty * router.value + wire.uncertainty * hop_mm_ * wire.value) / hop.value;
    return hop;
  }

  const Technology& table_;
  const HardwareSpec& chip_;
  MacFormat format_;
  double hop_mm_;
  const std::vector<Row<Technology>> rows_ = technology_table().rows();
};

/// Fields that change nothing are errors: everything that they decide is given.
void check_uses(const PricesFile& file, bool by_format, std::size_t taken, const Place& at) {
  const auto given = [&](const char* key) { return file.given.count(key) > 0; };
  const std::string nothing = "changes nothing";
  if (file.technology && taken == 0)
    at.child("technology").report(nothing + ": every field is given here");
  if (file.mac_format && !by_format &&
      (!file.technology || given("mac_um2") || (given("mac_pj") && given("vector_operation_pj"))))
    at.child("mac_format")
        .report(nothing +
                (file.technology ? ": what it decides is given here" : " without \"technology\""));
  if (file.hop_mm && (!file.technology || given("hop_pj_per_bit")))
    at.child("hop_mm").report(nothing + (file.technology ? ": \"hop_pj_per_bit\" is given here"
                                                         : " without \"technology\""));
  for (const char* key : {"technology", "mac_format", "hop_mm"})
    if (file.uncertainty.count(key))
      at.child("$uncertainty")
          .child(key)
          .report("is no quantity; allowed: those with a unit of energy, power or area");
}

/// Moves the price of the multiply-accumulate of the chip's format, if the file gives prices by
/// format, to `mac_pj`, and takes the others out. True if there was one.
bool take_format_price(PricesFile& file, const HardwareSpec& chip, const Place& at) {
  const bool whole = file.given.count("mac_pj") > 0;
  bool by_format = false;
  std::string of_format;
  for (const FormatPrice& price : kMacPrices) {
    const bool chosen = price.format == format_of(file, chip);
    if (chosen) of_format = price.key;
    const auto found = file.given.find(price.key);
    if (found == file.given.end()) continue;
    if (whole) at.child(price.key).report("changes nothing: \"mac_pj\" is given here");
    if (chosen) {
      by_format = true;
      file.given["mac_pj"] = found->second;
      const auto band = file.uncertainty.find(price.key);
      if (band != file.uncertainty.end()) file.uncertainty["mac_pj"] = band->second;
    }
  }
  std::size_t others = 0;
  for (const FormatPrice& price : kMacPrices)
    others += file.given.erase(price.key), file.uncertainty.erase(price.key);
  if (others > 0 && !whole && !by_format && !file.technology) {
    file.given["mac_pj"] = 0;
    at.report(
        "required field \"" + of_format + "\" is missing: other formats are priced here, and " +
        (file.mac_format ? "\"mac_format\"" : "elements/weights_bytes") + " chooses this one");
  }
  return by_format;
}

template <class Spec, std::size_t N>
Spec resolved(const PricesFile& file, bool by_format, const PriceField<Spec> (&quantities)[N],
              const HardwareSpec& chip, const Place& at) {
  Spec spec;
  std::optional<Technology> table;
  if (file.technology) {
    table = load(*file.technology, at.child("technology"));
    if (!table) return spec;
  }
  std::optional<Derivation> derivation;
  if (table) derivation.emplace(*table, file, chip);
  std::size_t taken = 0;
  for (const PriceField<Spec>& q : quantities) {
    const auto given = file.given.find(q.key);
    if (given != file.given.end()) {
      spec.*q.member = given->second;
      continue;
    }
    if (!derivation && q.may_lack) continue;
    const std::string missing = "required field \"" + std::string(q.key) + "\" is missing";
    if (!derivation || !q.from_table) {
      at.report(missing + "; allowed: a number, 0 or more" +
                (derivation ? "; no technology knows it" : ""));
      continue;
    }
    const Derived value = derivation->of(q.key);
    if (!value.why_not.empty()) at.report(missing + ": " + value.why_not);
    spec.*q.member = value.value;
    if (value.uncertainty > 0) spec.uncertainty[q.key] = value.uncertainty;
    ++taken;
  }
  for (const auto& [key, relative] : file.uncertainty) spec.uncertainty[key] = relative;
  check_uses(file, by_format, taken, at);
  return spec;
}

template <class Spec, std::size_t N>
PricesFile all_given(const Spec& spec, const PriceField<Spec> (&quantities)[N]) {
  PricesFile file;
  for (const PriceField<Spec>& q : quantities) file.given[q.key] = spec.*q.member;
  file.uncertainty = spec.uncertainty;
  return file;
}

}  // namespace

EnergySpec energy_of_file(const PricesFile& file, const HardwareSpec& chip, const Place& at) {
  PricesFile of_chip = file;
  const bool by_format = take_format_price(of_chip, chip, at);
  return resolved(of_chip, by_format, kEnergyQuantities, chip, at);
}
AreaSpec area_of_file(const PricesFile& file, const HardwareSpec& chip, const Place& at) {
  return resolved(file, false, kAreaQuantities, chip, at);
}
PricesFile file_of(const EnergySpec& energy) { return all_given(energy, kEnergyQuantities); }
PricesFile file_of(const AreaSpec& area) { return all_given(area, kAreaQuantities); }

}  // namespace stagecoach
