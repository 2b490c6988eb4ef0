// SPDX-License-Identifier: Apache-2.0
// The chip around the cores: interconnect, memory beyond the buffers, mapping, energy, area.
#include <algorithm>

#include "sim/base/instance_name.h"
#include "sim/config/hardware_config.h"
#include "sim/config/listed_cores.h"

namespace stagecoach {

namespace {

Codec<double> rate(const std::string& unit) {
  return word_or(words<double>({{"unlimited", kUnlimited<double>, "no limit"}}),
                 number(positive_quantity(), unit));
}

Table<ElementSpec> element_table() {
  Table<ElementSpec> t(
      "elements",
      "Bytes of one element of each class, for prices only; and which values are kept.");
  const auto bytes = number(between(0.125, 16), "bytes");
  t.optional("weights_bytes", &ElementSpec::weights_bytes, bytes, "Weights and their versions.");
  t.optional("activations_bytes", &ElementSpec::activations_bytes, bytes,
             "Activations, in buffers and on links.");
  t.optional("gradients_bytes", &ElementSpec::gradients_bytes, bytes,
             "Gradients of activations and of weights.");
  t.optional("optimizer_bytes", &ElementSpec::optimizer_bytes, bytes,
             "Velocity and other state that survives an update.");
  t.optional("accumulator_bytes", &ElementSpec::accumulator_bytes, bytes,
             "Partial sums in matrix units: for the energy of accumulators.");
  t.optional(
      "kept_activations", &ElementSpec::kept_activations,
      words<KeptActivations>({{"needed", KeptActivations::needed,
                               "what the backward reads; signs and positions of maxima as bits"},
                              {"every_output", KeptActivations::every_output,
                               "the whole output of every layer, as in frameworks"},
                              {"values_and_gradients", KeptActivations::values_and_gradients,
                               "the output of every layer twice, as value and as gradient, and "
                               "nothing else, as papers count modules"}}),
      "What a stage keeps of a sample from forward to backward.");
  return t;
}

Table<InterconnectSpec> link_table() {
  Table<InterconnectSpec> t;
  t.optional("link_bytes_per_cycle", &InterconnectSpec::link_bytes_per_cycle, rate("bytes/cycle"),
             "Width of one link, each way.");
  t.optional("hop_latency_cycles", &InterconnectSpec::hop_latency_cycles, integer(0, 1000000),
             "Latency of router and wire, for each link crossed.");
  return t;
}

Table<InterconnectSpec> interconnect_table() {
  const auto grid = [](const char*) {
    return word_or<int>(words<int>({{"as_needed", 0, "a near-square grid of the nodes in use"}}),
                        integer(1, 4096));
  };
  Table<InterconnectSpec> mesh = link_table();
  mesh.optional("rows", &InterconnectSpec::rows, grid("rows"), "Rows of the mesh.");
  mesh.optional("columns", &InterconnectSpec::columns, grid("columns"), "Columns of the mesh.");
  mesh.optional("node", &InterconnectSpec::node,
                words<Granularity>({{"core", Granularity::core, "every core has a router"},
                                    {"region", Granularity::region,
                                     "all cores of a stage count as one node with wide links"}}),
                "What one node of the mesh is.");
  mesh.check([](const InterconnectSpec& s, const Place& at) {
    if ((s.rows == 0) != (s.columns == 0)) {
      at.report("\"rows\" and \"columns\" are both numbers or both \"as_needed\"");
    }
    if (s.node == Granularity::region && s.rows != 0) {
      at.report("a mesh of regions takes its rows and columns from the mapping; leave them out");
    }
  });
  Table<InterconnectSpec> host = link_table();
  host.optional("copies", &InterconnectSpec::copies,
                words<Copies>({{"by_engine", Copies::by_engine,
                                "separate hardware, so that cores compute meanwhile"},
                               {"by_core", Copies::by_core,
                                "first the sending core, then the receiving core; a core does not "
                                "compute while it copies"}}),
                "What copies the data.");
  using K = InterconnectKind;
  const Table<InterconnectSpec> nothing;
  Table<InterconnectSpec> t("interconnect", "The network between cores.");
  t.tagged<K>(
      "kind", &InterconnectSpec::kind, "Topology.",
      {{"ideal", K::ideal, "Messages arrive at once.", nothing},
       {"point_to_point", K::point_to_point,
        "A link for every pair of cores that exchange messages.", link_table()},
       {"ring", K::ring, "Links between neighbours, both ways.", link_table()},
       {"bus", K::bus, "One link that all cores share.", link_table()},
       {"crossbar", K::crossbar, "A link out of and into every core.", link_table()},
       {"mesh2d", K::mesh2d, "A grid, dimension-ordered routes.", mesh},
       {"through_host", K::through_host,
        "Every message is copied to the host's memory, and from there to its receiver: a bus into "
        "and out of every core.",
        host}});
  return t;
}

Table<DramSpec> dram_table() {
  Table<DramSpec> t("dram", "Memory outside the chip, for what the buffers do not hold.");
  t.required("bandwidth_gb_per_s", &DramSpec::bandwidth_gb_per_s, rate("GB/s"),
             "Bandwidth while rows are open. Without row misses: the achieved bandwidth.");
  t.optional("latency_ns", &DramSpec::latency_ns, number(quantity(), "ns"),
             "Latency, once per operation that spills.");
  t.optional("arbitration", &DramSpec::arbitration,
             words<Arbitration>(
                 {{"first_come", Arbitration::first_come,
                   "simulated: the channel serves one request after the other, in their order"},
                  {"equal_shares", Arbitration::equal_shares,
                   "in closed form: every core that spills has an equal share all the time"}}),
             "Which core gets the channel.");
  t.optional("burst_bytes", &DramSpec::burst_bytes, number(positive_quantity(), "bytes"),
             "Bytes of a burst.");
  t.optional("row_hit_rate", &DramSpec::row_hit_rate, number(between(0, 1)),
             "Share of the bursts that find their row open.");
  t.optional("row_miss_ns", &DramSpec::row_miss_ns, number(quantity(), "ns"),
             "Time that the channel loses at each other burst: precharge and activation.");
  t.check([](const DramSpec& d, const Place& at) {
    const DramSpec plain;
    if (d.row_hit_rate == 1 && d.row_miss_ns != 0)
      at.child("row_miss_ns")
          .report("means nothing while row_hit_rate is 1; lower that, or leave both out");
    if (d.row_miss_ns == 0 && (d.row_hit_rate != 1 || d.burst_bytes != plain.burst_bytes))
      at.report(
          "row_hit_rate and burst_bytes mean nothing while row_miss_ns is 0; give it, or leave "
          "them out");
  });
  return t;
}

Table<HostSpec> host_table() {
  Table<HostSpec> t("host",
                    "The channels for samples in and results out; each has the full bandwidth.");
  t.optional("bandwidth_gb_per_s", &HostSpec::bandwidth_gb_per_s, rate("GB/s"),
             "Bandwidth of each direction.");
  t.optional("latency_ns", &HostSpec::latency_ns, number(quantity(), "ns"),
             "Latency from the host to the first stage.");
  return t;
}

Table<MappingEntry> mapping_entry_table() {
  Table<MappingEntry> t("mapping entry", "The cores of one stage.");
  t.required("stage", &MappingEntry::stage, text(), "Name of the stage.");
  t.required("core", &MappingEntry::core, text(), "Name of the group of cores.");
  t.optional("cores", &MappingEntry::cores, integer(1, 10000000),
             "Number of cores from this group.");
  t.may_have("first_core", &MappingEntry::first_core, integer(0, 10000000),
             "Place of the first of these cores in its group, from 0. Stages that name the same "
             "cores share them; they need not be neighbours. Every entry has this field, or none.",
             "each stage has cores of its own, in order");
  return t;
}

Codec<MappingSpec> mapping_codec() {
  using K = MappingKind;
  Table<MappingSpec> rectangle;
  rectangle.required("rows", &MappingSpec::rows, integer(1, 4096), "Rows of cores per stage.");
  rectangle.required("columns", &MappingSpec::columns, integer(1, 4096),
                     "Columns of cores per stage.");
  Table<MappingSpec> listed;
  listed.required("stages", &MappingSpec::stages,
                  list_of<MappingEntry>(mapping_entry_table().codec()),
                  "One entry for every stage.");
  const std::vector<Word<K>> simple = {
      {"one_core_per_stage", K::one_core_per_stage,
       "in order; with fewer cores, neighbouring stages share one"},
      {"balanced", K::balanced, "cores in proportion to work, each stage from one group"}};
  const Table<MappingSpec> nothing;
  Table<MappingSpec> t("mapping", "Which cores serve which stage.");
  t.tagged<K>(
      "kind", &MappingSpec::kind, "The rule.",
      {{simple[0].word, simple[0].value, simple[0].sentence, nothing},
       {simple[1].word, simple[1].value, simple[1].sentence, nothing},
       {"rectangle", K::rectangle, "the same rectangle of cores for every stage", rectangle},
       {"explicit", K::explicit_list, "as listed", listed}});
  t.optional("split_forward_backward", &MappingSpec::split_forward_backward, boolean(),
             "Forward and backward of a stage have separate cores, except in the last stage: 2K+1 "
             "units for K cuts.");
  const auto plain = [simple](const MappingSpec& m) {
    return !m.split_forward_backward && (m.kind == simple[0].value || m.kind == simple[1].value);
  };
  const auto kind_only = [](const K& kind) {
    MappingSpec m;
    m.kind = kind;
    return m;
  };
  return one_of<MappingSpec>(
      {converted<MappingSpec, K>(
           words<K>(simple), kind_only, [](const MappingSpec& m) { return m.kind; }, plain),
       t.codec()});
}

/// True if `name` is `group` with digits behind it, or nothing: what one of its cores is called.
bool names_core_of(const std::string& name, const std::string& group) {
  return name.compare(0, group.size(), group) == 0 &&
         name.find_first_not_of("0123456789", group.size()) == std::string::npos;
}

/// Results and traces call a core by its group's name and its number.
void check_core_names(const std::vector<CoreSpec>& cores, const Place& at) {
  for (std::size_t i = 0; i < cores.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const std::string one = instance_name(cores[i].name), other = instance_name(cores[j].name);
      if (!names_core_of(one, other) && !names_core_of(other, one)) continue;
      std::string problem = "name \"" + cores[i].name + "\" is taken";
      if (one != other)
        problem +=
            " by a core: a group's cores are called by its name with a number behind it, and "
            "there is a group \"" +
            cores[j].name + "\"";
      at.item(i).report(problem);
    }
  }
}

/// Rules over what is not energy and not area.
void check_chip(const HardwareFile& h, const Place& at) {
  for (std::size_t i = 0; h.mapping.kind == MappingKind::balanced && i < h.cores.size(); ++i) {
    if (h.cores[i].count != 0) continue;
    at.child("mapping").report("\"balanced\" shares out a number of cores; /cores/" +
                               std::to_string(i) + "/count is \"as_needed\"");
  }
  check_core_names(h.cores, at.child("cores"));
  check_listed_cores(h, at.child("mapping"));
  for (std::size_t i = 0; i < h.cores.size(); ++i) {
    const bool in_order = h.mapping.kind == MappingKind::one_core_per_stage ||
                          h.mapping.kind == MappingKind::rectangle;
    if (h.cores[i].count == 0 && i + 1 < h.cores.size() && in_order) {
      at.child("cores").item(i).report("\"as_needed\" leaves nothing for the groups after it");
    }
  }
  for (std::size_t i = 0; h.area_file && i < h.cores.size(); ++i) {
    if (h.cores[i].kind == CoreKind::fixed || h.cores[i].kind == CoreKind::roofline) {
      at.child("area").report("core \"" + h.cores[i].name +
                              "\" is of a kind whose MAC units are not known: leave area out");
    }
  }
  if (h.memory_policy == MemoryPolicy::spill && !h.dram) {
    at.child("memory_policy").report("\"spill\" needs a \"dram\" object");
  }
}

}  // namespace

