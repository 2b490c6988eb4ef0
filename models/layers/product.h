// SPDX-License-Identifier: Apache-2.0
// Eigen's matrix product in memory that the caller owns, in blocks that do not depend on the
// computer: nothing is allocated, stacks may be small, and sums have one order everywhere.
#pragma once

#include "models/base/maps.h"

namespace stagecoach {

/// Where a product packs its operands, and the sizes of its blocks.
template <class T>
class ProductBlocks : public Eigen::internal::level3_blocking<T, T> {
 public:
  static constexpr int kRows = 192, kColumns = 256, kDepth = 256;
  /// Elements of scratch that any product needs.
  static constexpr std::int64_t kScratch = std::int64_t{kDepth} * (kRows + kColumns);

  ProductBlocks(Eigen::Index rows, Eigen::Index columns, Eigen::Index depth, T* scratch) {
    this->m_mc = std::min<Eigen::Index>(rows, kRows);
    this->m_nc = std::min<Eigen::Index>(columns, kColumns);
    this->m_kc = std::min<Eigen::Index>(depth, kDepth);
    this->m_blockA = scratch;
    this->m_blockB = scratch + kRows * kDepth;
  }
};

/// c = a b, or c += a b. The factors are maps, blocks of columns of maps, or transposes of those.
template <class T, class A, class B>
void product(MatrixMap<T> c, const A& a, const B& b, bool add, T* scratch) {
  constexpr auto order = [](bool row_major) {
    return row_major ? Eigen::RowMajor : Eigen::ColMajor;
  };
  using Gemm = Eigen::internal::general_matrix_matrix_product<Eigen::Index, T, order(A::IsRowMajor),
                                                              false, T, order(B::IsRowMajor), false,
                                                              Eigen::ColMajor, 1>;
  if (a.cols() == 1) {  // nothing to sum: columns of the outer product
    const auto left = a.col(0);
    for (Eigen::Index j = 0; j < c.cols(); ++j) give(c.col(j), left * b(0, j), add);
    return;
  }
  if (!add) c.setZero();
  if (b.cols() == 1) {
    c.col(0).noalias() += a * b.col(0);
    return;
  }
  ProductBlocks<T> blocks(c.rows(), c.cols(), a.cols(), scratch);
  Gemm::run(c.rows(), c.cols(), a.cols(), &a.coeffRef(0, 0), a.outerStride(), &b.coeffRef(0, 0),
            b.outerStride(), c.data(), 1, c.outerStride(), T(1), blocks);
}

}  // namespace stagecoach
