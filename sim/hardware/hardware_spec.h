// SPDX-License-Identifier: Apache-2.0
// Plain structs that describe a chip: the contents of a hardware file, names equal to its keys.
// Filled by sim/config (or by a test); no JSON here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/layers/definition.h"
#include "sim/base/units.h"

namespace stagecoach {

enum class InterconnectKind { ideal, point_to_point, ring, bus, crossbar, mesh2d, through_host };

/// What copies a message of kind `through_host`.
enum class Copies {
  by_engine,  ///< separate hardware, while the cores compute
  by_core,    ///< the sending core, then the receiving core; they do not compute meanwhile
};

enum class CoreKind { fixed, resident, systolic, dot_product, roofline };
enum class Dataflow { weight_stationary, output_stationary, input_stationary };
/// What the registers of a systolic array's cells hold: counted for energy alone.
enum class CellRegisters {
  by_dataflow,     ///< the operand that stays, and the two that pass
  row_stationary,  ///< scratchpads of filter, input and partial sums, as in Eyeriss
};

/// How the input gradient of a convolution is computed.
enum class InputGradientForm {
  gemm,        ///< dy x W, then scatter-add into dx: the forward's multiplications
  transposed,  ///< convolution of dy, zeros inserted between its pixels: about stride^2 times more
};

enum class MappingKind { one_core_per_stage, rectangle, balanced, explicit_list };
enum class MemoryPolicy { error, stall, spill };
/// What one node of the interconnect is: a core, or all cores of one stage together.
enum class Granularity { core, region };

/// What a stage keeps from forward to backward.
enum class KeptActivations {
  needed,        ///< what the backward reads; signs and positions of maxima as bits
  every_output,  ///< the whole output of every layer, as in frameworks on GPUs
  /// the output of every layer twice, as value and as gradient, and nothing else: a count of
  /// modules
  values_and_gradients,
};

/// Bytes of one element, per class of data: the precision that is priced.
struct ElementSpec {
  double weights_bytes = 4;
  double activations_bytes = 4;
  double gradients_bytes = 4;  ///< boundary gradients and weight gradients
  double optimizer_bytes = 4;
  double accumulator_bytes = 4;  ///< partial sums inside matrix units
  KeptActivations kept_activations = KeptActivations::needed;
};

/// A memory beside a core. Ports move `width_bytes` a cycle, in every bank.
struct BufferSpec {
  double capacity_kib = kUnlimited<double>;
  int banks = 1;
  int read_ports = 1;
  int write_ports = 1;
  int shared_ports = 0;  ///< ports that read or write, whichever is needed
  double width_bytes = kUnlimited<double>;
};

/// Kind `fixed`: constants per micro-batch, whatever the layers are.
struct FixedCore {
  Cycles forward_cycles = 1;
  Cycles backward_cycles = 1;
  Cycles update_cycles = 0;
  std::optional<Cycles> weight_gradient_part =
      std::nullopt;  ///< of backward_cycles; empty: half of it

  Cycles weight_gradient_cycles() const {
    return weight_gradient_part.value_or(backward_cycles / 2);
  }
};

/// Kind `resident`: weights stay in the tiles; a lane multiplies the weights it owns.
struct ResidentCore {
  int tile_rows = 1;
  int tile_columns = 1;
  int lanes_per_tile = 1;
  Cycles tile_hop_cycles = 0;  ///< for an operand or a partial sum to reach the next tile
};

/// Kind `systolic`: cycles as in the published simulator's code (docs/timing_model.md).
struct SystolicCore {
  int rows = 16;
  int columns = 16;
  Dataflow dataflow = Dataflow::weight_stationary;
  CellRegisters registers = CellRegisters::by_dataflow;
  bool fold_overlap = false;
  InputGradientForm input_gradient = InputGradientForm::gemm;
};

/// Kind `dot_product`: `atomic_inputs` products are summed for each of `atomic_outputs` a cycle.
struct DotProductCore {
  int atomic_inputs = 8;
  int atomic_outputs = 8;
  bool pack_image_rows = false;  ///< a layer that reads the network's input packs a kernel row
  InputGradientForm input_gradient = InputGradientForm::gemm;
};

/// Kind `roofline`: a device known by its peak rate and its memory bandwidth.
struct RooflineCore {
  double peak_gmacs_per_s = kUnlimited<double>;
  double efficiency = 1.0;
  double launch_overhead_ns = 0;  ///< per kernel: one per layer and product
  double memory_gb_per_s = kUnlimited<double>;
};

/// Multiply-accumulate pipeline: a result takes `latency_cycles`, the next may start
/// `initiation_interval` later.
struct MacSpec {
  Cycles latency_cycles = 1;
  Cycles initiation_interval = 1;
};

/// Operations per element of everything that is no matrix product.
struct VectorCost {
  double forward = 1;
  double backward = 1;
};

struct VectorOperations {
  /// By ElementwiseCost::key; all keys are there, with their kinds' defaults.
  std::map<std::string, VectorCost> layers = default_layer_operations();
  VectorCost loss{4, 2};  ///< per output of the network
  double update = 1;      ///< per weight and term of the update rule (SGD 1, with momentum 2, ...)

