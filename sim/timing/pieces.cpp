// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/pieces.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <vector>

#include "sim/base/arithmetic.h"

namespace stagecoach {

namespace {

/// Numbers of parts of a loop, each another size of the largest part.
std::vector<std::int64_t> cuts_of(std::int64_t n) {
  std::vector<std::int64_t> cuts;
  for (std::int64_t parts = 1; parts > 0; parts = next_finer_cut(n, parts)) cuts.push_back(parts);
  return cuts;
}

/// Inputs under `results` neighbouring results.
std::int64_t reach(std::int64_t results, std::int64_t stride, std::int64_t window,
                   std::int64_t all) {
  return std::min(all, (results - 1) * stride + window);
}

/// The largest piece: how much of each loop it has.
struct Piece {
  std::int64_t outputs, rows, columns, sums;
  std::int64_t input_rows, input_columns;
};

Piece largest(const StreamedLayer& l, const Cut& cut) {
  Piece p{};
  p.outputs = ceil_div(l.output_blocks, cut.outputs);
  p.rows = ceil_div(l.rows, cut.rows);
  p.columns = ceil_div(l.columns, cut.columns);
  p.sums = ceil_div(l.sum_blocks, cut.sums);
  p.input_rows = reach(p.rows, l.stride_rows, l.window_rows, l.input_rows);
  p.input_columns = reach(p.columns, l.stride_columns, l.window_columns, l.input_columns);
  return p;
}

double share(std::int64_t part, std::int64_t all) {
  return static_cast<double>(part) / static_cast<double>(all);
}

/// Cycles that the pipeline drains: once behind each iteration of the outer `count` loops.
double drains(const std::vector<std::int64_t>& loops, int count, Cycles each) {
  double iterations = 1;
  int outer = 0;
  for (const std::int64_t n : loops) {
    if (n == 1) continue;
    if (outer++ == count) break;
    iterations *= static_cast<double>(n);
  }
  return iterations * static_cast<double>(each.count());
}

/// One way to cut, priced.
class Priced {
 public:
  Priced(const StreamedLayer& layer, const StreamingCore& core, const Cut& cut)
      : l_(layer), c_(core), piece_(largest(layer, cut)) {
    done_.cut = cut;
    load();
    compute();
    done_.store_bytes = l_.result_bytes + l_.operand_bytes;
  }

  PiecedLayer result(StreamEnds ends) {
    const double pieces = static_cast<double>(done_.cut.pieces());
    const double tiles = pieces / static_cast<double>(done_.cut.sums);
    // Nothing computes beside the first load and the last store.
    const double ahead = done_.ahead * (ends.first ? 1 - 1 / pieces : 1);
    const double beside = beside_ * (ends.last ? 1 - 1 / tiles : 1);
    const double load = streaming_cycles(c_, done_.load_bytes, done_.load_runs);
    const double store = streaming_cycles(c_, done_.store_bytes, done_.store_runs);
    const double channel = c_.pieces.separate_directions ? std::max(load * ahead, store * beside)
                                                         : load * ahead + store * beside;
    const double alone = load * (1 - ahead) + store * (1 - beside);
    const double busy = std::max({compute_, static_cast<double>(l_.port_cycles.count()), channel});
    done_.compute_cycles = rounded_up<Cycles>(compute_ - 1e-6);
    done_.cycles = rounded_up<Cycles>(busy + alone - 1e-6);
    return done_;
  }

  bool fits() const { return done_.fits; }

