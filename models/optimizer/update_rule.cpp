// SPDX-License-Identifier: Apache-2.0
// The rule for each optimizer: the one switch over OptimizerKind.
#include "models/optimizer/update_rule.h"

#include "models/base/error.h"
#include "models/optimizer/sgd.h"

namespace stagecoach {

UpdateDeclaration declare_update(const TrainSpec& train, const StageDelay& delay) {
  switch (train.optimizer.type) {
    case OptimizerKind::sgd:
      return declare_sgd(train, delay);
  }
  throw ModelBug("unknown optimizer");
}

template <class T>
std::unique_ptr<UpdateRule<T>> make_update_rule(const TrainSpec& train, const StageDelay& delay,
                                                std::int64_t batches_per_epoch) {
  switch (train.optimizer.type) {
    case OptimizerKind::sgd:
      return make_sgd<T>(train, delay, batches_per_epoch);
  }
  throw ModelBug("unknown optimizer");
}

template std::unique_ptr<UpdateRule<float>> make_update_rule(const TrainSpec&, const StageDelay&,
                                                             std::int64_t);
template std::unique_ptr<UpdateRule<double>> make_update_rule(const TrainSpec&, const StageDelay&,
                                                              std::int64_t);

}  // namespace stagecoach
