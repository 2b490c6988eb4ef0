// SPDX-License-Identifier: Apache-2.0
#include "models/optimizer/fused_update.h"

#include "models/base/maps.h"

namespace stagecoach {

template <class T>
void update_linearly(const UpdateCoefficients<T>& c, std::int64_t n, const T* gradient, T* weights,
                     T* velocity, T* predicted) {
  in_pieces(
      n,
      [&](auto g, auto w, auto v, auto prediction) {
        v = c.momentum * v + (g + c.weight_decay * w);
        w -= c.step_velocity * v + c.step_gradient * (g + c.weight_decay * w);
        if (prediction.size()) prediction = w - c.step_prediction * v;
      },
      gradient, weights, velocity, predicted);
}

template void update_linearly(const UpdateCoefficients<float>&, std::int64_t, const float*, float*,
                              float*, float*);
template void update_linearly(const UpdateCoefficients<double>&, std::int64_t, const double*,
                              double*, double*, double*);

}  // namespace stagecoach