 private:
  void load() {
    const Cut& cut = done_.cut;
    const double overlap_rows = share(piece_.input_rows * cut.rows, l_.input_rows);
    const double overlap_columns = share(piece_.input_columns * cut.columns, l_.input_columns);
    const double input = l_.input_bytes * overlap_rows * overlap_columns;
    const double weight_times =
        cut.sums == 1 && c_.pieces.weights_stay ? 1 : static_cast<double>(cut.rows * cut.columns);
    // A group of a grouped convolution reads inputs of its own.
    const double input_times = std::max(1.0, share(cut.outputs, l_.groups));
    const double own_groups =
        l_.groups == 1 ? 1 : std::max(share(1, l_.groups), share(piece_.outputs, l_.output_blocks));
    const double weights = l_.weights_bytes * weight_times;
    const double inputs = input * input_times;
    done_.load_bytes = weights + inputs;

    const double pieces = static_cast<double>(cut.pieces());
    done_.load_runs = weight_times * static_cast<double>(cut.sums * cut.outputs * piece_.outputs) +
                      pieces / static_cast<double>(cut.outputs) * input_times *
                          static_cast<double>(piece_.sums * piece_.input_rows);
    done_.store_runs =
        pieces / static_cast<double>(cut.sums) * static_cast<double>(piece_.outputs * piece_.rows);
    const double weights_here = l_.weights_bytes * share(piece_.outputs, l_.output_blocks) *
                                share(piece_.sums, l_.sum_blocks);
    const double inputs_here = l_.input_bytes * share(piece_.input_rows, l_.input_rows) *
                               share(piece_.input_columns, l_.input_columns) *
                               share(piece_.sums, l_.sum_blocks) * own_groups;
    double ahead = 0;  // bytes
    if (c_.unified) {
      ahead =
          pieces * room(weights_here + inputs_here, done_.load_bytes / pieces, c_.weight_capacity);
    } else {
      ahead = pieces * (room(weights_here, weights / pieces, c_.weight_capacity) +
                        room(inputs_here, inputs / pieces, c_.input_capacity));
    }
    if (c_.pieces.accumulators) {
      const double sums = l_.results * share(piece_.outputs, l_.output_blocks) *
                          share(piece_.rows, l_.rows) * share(piece_.columns, l_.columns);
      beside_ = room(sums, sums, static_cast<double>(*c_.pieces.accumulators)) / sums;
    }
    if (!done_.fits || done_.load_bytes <= 0) ahead = 0;
    done_.ahead = ahead > 0 ? ahead / done_.load_bytes : 0;
  }

  /// Of the next piece's load, what has room beside `in_use`.
  double room(double in_use, double next, double capacity) {
    if (in_use > capacity) done_.fits = false;
    return std::clamp(capacity - in_use, 0.0, next);
  }

  void compute() {
    const Piece& p = piece_;
    const int outer = c_.pieces.instruction_loops;
    const double pieces = static_cast<double>(done_.cut.pieces());
    double matrix = static_cast<double>(l_.matrix_cycles.count());
    double vector = static_cast<double>(l_.vector_cycles.count());
    vector += l_.results * c_.pieces.result_operations / c_.vector_lanes;
    if (outer > 0) {
      matrix +=
          pieces * drains({p.sums, p.columns, l_.window_columns, l_.window_rows, p.outputs, p.rows},
                          outer, c_.drain_cycles);
      vector += pieces / static_cast<double>(done_.cut.sums) * c_.pieces.result_passes *
                drains({p.outputs, p.rows, p.columns}, outer, c_.drain_cycles);
    }
    compute_ = c_.overlaps ? std::max(matrix, vector) : matrix + vector;
  }

  const StreamedLayer& l_;
  const StreamingCore& c_;
  const Piece piece_;
  PiecedLayer done_;
  double beside_ = 1;  ///< share of the stores that run beside the next piece
  double compute_ = 0;
};

}  // namespace

double streaming_cycles(const StreamingCore& core, double bytes, double runs) {
  return bytes <= 0 ? 0 : bytes / core.bytes_per_cycle + runs * core.pieces.run_gap_cycles;
}

PiecedLayer pieced(const StreamedLayer& layer, const StreamingCore& core, StreamEnds ends) {
  const bool fewest = core.pieces.choice == PieceChoice::fewest;
  const std::vector<std::int64_t> none{1};
  std::optional<PiecedLayer> best;
  const auto better = [&](const PiecedLayer& a) {
    if (!best) return true;
    const auto key = [&](const PiecedLayer& p) {
      const auto cycles = static_cast<double>(p.cycles.count());
      const auto pieces = static_cast<double>(p.cut.pieces());
      return fewest ? std::make_tuple(pieces, p.load_bytes, cycles)
                    : std::make_tuple(cycles, pieces, p.load_bytes);
    };
    return key(a) < key(*best);
  };
  const auto search = [&](bool all_loops) {
    const auto columns = all_loops ? cuts_of(layer.columns) : none;
    const auto sums = all_loops ? cuts_of(layer.sum_blocks) : none;
    for (const std::int64_t o : cuts_of(layer.output_blocks))
      for (const std::int64_t r : cuts_of(layer.rows))
        for (const std::int64_t v : columns)
          for (const std::int64_t s : sums) {
            Priced priced(layer, core, {o, r, v, s});
            if (!priced.fits()) continue;
            const PiecedLayer found = priced.result(ends);
            if (better(found)) best = found;
          }
  };
  search(core.pieces.accumulators.has_value());
  if (!best) search(true);
  if (best) return *best;
  // Smaller than the smallest piece: whatever is loaded waits until what it replaces is used.
  return Priced(layer, core, {layer.output_blocks, layer.rows, layer.columns, layer.sum_blocks})
      .result(ends);
}

}  // namespace stagecoach
