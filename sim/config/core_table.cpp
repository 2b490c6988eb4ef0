// SPDX-License-Identifier: Apache-2.0
// The fields of a group of cores: kinds, buffers, vector unit.
#include <cmath>

#include "sim/config/hardware_config.h"

namespace stagecoach {

namespace {

Codec<double> rate(const std::string& unit) {
  return word_or(words<double>({{"unlimited", kUnlimited<double>, "no limit"}}),
                 number(positive_quantity(), unit));
}

Table<BufferSpec> buffer_table() {
  Table<BufferSpec> t("buffer", "A memory beside each core.");
  t.required("capacity_kib", &BufferSpec::capacity_kib, rate("KiB"), "Capacity.");
  t.optional("width_bytes", &BufferSpec::width_bytes, rate("bytes"),
             "Bytes that a port moves per cycle.");
  t.optional("banks", &BufferSpec::banks, integer(1, 65536),
             "Number of banks, each with these ports; accesses are spread evenly.");
  t.optional("read_ports", &BufferSpec::read_ports, integer(0, 64), "Read ports of a bank.");
  t.optional("write_ports", &BufferSpec::write_ports, integer(0, 64), "Write ports of a bank.");
  t.optional("shared_ports", &BufferSpec::shared_ports, integer(0, 64),
             "Ports of a bank that read or write.");
  t.check([](const BufferSpec& b, const Place& at) {
    if (b.read_ports + b.shared_ports == 0) at.report("no port reads; raise read_ports");
    if (b.write_ports + b.shared_ports == 0) at.report("no port writes; raise write_ports");
    const BufferSpec plain;
    if (std::isinf(b.width_bytes) &&
        (b.banks != plain.banks || b.read_ports != plain.read_ports ||
         b.write_ports != plain.write_ports || b.shared_ports != plain.shared_ports)) {
      at.report("banks and ports mean nothing while width_bytes is unlimited");
    }
  });
  return t;
}

Codec<VectorCost> vector_cost() {
  Table<VectorCost> t("operations", "Operations per element.");
  t.required("forward", &VectorCost::forward, number(quantity(), "operations"), "Forward pass.");
  t.required("backward", &VectorCost::backward, number(quantity(), "operations"), "Backward pass.");
  return t.codec();
}

Table<VectorOperations> operations_table() {
  using V = VectorOperations;
  Table<V> t("vector operations",
             "Operations per element of everything that is not a matrix product.");
  const Codec<VectorCost> cost = vector_cost();
  for (const ElementwiseCost* layer : elementwise_costs()) {
    const std::string key = layer->key;
    t.optional_entry(
        key, [key](auto& v) -> auto& { return v.layers.at(key); }, cost, layer->sentence);
  }
  t.optional("loss", &V::loss, cost, "Per output of the network.");
  t.optional("update", &V::update, number(quantity(), "operations"),
             "Per weight and term of the update rule (plain SGD has one, momentum one more).");
  return t;
}

Table<VectorUnitSpec> vector_unit_table() {
  using V = VectorUnitSpec;
  Table<V> t("vector unit", "Computes everything that is not a matrix product.");
  t.optional("lanes", &V::lanes, rate("operations/cycle"), "Operations per cycle and core.");
  t.optional("latency_cycles", &V::latency_cycles, integer(0, 1000000),
             "Latency, once per layer and pass.");
  t.optional("overlaps_macs", &V::overlaps_macs, boolean(),
             "Works in parallel with the matrix unit: an operation takes the longer of the two.");
  t.optional("operations", &V::operations, operations_table().codec(), "Operations per element.",
             "as listed there");
  return t;
}

Table<ConcurrentPasses> concurrent_table() {
  using P = ConcurrentPasses;
  Table<P> t("concurrent passes", "Matrix units (kind `resident`: sets of lanes) of each pass.");
  t.optional("forward_units", &P::forward_units, integer(1, 4096), "Units for the forward.");
  t.optional("input_gradient_units", &P::input_gradient_units, integer(1, 4096),
             "Units for the input gradient.");
  t.optional("weight_gradient_units", &P::weight_gradient_units, integer(1, 4096),
             "Units for the weight gradient and the update.");
  return t;
}

/// What every kind has that computes layer by layer.
Table<CoreSpec> layer_fields() {
  Table<CoreSpec> t;
  t.optional("fused_update", &CoreSpec::fused_update, boolean(),
             "Weight gradients go straight into the update and are never stored.");
  t.may_have("concurrent_passes", &CoreSpec::concurrent_passes, concurrent_table().codec(),
             "Forward, input gradient and weight gradient run in parallel on separate hardware. A "
             "fused update then has no pass of its own.",
             "one pass after the other");
  t.optional("vector_unit", &CoreSpec::vector_unit, vector_unit_table().codec(),
             "Computes everything that is not a matrix product.", "without limits");
  return t;
}

Table<PiecesSpec> pieces_table() {
  using P = PiecesSpec;
  Table<P> t("pieces", "How a layer that streams through the buffers is cut into pieces.");
  t.optional(
      "choice", &P::choice,
      words<PieceChoice>(
          {{"fewest", PieceChoice::fewest, "as few as fit, as by a driver that fills the buffers"},
           {"fastest", PieceChoice::fastest, "those that take the least time, as by a search"}}),
      "How the pieces are chosen.");
  t.may_have("accumulators", &P::accumulators, integer(1, 1000000000),
             "Sums that stay beside the matrix unit while a piece is computed.",
             "a piece has all channels of its inputs and all columns of its rows");
  t.optional("instruction_loops", &P::instruction_loops, integer(0, 6),
             "Number of outer loops of a piece, taken from this order: channels, columns, window "
             "columns, window rows, outputs, rows. The inner loops are pipelined, and their "
             "pipeline drains for mac_latency_cycles at each iteration of the outer loops.");
  t.optional("result_operations", &P::result_operations, number(quantity(), "operations"),
             "Operations of the vector unit on every result: clearing, rounding, clipping.");
  t.optional("result_passes", &P::result_passes, integer(0, 64),
             "Number of loops over the results in which these operations are done.");
  t.optional("weights_stay", &P::weights_stay, boolean(),
             "The weights of a group of outputs stay while all its rows pass. If false, every "
             "piece loads its weights.");
  t.optional("run_gap_cycles", &P::run_gap_cycles, number(quantity(), "cycles"),
             "Cycles before each contiguous run of data from or to DRAM. A run is a row of a block "
             "of channels, or the weights of a block of outputs.");
  t.optional("separate_directions", &P::separate_directions, boolean(),
             "Loads and stores have a channel each, and do not share the bandwidth.");
  t.check([](const P& p, const Place& at) {
    if (p.result_passes > 0 && p.instruction_loops == 0)
      at.report("result_passes says nothing without instruction_loops, which drain the pipeline");
  });
  return t;
}

Table<CoreSpec> matrix_fields() {
  Table<MacSpec> mac;
  mac.optional("mac_latency_cycles", &MacSpec::latency_cycles, integer(0, 1000),
               "Cycles from operands to result. If this and the interval are 0, products take no "
               "time (a limit).");
  mac.optional("mac_initiation_interval_cycles", &MacSpec::initiation_interval, integer(0, 1000),
               "Cycles until the next operands may enter.");
  Table<CoreSpec> t = layer_fields();
  t.may_have(
      "pieces", &CoreSpec::pieces, pieces_table().codec(),
      "Every layer streams from DRAM and back, in pieces. Only --forward-only uses this field.",
      "only stages that do not fit stream");
  t.include(&CoreSpec::mac, mac);
  return t;
}

Codec<InputGradientForm> input_gradient() {
  return words<InputGradientForm>(
      {{"gemm", InputGradientForm::gemm, "product and scatter-add; no zeros are multiplied"},
       {"transposed", InputGradientForm::transposed,
        "convolution of the gradient with inserted zeros, which are multiplied like other "
        "values"}});
}

Table<CoreSpec> fixed_fields() {
  Table<FixedCore> t;
  t.required("forward_cycles", &FixedCore::forward_cycles, count(0, "cycles"), "Per micro-batch.");
  t.required("backward_cycles", &FixedCore::backward_cycles, count(0, "cycles"),
             "Per micro-batch.");
  t.required("update_cycles", &FixedCore::update_cycles, count(0, "cycles"), "Per update.");
  t.may_have("weight_gradient_cycles", &FixedCore::weight_gradient_part, count(0, "cycles"),
             "The part of backward_cycles that the schedules `zero_bubble` and "
             "`zero_bubble_v` run as a separate operation.",
             "half of backward_cycles, rounded down");
  t.check([](const FixedCore& c, const Place& at) {
    if (c.weight_gradient_cycles() > c.backward_cycles) {
      at.report("found " + to_string(c.weight_gradient_cycles()) +
                " weight_gradient_cycles; allowed: at most backward_cycles, " +
                to_string(c.backward_cycles));
    }
  });
  return Table<CoreSpec>().include(&CoreSpec::fixed, t);
}

Table<CoreSpec> resident_fields() {
  Table<ResidentCore> t;
  t.required("tile_rows", &ResidentCore::tile_rows, integer(1, 4096), "Rows of tiles in a core.");
  t.required("tile_columns", &ResidentCore::tile_columns, integer(1, 4096),
             "Columns of tiles in a core.");
  t.required("lanes_per_tile", &ResidentCore::lanes_per_tile, integer(1, 65536),
             "Multiply-accumulates of one tile per cycle.");
  t.optional("tile_hop_cycles", &ResidentCore::tile_hop_cycles, integer(0, 1000),
             "Cycles for an operand or a partial sum to reach the next tile.");
  return matrix_fields().include(&CoreSpec::resident, t);
}

Table<CoreSpec> systolic_fields() {
  using D = Dataflow;
  Table<SystolicCore> t;
  t.required("rows", &SystolicCore::rows, integer(1, 65536), "Rows of the array.");
  t.required("columns", &SystolicCore::columns, integer(1, 65536), "Columns of the array.");
  t.required("dataflow", &SystolicCore::dataflow,
             words<D>({{"weight_stationary", D::weight_stationary, "weights stay, inputs stream"},
                       {"output_stationary", D::output_stationary, "sums stay"},
                       {"input_stationary", D::input_stationary, "inputs stay, weights stream"}}),
             "Which operand stays in the cells.");
  t.optional(
      "registers", &SystolicCore::registers,
      words<CellRegisters>({{"by_dataflow", CellRegisters::by_dataflow,
                             "the operand that stays; the others pass from cell to cell"},
                            {"row_stationary", CellRegisters::row_stationary,
                             "scratchpads of filter, input and partial sums, as in Eyeriss"}}),
      "What the registers of a cell hold: counted for energy (`register_pj_per_bit`), "
      "never for cycles.");
  t.optional("fold_overlap", &SystolicCore::fold_overlap, boolean(),
             "The next fold loads while the current one computes.");
  t.optional("input_gradient", &SystolicCore::input_gradient, input_gradient(),
             "Form of a convolution's input gradient.");
  return matrix_fields().include(&CoreSpec::systolic, t);
}

Table<CoreSpec> dot_product_fields() {
  Table<DotProductCore> t;
  t.required("atomic_inputs", &DotProductCore::atomic_inputs, integer(1, 65536),
             "Products summed for one output in a cycle.");
  t.required("atomic_outputs", &DotProductCore::atomic_outputs, integer(1, 65536),
             "Outputs computed in a cycle.");
  t.optional("pack_image_rows", &DotProductCore::pack_image_rows, boolean(),
             "The layer that reads the network's input packs a kernel row into the inputs.");
  t.optional("input_gradient", &DotProductCore::input_gradient, input_gradient(),
             "Form of a convolution's input gradient.");
  return matrix_fields().include(&CoreSpec::dot_product, t);
}

Table<CoreSpec> roofline_fields() {
  Table<RooflineCore> t;
  t.required("peak_gmacs_per_s", &RooflineCore::peak_gmacs_per_s, rate("GMAC/s"),
             "Peak rate (two operations each).");
  t.optional("efficiency", &RooflineCore::efficiency, number([] {
               Range r = between(0, 1);
               r.low_excluded = true;
               return r;
             }()),
             "Share of the peak that kernels reach.");
  t.optional("launch_overhead_ns", &RooflineCore::launch_overhead_ns, number(quantity(), "ns"),
             "Overhead per kernel; every product of a layer is one kernel.");
  t.optional("memory_gb_per_s", &RooflineCore::memory_gb_per_s, rate("GB/s"),
             "Bandwidth of the device's memory.");
  return layer_fields().include(&CoreSpec::roofline, t);
}

void check_core(const CoreSpec& c, const Place& at) {
  if (c.buffer && (c.weight_buffer || c.activation_buffer)) {
    at.report("\"buffer\" holds everything: give it alone, or weight_buffer and activation_buffer");
  }
  if (c.kind != CoreKind::fixed) return;
  for (const auto* b : {&c.buffer, &c.weight_buffer, &c.activation_buffer}) {
    if (*b && !std::isinf((*b)->width_bytes)) {
      at.report("kind \"fixed\" prices no ports: leave width_bytes unlimited");
    }
  }
}

}  // namespace

Table<CoreSpec> core_table() {
  using K = CoreKind;
  Table<CoreSpec> t("core", "A group of equal cores.");
  t.required("name", &CoreSpec::name, text(), "A core is called by this name and a number.");
  t.required(
      "count", &CoreSpec::count,
      word_or<std::int64_t>(words<std::int64_t>({{"as_needed", 0, "as many as there are stages"}}),
                            integer(1, 10000000)),
      "Number of cores.");
  t.tagged<K>(
      "kind", &CoreSpec::kind, "How products are computed.",
      {{"fixed", K::fixed, "Constants per micro-batch, for studies of schedules.", fixed_fields()},
       {"resident", K::resident, "Weights stay in tiles of MAC lanes.", resident_fields()},
       {"systolic", K::systolic, "A systolic array.", systolic_fields()},
       {"dot_product", K::dot_product, "Dot products over channels, NVDLA-like.",
        dot_product_fields()},
       {"roofline", K::roofline, "Peak rate and memory bandwidth, for GPUs.", roofline_fields()}});
  t.optional("operation_overhead_cycles", &CoreSpec::operation_overhead, integer(0, 1000000),
             "Fixed cost of every forward, every backward, and every update that takes time of its "
             "own (filling a pipeline, control).");
  t.may_have("buffer", &CoreSpec::buffer, buffer_table().codec(), "One memory for everything.",
             "weight_buffer and activation_buffer");
  t.may_have("weight_buffer", &CoreSpec::weight_buffer, buffer_table().codec(),
             "Weights, optimizer state, versions, weight gradients.", "no limits");
  t.may_have("activation_buffer", &CoreSpec::activation_buffer, buffer_table().codec(),
             "Activations in flight and boundary gradients.", "no limits");
  t.check(check_core);
  return t;
}

}  // namespace stagecoach
