// SPDX-License-Identifier: Apache-2.0
// Traffic inside the region of cores that serves a stage together. Pure arithmetic.
#pragma once

#include "sim/timing/matrix_unit.h"

namespace stagecoach {

/// A rectangle of cores. The last row may be incomplete.
struct RegionShape {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
};

/// The near-square rectangle around `cores` cores: ceil(sqrt(n)) columns, ceil(n / columns) rows,
/// within `bounds` if they hold as many. Without bounds neither side shrinks as cores are added.
RegionShape region_shape(std::int64_t cores, RegionShape bounds = {0, 0});

/// The links between neighbouring cores of one unit.
struct RegionLinks {
  bool present = false;  ///< an ideal interconnect has none
  double bytes_per_cycle = kUnlimited<double>;
  RegionShape bounds{0, 0};  ///< of the rectangle that the mapping asks for; 0: near-square
};

/// What one product moves over the links between neighbouring cores of its region.
struct RegionTraffic {
  double bytes = 0;          ///< over all links; a byte over two links counts twice
  double busiest_bytes = 0;  ///< over the busiest link: what the time depends on
};

/// Weights lie still, spread over R rows and C columns of n cores: a row shares input channels, a
/// column shares output channels. Then, with X the bytes of the layer's input and Y of its output
/// (dX, dY: of their gradients), x = X / min(R, channels in), y = Y / min(C, channels out):
///   forward          x goes along every row to all its cores; partial sums of y are added up along
///                    every column                         x (n - R) + y (n - C), busiest max(x, y)
///   input gradient   dy goes along every column, partial sums of dx are added up along every row:
///                                                       dx (n - R) + dy (n - C), busiest max(dx,
///                                                       dy)
///   weight gradient  x goes along every row again (dy is there, unless no input gradient was
///   wanted:
///                    then it goes along every column here)             x (n - R), busiest x
/// A side of length one has no links and adds nothing. Both directions of a link, and all links,
/// work at once. Partial sums travel in the precision of what they become.
RegionTraffic region_traffic(const MatrixJob& job, const ElementSpec& elements, std::int64_t cores,
                             RegionShape region);

/// Cores of a unit that have a part of a product: resident lanes hold at least one weight each,
/// other kinds use all.
std::int64_t cores_at_work(const MatrixProduct& product, const CoreSpec& core, std::int64_t cores);

}  // namespace stagecoach