Table<HardwareFile> hardware_table() {
  using H = HardwareFile;
  Table<H> t("hardware", "A chip: cores, their interconnect, and the mapping of stages to cores.");
  t.required("name", &H::name, text(), "Name of the design.");
  t.required("clock_mhz", &H::clock_mhz, number(between(0.001, 1e6), "MHz"),
             "Clock of the whole chip.");
  t.optional("elements", &H::elements, element_table().codec(), "Bytes of one element.",
             "4 bytes each");
  t.required("cores", &H::cores, list_of<CoreSpec>(core_table().codec(), 1), "Groups of cores.");
  t.required("interconnect", &H::interconnect, interconnect_table().codec(),
             "The network between cores.");
  t.may_have("dram", &H::dram, dram_table().codec(), "Memory outside the chip.", "there is none");
  t.optional("host", &H::host, host_table().codec(), "The channels for samples in and results out.",
             "no limits");
  t.optional("mapping", &H::mapping, mapping_codec(), "Which cores serve which stage.");
  t.optional("input_queue_micro_batches", &H::input_queue_micro_batches, integer(1, 1000000),
             "Micro-batches that may wait at a stage's input (the pipeline register).")
      .formerly("input_queue_packets");
  t.optional(
      "memory_policy", &H::memory_policy,
      words<MemoryPolicy>({{"error", MemoryPolicy::error, "what does not fit is refused"},
                           {"stall", MemoryPolicy::stall, "fewer samples are in flight"},
                           {"spill", MemoryPolicy::spill, "the excess goes to DRAM and back"}}),
      "What happens when a stage needs more than its buffers hold.");
  t.may_have("energy", &H::energy_file, energy_table().codec(), "Energy per event.",
             "no joules are reported");
  t.may_have("area", &H::area_file, area_table().codec(), "Silicon per part.",
             "no area is reported");
  t.check(check_chip);
  return t;
}

