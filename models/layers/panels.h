// SPDX-License-Identifier: Apache-2.0
// Weight gradients of large images: sums of panels of rows, compensated.
#pragma once

#include <algorithm>

#include "models/base/maps.h"

namespace stagecoach {

/// Pixels of one image whose products are summed plainly, in two levels: in registers, over bands.
constexpr std::int64_t kPanelPixels = 16384;

/// Elements of scratch that sum_panels() needs for images of so many pixels.
constexpr std::int64_t panel_scratch(std::int64_t pixels, std::int64_t elements) {
  return pixels > kPanelPixels ? 2 * elements : 0;
}

/// gradient (= or +=) the sum of panel(first_row, rows, target, add) over all `rows`; a panel gives
/// target (= or +=) what its rows add to each of `elements` weights, a multiple of kLanes. Images
/// of up to kPanelPixels are one panel, whatever the batch.
template <class T, class Panel>
void sum_panels(int batch, int image_rows, int columns, std::int64_t elements, T* gradient,
                bool add, T* scratch, Panel&& panel) {
  const int rows = batch * image_rows;
  if (std::int64_t{1} * image_rows * columns <= kPanelPixels) return panel(0, rows, gradient, add);
  const int rows_a_panel = static_cast<int>(std::max<std::int64_t>(1, kPanelPixels / columns));
  T* const lost = scratch;
  T* const part = scratch + elements;
  numbers(lost, elements).setZero();
  if (!add) numbers(gradient, elements).setZero();
  for (int first = 0; first < rows; first += rows_a_panel) {
    panel(first, std::min(rows_a_panel, rows - first), part, false);
    for (std::int64_t i = 0; i < elements; i += kLanes<T>)
      add_compensated<T>(lanes(gradient + i), lanes(lost + i), lanes(part + i));
  }
  numbers(gradient, elements) += numbers(lost, elements);
}

}  // namespace stagecoach
