// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/streamed_stage.h"

#include <algorithm>
#include <cmath>

#include "models/layers/definition.h"
#include "sim/base/arithmetic.h"
#include "sim/timing/matrix_unit.h"
#include "sim/timing/memory.h"

namespace stagecoach {

namespace {

/// What the matrix unit takes at once, of outputs and of a sum.
struct Blocks {
  std::int64_t outputs = 1, sums = 1;
};

Blocks blocks_of(const CoreSpec& core) {
  switch (core.kind) {
    case CoreKind::dot_product:
      return {core.dot_product.atomic_outputs, core.dot_product.atomic_inputs};
    case CoreKind::systolic:
      return {core.systolic.columns, core.systolic.rows};
    case CoreKind::fixed:
    case CoreKind::resident:
    case CoreKind::roofline:
      break;
  }
  return {};
}

/// The stride that takes a window over `in` to `out` results, padding aside.
std::int64_t stride_of(std::int64_t in, std::int64_t out, std::int64_t window) {
  if (out < 2) return 1;
  return std::max<std::int64_t>(
      1, std::llround(static_cast<double>(in - window) / static_cast<double>(out - 1)));
}

StreamingCore streaming_core(const HardwareSpec& hw, const CoreSpec& core, std::int64_t cores,
                             std::int64_t sharers) {
  const double n = static_cast<double>(cores);
  StreamingCore s;
  s.pieces = core.pieces.value_or(PiecesSpec{});
  s.unified = core.unified();
  s.weight_capacity = core.weight_memory().capacity_kib * 1024 * n;
  s.input_capacity = core.activation_memory().capacity_kib * 1024 * n;
  s.bytes_per_cycle = dram_bytes_per_cycle(hw.dram.value_or(DramSpec{}), hw.clock_mhz, sharers);
  s.vector_lanes = core.vector_unit.lanes * n;
  s.overlaps = core.vector_unit.overlaps_macs;
  s.drain_cycles = core.mac.latency_cycles;
  return s;
}

/// The product as loops over blocks, pixels and windows.
StreamedLayer layer_of(const LayerNode& node, const MatrixProduct& product, const CoreSpec& core,
                       const ElementSpec& e, std::int64_t samples) {
  const Blocks blocks = blocks_of(core);
  const Shape& in = node.input_shapes[0];
  StreamedLayer l;
  l.groups = product.groups;
  l.output_blocks = product.groups * ceil_div(product.n.channels, blocks.outputs);
  l.sum_blocks = ceil_div(product.k.channels, blocks.sums);
  l.window_rows = product.k.window_rows;
  l.window_columns = product.k.window_columns;
  const bool pixels = node.output.pixels() == product.m.size();
  const std::int64_t rows = pixels ? node.output.height : product.m.size();
  l.columns = pixels ? node.output.width : 1;
  l.rows = rows * samples;
  const std::int64_t in_rows = pixels ? in.height : rows;
  l.input_rows = in_rows * samples;
  l.input_columns = pixels ? in.width : 1;
  l.stride_rows = stride_of(in_rows, rows, l.window_rows);
  l.stride_columns = stride_of(l.input_columns, l.columns, l.window_columns);
  const double n = static_cast<double>(samples);
  const bool weights = product.right.role == OperandRole::weight;
  l.weights_bytes = static_cast<double>(product.right.elements) * bytes_of(product.right.role, e) *
                    (weights ? 1 : n);
  l.input_bytes = static_cast<double>(product.left.elements) * e.activations_bytes * n;
  l.results = static_cast<double>(product.result.elements) * n;
  return l;
}

/// A pool reads its windows; everything else passes each of its results once.
double stream_elements(const LayerNode& node, const LayerWork& work) {
  if (work.renames_input) return 0;
  double elements = static_cast<double>(node.output.elements());
  for (const ElementwiseWork& w : work.elementwise)
    if (w.pass == LayerPass::forward) elements = std::max(elements, w.elements);
  return elements;
}

double bytes_of(const Shape& shape, const ElementSpec& e, std::int64_t samples) {
  return static_cast<double>(shape.elements()) * e.activations_bytes * static_cast<double>(samples);
}

/// The steps of a stage, gathered layer by layer.
class Steps {
 public:
  Steps(const PlanScope& scope, const Service& service, std::int64_t samples)
      : e_(scope.hardware->elements),
        context_(pricing_context(scope, service)),
        samples_(samples) {}

