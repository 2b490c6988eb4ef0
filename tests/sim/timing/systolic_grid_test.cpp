// SPDX-License-Identifier: Apache-2.0
// Question: does an array of registers that really multiplies take as many cycles as the code form
// says? Every cell is clocked, every operand moves one cell a cycle, and the product is checked.
#include <array>
#include <catch2/catch.hpp>
#include <vector>

#include "sim/timing/systolic.h"
#include "tests/support/networks.h"

namespace stagecoach {
namespace {

/// A matrix of small whole numbers: every sum is exact.
struct Matrix {
  std::int64_t rows, columns;
  std::vector<double> values;

  Matrix(std::int64_t r, std::int64_t c)
      : rows(r), columns(c), values(static_cast<std::size_t>(r * c)) {}
  double& at(std::int64_t r, std::int64_t c) {
    return values[static_cast<std::size_t>(r * columns + c)];
  }
  /// Zero outside: folds at the edge are filled up.
  double read(std::int64_t r, std::int64_t c) const {
    if (r < 0 || c < 0 || r >= rows || c >= columns) return 0;
    return values[static_cast<std::size_t>(r * columns + c)];
  }
};

Matrix drawn(std::int64_t rows, std::int64_t columns, int seed) {
  Matrix m(rows, columns);
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    m.values[static_cast<std::size_t>(i)] = static_cast<double>((i * 7 + seed * 13) % 11) - 5;
  }
  return m;
}

Matrix turned(const Matrix& m) {
  Matrix t(m.columns, m.rows);
  for (std::int64_t r = 0; r < m.rows; ++r) {
    for (std::int64_t c = 0; c < m.columns; ++c) t.at(c, r) = m.read(r, c);
  }
  return t;
}

/// R x C cells with a register for what moves right, one for what moves down, one that stays.
class Grid {
 public:
  Grid(int rows, int columns)
      : rows_(rows), columns_(columns), right_(rows, columns), down_(right_), stays_(right_) {}

  /// streamed (T x S_r) times stationary (S_r x S_c), added to `result` (T x S_c). Cycles until the
  /// last sum has left the last row.
  Cycles stationary_product(const Matrix& streamed, const Matrix& stationary, Matrix& result) {
    Cycles cycles = 0;
    for (std::int64_t r0 = 0; r0 < stationary.rows; r0 += rows_) {
      for (std::int64_t c0 = 0; c0 < stationary.columns; c0 += columns_) {
        cycles += preload(stationary, r0, c0);
        cycles += stream(streamed, r0, c0, result);
      }
    }
    return cycles;
  }

  /// left (M x T) times top (T x N): sums stay in the cells. Cycles until each has met all pairs.
  Cycles summing_product(const Matrix& left, const Matrix& top, Matrix& result) {
    Cycles cycles = 0;
    for (std::int64_t r0 = 0; r0 < left.rows; r0 += rows_) {
      for (std::int64_t c0 = 0; c0 < top.columns; c0 += columns_) {
        cycles += sum(left, top, r0, c0, result);
      }
    }
    return cycles;
  }

 private:
  /// A row enters at the top each cycle and pushes the others down.
  Cycles preload(const Matrix& stationary, std::int64_t r0, std::int64_t c0) {
    for (int i = 0; i < rows_; ++i) {
      for (int c = 0; c < columns_; ++c) {
        for (int r = rows_ - 1; r > 0; --r) stays_.at(r, c) = stays_.at(r - 1, c);
        stays_.at(0, c) = stationary.read(r0 + rows_ - 1 - i, c0 + c);
      }
    }
    return rows_;
  }

  Cycles stream(const Matrix& streamed, std::int64_t r0, std::int64_t c0, Matrix& result) {
    const std::int64_t steps = streamed.rows;
    std::int64_t left = steps * columns_;  // sums still to come out
    std::int64_t t = 0;
    for (; left > 0; ++t) {
      // From the far corner on, so that every cell reads what its neighbours held before.
      for (int r = rows_ - 1; r >= 0; --r) {
        for (int c = columns_ - 1; c >= 0; --c) {
          right_.at(r, c) = c > 0 ? right_.at(r, c - 1) : streamed.read(t - r, r0 + r);
          down_.at(r, c) = (r > 0 ? down_.at(r - 1, c) : 0) + right_.at(r, c) * stays_.at(r, c);
        }
      }
      for (int c = 0; c < columns_; ++c) {
        const std::int64_t m = t - (rows_ - 1) - c;
        if (m < 0 || m >= steps) continue;
        --left;
        if (c0 + c < result.columns) result.at(m, c0 + c) += down_.at(rows_ - 1, c);
      }
    }
    return t;
  }