  const VectorCost& of(const ElementwiseCost& cost) const { return layers.at(cost.key); }

 private:
  static std::map<std::string, VectorCost> default_layer_operations() {
    std::map<std::string, VectorCost> costs;
    for (const ElementwiseCost* c : elementwise_costs()) costs[c->key] = {c->forward, c->backward};
    return costs;
  }
};

struct VectorUnitSpec {
  double lanes = kUnlimited<double>;  ///< elements times operations a cycle
  Cycles latency_cycles = 0;          ///< once per layer and pass
  bool overlaps_macs = false;         ///< works beside the matrix unit: a stage takes the longer
  VectorOperations operations;
};

/// Forward, input gradient and weight gradient run in parallel on separate datapaths, on the same
/// sample or on different ones. The numbers are the matrix units of each datapath (kind `resident`:
/// its sets of lanes).
struct ConcurrentPasses {
  int forward_units = 1;
  int input_gradient_units = 1;
  int weight_gradient_units = 1;

  int units() const { return forward_units + input_gradient_units + weight_gradient_units; }
};

/// How the pieces of a layer are chosen.
enum class PieceChoice {
  fewest,   ///< as by a driver that fills the buffers
  fastest,  ///< as by a search for the least time
};

/// How a layer that streams through the buffers of a core is cut into pieces: sim/timing/pieces.h.
/// Inference only (--forward-only).
struct PiecesSpec {
  PieceChoice choice = PieceChoice::fewest;
  /// Sums that stay beside the matrix unit while a piece is made; empty: a piece has all channels
  /// of its inputs and all columns of its rows.
  std::optional<std::int64_t> accumulators;
  /// Number of outer loops of a piece. The inner loops are pipelined; the pipeline drains at each
  /// iteration of the outer loops.
  int instruction_loops = 0;
  double result_operations = 0;      ///< of the vector unit on every result: rounding, clipping
  int result_passes = 0;             ///< loops over the results that these are
  bool weights_stay = true;          ///< of a group, while its rows pass; else they come again
  double run_gap_cycles = 0;         ///< before each contiguous run of data
  bool separate_directions = false;  ///< a channel to DRAM each for loads and stores
};

/// A group of equal cores.
struct CoreSpec {
  std::string name = "core";
  std::int64_t count = 0;  ///< 0: as many as needed
  CoreKind kind = CoreKind::fixed;
  FixedCore fixed;
  ResidentCore resident;
  SystolicCore systolic;
  DotProductCore dot_product;
  RooflineCore roofline;
  MacSpec mac;
  bool fused_update = false;      ///< weight gradients go straight into the update, never stored
  Cycles operation_overhead = 0;  ///< of every operation: filling a pipeline, control
  std::optional<ConcurrentPasses> concurrent_passes;
  VectorUnitSpec vector_unit;
  std::optional<PiecesSpec> pieces;
  /// One memory for everything, or one each; absent: without limits. Weights, optimizer state,
  /// versions and weight gradients on one side; activations in flight and boundary gradients on the
  /// other. In one memory activations take what weights leave.
  std::optional<BufferSpec> buffer;
  std::optional<BufferSpec> weight_buffer;
  std::optional<BufferSpec> activation_buffer;

