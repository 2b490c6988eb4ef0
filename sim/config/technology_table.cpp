// SPDX-License-Identifier: Apache-2.0
// The fields of technology tables, and of "energy" and "area" in hardware files.
#include "sim/config/technology.h"
#include "sim/config/technology_fields.h"

namespace stagecoach {
namespace {

std::string unit_of(const std::string& key) {
  if (key.find("_watts") != std::string::npos) return "W";
  if (key.find("_milliwatts") != std::string::npos) return "mW";
  if (key.find("_mm2") != std::string::npos) return "mm2";
  if (key.find("_um2_per_bit") != std::string::npos) return "um2/bit";
  if (key.find("_um2") != std::string::npos) return "um2";
  return "pJ";
}

void add_given(Table<PricesFile>& t, const std::string& key, const std::string& sentence,
               const std::string& otherwise) {
  t.stored<double>(
      key, number(quantity(), unit_of(key)),
      [key](PricesFile& file, const double& value) { file.given[key] = value; },
      [key](const PricesFile& file) {
        const auto found = file.given.find(key);
        return found == file.given.end() ? std::nullopt : std::optional<double>(found->second);
      },
      sentence, otherwise);
}

template <class Spec, std::size_t N>
void add_quantities(Table<PricesFile>& t, const PriceField<Spec> (&quantities)[N]) {
  for (const PriceField<Spec>& q : quantities)
    add_given(t, q.key, q.sentence,
              q.may_lack     ? "the technology's; 0 without one"
              : q.from_table ? "the technology's; required without one"
                             : "required");
}

/// `formats`: which multiply-accumulate units `mac_format` chooses among.
void add_technology(Table<PricesFile>& t, const std::string& formats) {
  t.may_have("technology", &PricesFile::technology, text(),
             "Name of a table in `technologies/`, beside this file or among the presets. Fields "
             "that are not given here come from it.",
             "every field is given");
  t.may_have("mac_format", &PricesFile::mac_format,
             words<MacFormat>({{"int8", MacFormat::int8, "products of int8, sums of int32"},
                               {"fp16", MacFormat::fp16, "products of fp16, sums of fp32"},
                               {"fp32", MacFormat::fp32, "all fp32"}}),
             "Which of the multiply-accumulate units " + formats + ".",
             "by `elements.weights_bytes`: from 4 on fp32, from 2 on fp16, else int8");
  t.uncertainties(&PricesFile::uncertainty);
}

}  // namespace

Table<PricesFile> energy_table() {
  Table<PricesFile> t("energy", "Energy per event; zeros are written out.");
  add_technology(t, "whose prices the table, or this object, gives by format");
  t.may_have("hop_mm", &PricesFile::hop_mm, number(quantity(), "mm"),
             "Length of wire per hop, for a technology's `hop_pj_per_bit`.", "1");
  add_quantities(t, kEnergyQuantities);
  for (const FormatPrice& price : kMacPrices)
    add_given(t, price.key,
              std::string(price.sentence) +
                  " Counts in place of `mac_pj` if the "
                  "format is that of `mac_format`; else it changes nothing.",
              "`mac_pj`");
  return t;
}

Table<PricesFile> area_table() {
  Table<PricesFile> t(
      "area",
      "Silicon per part, for comparing designs. Every core of the file counts, used or not; of "
      "a group with \"as_needed\" those that serve a stage.");
  add_technology(t, "whose areas the table gives by format");
  add_quantities(t, kAreaQuantities);
  return t;
}

Table<Technology> technology_table() {
  using T = Technology;
  Table<T> t("technology", "Energy and area per event of one technology.");
  const auto add = [&t](const char* key, double T::*member, const char* sentence) {
    t.required(key, member, number(quantity(), unit_of(key)), sentence);
  };
  add("mac_int8_pj", &T::mac_int8_pj, "Multiply int8, add int32.");
  add("mac_fp16_pj", &T::mac_fp16_pj, "Multiply fp16, add fp32.");
  add("mac_fp32_pj", &T::mac_fp32_pj, "Multiply and add fp32.");
  add("add_int32_pj", &T::add_int32_pj, "A vector operation beside int8.");
  add("add_fp16_pj", &T::add_fp16_pj, "A vector operation beside fp16.");
  add("add_fp32_pj", &T::add_fp32_pj, "A vector operation beside fp32.");
  add("sram_pj_per_bit", &T::sram_pj_per_bit, "Read or write of a bank of 8 KiB.");
  t.required("sram_exponent", &T::sram_exponent, number(between(0, 1), ""),
             "The energy grows with the size of the bank to this power.");
  add("router_pj_per_bit", &T::router_pj_per_bit, "A router passed.");
  add("wire_pj_per_bit_mm", &T::wire_pj_per_bit_mm, "A millimetre of wire.");
  add("dram_pj_per_bit", &T::dram_pj_per_bit, "To or from DRAM.");
  add("host_pj_per_bit", &T::host_pj_per_bit, "To or from the host.");
  add("leakage_milliwatts_per_kib", &T::leakage_milliwatts_per_kib, "Of buffers.");
  add("mac_int8_um2", &T::mac_int8_um2, "Unit for int8.");
  add("mac_fp16_um2", &T::mac_fp16_um2, "Unit for fp16 with fp32 sums.");
  add("mac_fp32_um2", &T::mac_fp32_um2, "Unit for fp32.");
  add("sram_um2_per_bit", &T::sram_um2_per_bit, "Buffers, periphery included.");
  t.optional("register_pj_per_bit", &T::register_pj_per_bit, number(quantity(), "pJ"),
             "Register or accumulator in a matrix unit, read or written.");
  t.uncertainties(&T::uncertainty);
  return t;
}

}  // namespace stagecoach