  Cycles sum(const Matrix& a, const Matrix& b, std::int64_t r0, std::int64_t c0, Matrix& result) {
    const std::int64_t steps = a.columns;
    std::int64_t left = steps * rows_ * columns_;  // pairs still to meet
    stays_ = Matrix(rows_, columns_);
    std::int64_t t = 0;
    for (; left > 0; ++t) {
      for (int r = rows_ - 1; r >= 0; --r) {
        for (int c = columns_ - 1; c >= 0; --c) {
          right_.at(r, c) = c > 0 ? right_.at(r, c - 1) : a.read(r0 + r, t - r);
          down_.at(r, c) = r > 0 ? down_.at(r - 1, c) : b.read(t - c, c0 + c);
          stays_.at(r, c) += right_.at(r, c) * down_.at(r, c);
          const std::int64_t pair = t - r - c;
          left -= pair >= 0 && pair < steps;
        }
      }
    }
    for (int r = 0; r < rows_; ++r) {
      for (int c = 0; c < columns_; ++c) {
        if (r0 + r < result.rows && c0 + c < result.columns) {
          result.at(r0 + r, c0 + c) += stays_.read(r, c);
        }
      }
    }
    return t;
  }

  int rows_, columns_;
  Matrix right_, down_, stays_;
};

void check_product(const GemmShape& s, int rows, int columns, Dataflow dataflow) {
  const Matrix a = drawn(s.m, s.k, 1), b = drawn(s.k, s.n, 2);
  Matrix expected(s.m, s.n), result(s.m, s.n);
  for (std::int64_t m = 0; m < s.m; ++m) {
    for (std::int64_t k = 0; k < s.k; ++k) {
      for (std::int64_t n = 0; n < s.n; ++n) expected.at(m, n) += a.read(m, k) * b.read(k, n);
    }
  }
  Grid grid(rows, columns);
  Cycles cycles = 0;
  switch (dataflow) {
    case Dataflow::weight_stationary:
      cycles = grid.stationary_product(a, b, result);
      break;
    case Dataflow::output_stationary:
      cycles = grid.summing_product(a, b, result);
      break;
    case Dataflow::input_stationary: {
      Matrix across(s.n, s.m);
      cycles = grid.stationary_product(turned(b), turned(a), across);
      result = turned(across);
      break;
    }
  }
  SystolicCore core;
  core.rows = rows, core.columns = columns, core.dataflow = dataflow;
  CAPTURE(s.m, s.k, s.n, rows, columns, static_cast<int>(dataflow));
  REQUIRE(result.values == expected.values);
  REQUIRE(systolic_cycles(s, core, MacSpec{}) == cycles);
}

const Dataflow kDataflows[] = {Dataflow::weight_stationary, Dataflow::output_stationary,
                               Dataflow::input_stationary};

TEST_CASE("a systolic array clocked register by register takes the code form's cycles") {
  for (Dataflow dataflow : kDataflows) {
    for (const auto& [rows, columns] : {std::pair<int, int>{1, 1}, {3, 5}, {4, 4}, {8, 2}}) {
      for (const auto& [m, k, n] : {std::array<std::int64_t, 3>{1, 1, 1},
                                    {1, 16, 10},
                                    {4, 4, 4},
                                    {5, 9, 7},
                                    {23, 8, 16},
                                    {2, 30, 3}}) {
        check_product({m, k, n, 1}, rows, columns, dataflow);
      }
    }
  }
}

TEST_CASE("LeNet-5's layers on clocked arrays of 8x8 and 16x16 take the code form's cycles") {
  int layers = 0;
  for (const LayerNode& node : lenet5().layers) {
    if (!node.has_weight_matrix()) continue;
    const GemmShape shape = gemm_shape(work_of(node).products[0]);
    for (int size : {8, 16}) {
      for (Dataflow dataflow : kDataflows) check_product(shape, size, size, dataflow);
    }
    ++layers;
  }
  CHECK(layers == 5);
}

}  // namespace
}  // namespace stagecoach
