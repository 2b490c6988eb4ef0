// SPDX-License-Identifier: Apache-2.0
#include "models/layers/product.h"

namespace stagecoach {
namespace {

/// Where a product packs its operands, and the sizes of its blocks.
template <class T>
class ProductBlocks : public Eigen::internal::level3_blocking<T, T> {
 public:
  static constexpr int kRows = 192, kColumns = 256, kDepth = 256;
  static_assert(kProductScratch == kDepth * (kRows + kColumns));

  ProductBlocks(Eigen::Index rows, Eigen::Index columns, Eigen::Index depth, T* scratch) {
    this->m_mc = std::min<Eigen::Index>(rows, kRows);
    this->m_nc = std::min<Eigen::Index>(columns, kColumns);
    this->m_kc = std::min<Eigen::Index>(depth, kDepth);
    this->m_blockA = scratch;
    this->m_blockB = scratch + kRows * kDepth;
  }
};

}  // namespace

template <class T, int A, int B>
void multiply(MatrixMap<T> c, const Factor<T, A>& a, const Factor<T, B>& b, bool add, T* scratch) {
  using Gemm = Eigen::internal::general_matrix_matrix_product<Eigen::Index, T, A, false, T, B,
                                                              false, Eigen::ColMajor, 1>;
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
  Gemm::run(c.rows(), c.cols(), a.cols(), a.data(), a.outerStride(), b.data(), b.outerStride(),
            c.data(), 1, c.outerStride(), T(1), blocks);
}

#define STAGECOACH_MULTIPLY(T, A, B)                                               \
  template void multiply<T, Eigen::A, Eigen::B>(                                   \
      MatrixMap<T>, const Factor<T, Eigen::A>&, const Factor<T, Eigen::B>&, bool, T*);
#define STAGECOACH_MULTIPLY_ALL(T)           \
  STAGECOACH_MULTIPLY(T, ColMajor, ColMajor) \
  STAGECOACH_MULTIPLY(T, RowMajor, ColMajor) \
  STAGECOACH_MULTIPLY(T, ColMajor, RowMajor)
STAGECOACH_MULTIPLY_ALL(float)
STAGECOACH_MULTIPLY_ALL(double)

}  // namespace stagecoach