namespace {

/// Prices of registers need cores that count them, and fields about counting need a price: 0 is
/// one.
void check_registers(const HardwareFile& h, const Place& at) {
  const EnergySpec energy = h.energy.value_or(EnergySpec{});
  const bool stated = std::any_of(h.cores.begin(), h.cores.end(),
                                  [](const CoreSpec& core) { return core.states_registers(); });
  const auto check_price = [&](const char* key, double value) {
    if (!stated && value != 0)
      at.child("energy").child(key).report(
          "means nothing: cores of kinds \"fixed\" and \"roofline\" state no registers; give 0");
  };
  check_price("register_pj_per_bit", energy.register_pj_per_bit);
  check_price("accumulator_pj_per_bit", energy.accumulator_pj_per_bit);
  const auto priced = [&h](const char* key) {
    return h.energy_file && (h.energy_file->technology || h.energy_file->given.count(key) > 0);
  };
  if (h.elements.accumulator_bytes != ElementSpec{}.accumulator_bytes &&
      !priced("accumulator_pj_per_bit"))
    at.child("elements")
        .child("accumulator_bytes")
        .report("means nothing without energy/accumulator_pj_per_bit");
  for (std::size_t i = 0; i < h.cores.size(); ++i) {
    if (h.cores[i].kind == CoreKind::systolic &&
        h.cores[i].systolic.registers != CellRegisters::by_dataflow &&
        !priced("register_pj_per_bit"))
      at.child("cores")
          .item(i)
          .child("registers")
          .report("means nothing without energy/register_pj_per_bit");
  }
}

/// What "energy" and "area" come to on this chip.
void price_chip(HardwareFile& h, const Place& at) {
  if (h.area_file) h.area = area_of_file(*h.area_file, h, at.child("area"));
  if (h.energy_file) h.energy = energy_of_file(*h.energy_file, h, at.child("energy"));
  check_registers(h, at);
  if (!h.energy) return;
  if (!h.dram && h.energy->dram_pj_per_bit != 0) {
    at.child("energy").child("dram_pj_per_bit").report("means nothing without \"dram\": give 0");
  }
  if (h.interconnect.kind == InterconnectKind::ideal && h.energy->hop_pj_per_bit != 0) {
    at.child("energy")
        .child("hop_pj_per_bit")
        .report("means nothing on an ideal interconnect, which has no links: give 0");
  }
}

}  // namespace

HardwareSpec read_hardware(const Document& document, Issues& issues) {
  HardwareFile spec;
  if (document.ok() && document.root().is_object() && document.root().contains("network") &&
      !document.root().contains("cores")) {
    issues.add(document.where(""), "is a workload; allowed: a hardware file (see --workload)");
    return spec;
  }
  const Place root(document, issues, "", hardware_table().info());
  if (document.ok() && hardware_table().read(document.root(), root, spec)) price_chip(spec, root);
  return spec;
}

OrderedJson write_hardware(const HardwareSpec& spec) {
  HardwareFile file;
  static_cast<HardwareSpec&>(file) = spec;
  if (spec.energy) file.energy_file = file_of(*spec.energy);
  if (spec.area) file.area_file = file_of(*spec.area);
  return hardware_table().write(file);
}

HardwareSpec load_hardware(const std::string& path) {
  Issues issues;
  const Document document = Document::from_file(path, issues);
  HardwareSpec spec = read_hardware(document, issues);
  issues.throw_if_any();
  return spec;
}

}  // namespace stagecoach