  struct Step {
    StreamedLayer layer;
    std::size_t owner = 0;  ///< of the stage's layers
    bool product = false;
    double macs = 0;
  };

  void add(const LayerNode& node, std::size_t index) {
    const LayerWork work = work_of(node);
    const std::vector<PassPrice> prices =
        price_pass(node, LayerPass::forward, context_, static_cast<int>(samples_));
    std::size_t price = 0;
    bool read = false;  // the first input, by a product of this layer
    for (const MatrixProduct& product : work.products) {
      if (product.pass() != LayerPass::forward) continue;
      const PassPrice& p = prices.at(price++);
      steps_.push_back(
          {layer_of(node, product, *context_.core, e_, samples_), index, true, p.events.macs});
      StreamedLayer& l = steps_.back().layer;
      l.matrix_cycles = p.matrix_cycles;
      l.vector_cycles = p.vector_cycles;
      l.port_cycles = p.memory_cycles;
      read = true;
    }
    if (steps_.empty()) start_without_product(node, index);
    ride(node, work, prices, price, read);
  }

  const std::vector<Step>& all() const { return steps_; }

 private:
  /// What stands before the first product reads its input itself.
  void start_without_product(const LayerNode& node, std::size_t index) {
    steps_.push_back({{}, index, false, 0});
    steps_.back().layer.input_bytes = bytes_of(node.input_shapes[0], e_, samples_);
  }

  void ride(const LayerNode& node, const LayerWork& work, const std::vector<PassPrice>& prices,
            std::size_t first, bool read) {
    StreamedLayer& l = steps_.back().layer;
    if (context_.core->vector_unit.overlaps_macs) {
      const double elements = stream_elements(node, work) * static_cast<double>(samples_);
      const double lanes = context_.core->vector_unit.lanes * static_cast<double>(context_.cores);
      l.vector_cycles = std::max(l.vector_cycles, cycles_at(elements, lanes));
    } else {
      for (std::size_t i = first; i < prices.size(); ++i)
        l.vector_cycles += prices[i].vector_cycles;
    }
    for (std::size_t i = 1; i < node.input_shapes.size() && !read; ++i)
      l.operand_bytes += bytes_of(node.input_shapes[i], e_, samples_);
    if (!work.renames_input) l.result_bytes = bytes_of(node.output, e_, samples_);
  }

  const ElementSpec e_;
  const PricingContext context_;
  const std::int64_t samples_;
  std::vector<Step> steps_;
};

}  // namespace

StreamedStage streamed_stage(const PlanScope& scope, int stage, const Service& service,
                             std::int64_t samples, std::int64_t sharers, StreamEnds ends,
                             const OpCost& fitting) {
  const StageSpec& spec = (*scope.partition)[static_cast<std::size_t>(stage)];
  const HardwareSpec& hw = *scope.hardware;
  const CoreSpec& core = hw.cores.at(static_cast<std::size_t>(service.group));
  Steps steps(scope, service, samples);
  for (int l = spec.first_layer; l < spec.end_layer; ++l)
    steps.add(scope.network->layers[static_cast<std::size_t>(l)],
              static_cast<std::size_t>(l - spec.first_layer));
  const StreamingCore streaming = streaming_core(hw, core, service.cores, sharers);

  StreamedStage done;
  done.layers.resize(static_cast<std::size_t>(spec.end_layer - spec.first_layer));
  done.forward = fitting;
  done.forward.compute_cycles = done.forward.cycles = core.operation_overhead;
  const auto& all = steps.all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const PiecedLayer p =
        pieced(all[i].layer, streaming, {ends.first && i == 0, ends.last && i + 1 == all.size()});
    const Bytes moved = rounded_up<Bytes>(p.load_bytes + p.store_bytes - 1e-6);
    LayerPassCost& cost = done.layers[all[i].owner];
    cost.macs += static_cast<std::int64_t>(all[i].macs);
    cost.compute_cycles += p.compute_cycles;
    const double moving =
        streaming_cycles(streaming, p.load_bytes + p.store_bytes, p.load_runs + p.store_runs);
    cost.memory_cycles += std::max(all[i].layer.port_cycles, rounded_up<Cycles>(moving - 1e-6));
    cost.cycles += p.cycles;
    done.dram_bytes += moved;
    done.forward.compute_cycles += p.compute_cycles;
    done.forward.cycles += p.cycles;
  }
  done.forward.cycles += fitting.interconnect_cycles;
  return done;
}

}  // namespace stagecoach
