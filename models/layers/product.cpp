// SPDX-License-Identifier: Apache-2.0
#include "models/layers/product.h"

namespace stagecoach {
namespace {

// A tile of the result whose long sums are made together.
constexpr int kLongTile = 192 * 64, kLongTileColumns = 64;

/// Where a product packs its operands, and the sizes of its blocks.
template <class T>
class ProductBlocks : public Eigen::internal::level3_blocking<T, T> {
 public:
  static constexpr int kRows = 192, kColumns = 256, kDepth = 256;
  static constexpr std::int64_t kElements = kDepth * (kRows + kColumns);
  static_assert(kProductScratch == kElements + 2 * kLongTile);

  ProductBlocks(Eigen::Index rows, Eigen::Index columns, Eigen::Index depth, T* scratch) {
    this->m_mc = std::min<Eigen::Index>(rows, kRows);
    this->m_nc = std::min<Eigen::Index>(columns, kColumns);
    this->m_kc = std::min<Eigen::Index>(depth, kDepth);
    this->m_blockA = scratch;
    this->m_blockB = scratch + kRows * kDepth;
  }
};

/// Rows and columns of a factor.
template <class T, int Order>
Factor<T, Order> part_of(const Factor<T, Order>& m, Eigen::Index row, Eigen::Index rows,
                         Eigen::Index column, Eigen::Index columns) {
  return {&m.coeffRef(row, column), rows, columns, Eigen::OuterStride<>(m.outerStride())};
}

/// True if Eigen would sum more than some hundred terms plainly. Products of matrices add sums of
/// kDepth, products with a vector may add every four.
bool is_long(Eigen::Index terms, Eigen::Index columns) {
  return terms > (columns == 1 ? 2 : 9) * kPlainTerms;
}

template <class T, int A, int B>
void multiply_plainly(MatrixMap<T> c, const Factor<T, A>& a, const Factor<T, B>& b, bool add,
                      T* scratch) {
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

/// c = a b, or c += a b, for a tile: sums of blocks, compensated.
template <class T, int A, int B>
void multiply_tile(MatrixMap<T> c, const Factor<T, A>& a, const Factor<T, B>& b, bool add,
                   T* scratch) {
  const Eigen::OuterStride<> stride(c.rows());
  MatrixMap<T> part(scratch + ProductBlocks<T>::kElements, c.rows(), c.cols(), stride);
  MatrixMap<T> lost(part.data() + part.size(), c.rows(), c.cols(), stride);
  lost.setZero();
  if (!add) c.setZero();
  for (Eigen::Index k = 0; k < a.cols(); k += kPlainTerms) {
    const Eigen::Index terms = std::min<Eigen::Index>(kPlainTerms, a.cols() - k);
    multiply_plainly<T, A, B>(part, part_of(a, 0, a.rows(), k, terms),
                              part_of(b, k, terms, 0, b.cols()), false, scratch);
    for (Eigen::Index j = 0; j < c.cols(); ++j)
      add_compensated(&c(0, j), &lost(0, j), &part(0, j), c.rows());
  }
  c += lost;
}

}  // namespace

template <class T, int A, int B>
void multiply(MatrixMap<T> c, const Factor<T, A>& a, const Factor<T, B>& b, bool add, T* scratch) {
  if (!is_long(a.cols(), b.cols())) return multiply_plainly<T, A, B>(c, a, b, add, scratch);
  const Eigen::Index most_columns = std::min<Eigen::Index>(kLongTileColumns, c.cols());
  const Eigen::Index most_rows = kLongTile / most_columns;
  for (Eigen::Index j = 0; j < c.cols(); j += most_columns)
    for (Eigen::Index i = 0; i < c.rows(); i += most_rows) {
      const Eigen::Index rows = std::min(most_rows, c.rows() - i);
      const Eigen::Index columns = std::min(most_columns, c.cols() - j);
      multiply_tile<T, A, B>(
          MatrixMap<T>(&c(i, j), rows, columns, Eigen::OuterStride<>(c.outerStride())),
          part_of(a, i, rows, 0, a.cols()), part_of(b, 0, b.rows(), j, columns), add, scratch);
    }
}

#define STAGECOACH_MULTIPLY(T, A, B)                                                      \
  template void multiply<T, Eigen::A, Eigen::B>(MatrixMap<T>, const Factor<T, Eigen::A>&, \
                                                const Factor<T, Eigen::B>&, bool, T*);
#define STAGECOACH_MULTIPLY_ALL(T)           \
  STAGECOACH_MULTIPLY(T, ColMajor, ColMajor) \
  STAGECOACH_MULTIPLY(T, RowMajor, ColMajor) \
  STAGECOACH_MULTIPLY(T, ColMajor, RowMajor)
STAGECOACH_MULTIPLY_ALL(float)
STAGECOACH_MULTIPLY_ALL(double)

}  // namespace stagecoach
