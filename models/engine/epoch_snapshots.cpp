// SPDX-License-Identifier: Apache-2.0
#include "models/engine/epoch_snapshots.h"

#include <algorithm>

#include "models/base/error.h"

namespace stagecoach {

template <class T>
EpochSnapshot<T>& EpochSnapshots<T>::find(std::int64_t epoch) {
  for (EpochSnapshot<T>& s : snapshots_)
    if (s.epoch == epoch) return s;
  throw ModelBug("no snapshot of epoch " + std::to_string(epoch));
}

template <class T>
EpochSnapshot<T>& EpochSnapshots<T>::place_for(std::int64_t epoch) {
  auto place = std::find_if(snapshots_.begin(), snapshots_.end(), [](const EpochSnapshot<T>& s) {
    return s.epoch == EpochSnapshot<T>::kFree;
  });
  if (place == snapshots_.end()) {
    snapshots_.push_back({epoch, Buffer<T>(weights_), Buffer<T>(statistics_)});
    place = snapshots_.end() - 1;
  }
  place->epoch = epoch;
  return *place;
}

template <class T>
void EpochSnapshots<T>::take_statistics(std::int64_t epoch, const T* statistics) {
  std::copy_n(statistics, statistics_, place_for(epoch).statistics.data());
}

template <class T>
void EpochSnapshots<T>::take_weights(std::int64_t epoch, const T* weights) {
  std::copy_n(weights, weights_, find(epoch).weights.data());
}

template <class T>
const EpochSnapshot<T>& EpochSnapshots<T>::claim(std::int64_t epoch) {
  EpochSnapshot<T>& snapshot = find(epoch);
  snapshot.epoch = EpochSnapshot<T>::kFree;
  return snapshot;
}

template <class T>
void EpochSnapshots<T>::visit_state(StateVisitor& visitor) {
  std::vector<std::int64_t> epochs;
  for (const EpochSnapshot<T>& s : snapshots_)
    if (s.epoch != EpochSnapshot<T>::kFree) epochs.push_back(s.epoch);
  visitor.list("epochs", epochs);
  for (const std::int64_t epoch : epochs) {
    EpochSnapshot<T>& snapshot = visitor.restores() ? place_for(epoch) : find(epoch);
    const StateScope scope(visitor, "epoch_" + std::to_string(epoch));
    visitor.array("weights", snapshot.weights.data(), weights_);
    visitor.array("statistics", snapshot.statistics.data(), statistics_);
  }
}

template class EpochSnapshots<float>;
template class EpochSnapshots<double>;

}  // namespace stagecoach
