// SPDX-License-Identifier: Apache-2.0
// Eigen's matrix product in memory that the caller owns, in blocks that do not depend on the
// computer: nothing is allocated, stacks may be small, and sums have one order everywhere.
#pragma once

#include "models/base/maps.h"

namespace stagecoach {

/// Terms that one register sums plainly. Of equal terms, whose roundings do not average out, so
/// many lose up to 8e-6 of their sum in 32 bits, twice as many lose twice as much.
constexpr int kPlainTerms = 512;

/// Elements of scratch that any product needs.
constexpr std::int64_t kProductScratch = 256 * (192 + 256) + 2 * 192 * 64;

/// A factor of a product: a matrix whose columns (Order ColMajor) or rows lie `stride` apart.
template <class T, int Order>
using Factor = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Order>,
                          Eigen::Unaligned, Eigen::OuterStride<>>;

/// c = a b, or c += a b. Compiled once, in product.cpp, for the orders that layers use: Eigen's
/// products take seconds to compile.
template <class T, int A, int B>
void multiply(MatrixMap<T> c, const Factor<T, A>& a, const Factor<T, B>& b, bool add, T* scratch);

/// The same for maps, blocks of columns of maps, or transposes of those.
template <class T, class A, class B>
void product(MatrixMap<T> c, const A& a, const B& b, bool add, T* scratch) {
  constexpr int left = A::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;
  constexpr int right = B::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;
  const auto factor = [](const auto& m, auto order) {
    return Factor<T, decltype(order)::value>(&m.coeffRef(0, 0), m.rows(), m.cols(),
                                             Eigen::OuterStride<>(m.outerStride()));
  };
  multiply<T, left, right>(c, factor(a, std::integral_constant<int, left>()),
                           factor(b, std::integral_constant<int, right>()), add, scratch);
}

}  // namespace stagecoach