  /// The fused update is hardware behind the weight gradient's, and has no pass of its own.
  bool updates_in_passing() const { return fused_update && concurrent_passes.has_value(); }
  /// The kind says what registers hold; kinds without it count no register traffic.
  bool states_registers() const { return kind != CoreKind::fixed && kind != CoreKind::roofline; }
  bool unified() const { return buffer.has_value(); }
  BufferSpec weight_memory() const {
    return buffer ? *buffer : weight_buffer.value_or(BufferSpec{});
  }
  BufferSpec activation_memory() const {
    return buffer ? *buffer : activation_buffer.value_or(BufferSpec{});
  }
};

struct InterconnectSpec {
  InterconnectKind kind = InterconnectKind::ideal;
  double link_bytes_per_cycle = kUnlimited<double>;
  Cycles hop_latency_cycles = 0;
  int rows = 0;  ///< mesh2d; 0: as many as needed
  int columns = 0;
  Granularity node = Granularity::core;
  Copies copies = Copies::by_engine;  ///< through_host

  /// Transfers take the cores' time: they are in the price of operations, and no link is left.
  bool blocks_cores() const {
    return kind == InterconnectKind::through_host && copies == Copies::by_core;
  }
};

/// Who gets the channel to DRAM when several cores want it.
enum class Arbitration {
  first_come,    ///< simulated: requests are served one after the other, in their order
  equal_shares,  ///< in closed form: every user has its share all the time, used or not
};

struct DramSpec {
  double bandwidth_gb_per_s = kUnlimited<double>;
  double latency_ns = 0;
  Arbitration arbitration = Arbitration::first_come;
  double burst_bytes = 64;
  double row_hit_rate = 1;  ///< share of the bursts that find their row open
  double row_miss_ns = 0;   ///< what each of the others costs the channel
};

struct HostSpec {
  double bandwidth_gb_per_s = kUnlimited<double>;
  double latency_ns = 0;
};

/// One row of an explicit mapping.
struct MappingEntry {
  std::string stage;
  std::string core;        ///< name of the core group
  std::int64_t cores = 1;  ///< how many of them serve the stage
  /// Place of the first of them in the group. In all entries, and stages with the same cores share
  /// them; or in none, and each stage has cores of its own.
  std::optional<std::int64_t> first_core = std::nullopt;
};

struct MappingSpec {
  MappingKind kind = MappingKind::one_core_per_stage;
  int rows = 1;                         ///< rectangle
  int columns = 1;                      ///< rectangle
  std::vector<MappingEntry> stages;     ///< explicit_list: one per stage
  bool split_forward_backward = false;  ///< hardware of their own (the last stage shares)
};

/// Energy per event, in picojoules, and static power. `uncertainty`: relative, per field (0.5: plus
/// or minus half of the value).
struct EnergySpec {
  double mac_pj = 0;
  double vector_operation_pj = 0;
  double weight_read_pj_per_bit = 0;
  double weight_write_pj_per_bit = 0;
  double activation_read_pj_per_bit = 0;
  double activation_write_pj_per_bit = 0;
  double register_pj_per_bit = 0;     ///< operands inside matrix units, read or written
  double accumulator_pj_per_bit = 0;  ///< partial sums inside matrix units, read or written
  double hop_pj_per_bit = 0;          ///< per link crossed, router included
  double dram_pj_per_bit = 0;
  double host_pj_per_bit = 0;
  double static_watts = 0;                ///< of the chip
  double static_milliwatts_per_core = 0;  ///< of every core in use
  std::map<std::string, double> uncertainty;
};

/// Silicon per part: an estimate for comparing designs, never a layout.
struct AreaSpec {
  double mac_um2 = 0;
  double sram_um2_per_bit = 0;
  double core_overhead_mm2 = 0;
  double chip_overhead_mm2 = 0;
  std::map<std::string, double> uncertainty;
};

struct HardwareSpec {
  std::string name = "ideal";
  double clock_mhz = 1000;
  ElementSpec elements;
  std::vector<CoreSpec> cores;
  InterconnectSpec interconnect;
  std::optional<DramSpec> dram;  ///< needed by memory_policy spill
  HostSpec host;
  MappingSpec mapping;
  int input_queue_micro_batches = 2;  ///< micro-batches that may wait at a stage's input
  MemoryPolicy memory_policy = MemoryPolicy::error;
  std::optional<EnergySpec> energy;  ///< absent: no joules are reported
  std::optional<AreaSpec> area;      ///< absent: no area is reported
};

}  // namespace stagecoach
