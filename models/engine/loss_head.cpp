// SPDX-License-Identifier: Apache-2.0
#include "models/engine/loss_head.h"

#include <vector>

namespace stagecoach {
namespace {

/// `count` elements, in the object itself where they are few: nothing is allocated then.
template <class V>
class FewElements {
 public:
  explicit FewElements(std::int64_t count) {
    if (count <= kFew) return;
    many_.resize(static_cast<std::size_t>(count));
    data_ = many_.data();
  }
  V* data() { return data_; }

 private:
  static constexpr int kFew = 1024;
  V few_[kFew];
  std::vector<V> many_;
  V* data_ = few_;
};

}  // namespace

template <class T>
LossResult LossHead<T>::measure(const MicroBatchData& data, const View<const T>& output) const {
  return loss(Split::train, data.samples.data(), output, T(1), View<T>{});
}

template <class T>
void LossHead<T>::gradient(const MicroBatchData& data, Chunk chunk, const View<const T>& output,
                           const View<T>& gradient) const {
  loss(Split::train, data.samples.data() + chunk.first, output,
       T(1) / static_cast<T>(data.micro_batch.batch_samples), gradient);
}

template <class T>
LossResult LossHead<T>::measure_test(std::int64_t index, const View<const T>& output) const {
  return loss(Split::test, &index, output, T(1), View<T>{});
}

template <class T>
LossResult LossHead<T>::loss(Split split, const std::int64_t* samples, const View<const T>& output,
                             T scale, const View<T>& gradient) const {
  switch (kind_) {
    case LossKind::mean_squared_error: {
      const std::int64_t width = data_.target_elements();
      FewElements<double> targets(output.batch * width);
      for (int n = 0; n < output.batch; ++n)
        data_.read_target(split, samples[n], targets.data() + n * width);
      return loss_and_gradient(kind_, output, nullptr, targets.data(), scale, gradient);
    }
    case LossKind::softmax_cross_entropy:
      break;
  }
  FewElements<int> labels(output.batch);
  for (int n = 0; n < output.batch; ++n) labels.data()[n] = data_.label(split, samples[n]);
  return loss_and_gradient(kind_, output, labels.data(), nullptr, scale, gradient);
}

template class LossHead<float>;
template class LossHead<double>;

}  // namespace stagecoach
