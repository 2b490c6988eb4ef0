// SPDX-License-Identifier: Apache-2.0
// An engine library that reads no data and trains nothing: for the door alone.
#include "models/base/error.h"
#include "models/engine_door.h"

namespace {

using namespace stagecoach;

class NoData final : public Dataset {
 public:
  std::int64_t size(Split) const override { return 7; }
  Shape shape() const override { return Shape::image(1, 2, 3); }
  int classes() const override { return 2; }
  int label(Split, std::int64_t) const override { return 1; }
  std::int64_t target_elements() const override { return 0; }
  void read_target(Split, std::int64_t, double*) const override {}
  void read(Split, std::int64_t, std::uint64_t, View<float>) const override {}
  void read(Split, std::int64_t, std::uint64_t, View<double>) const override {}
};

std::unique_ptr<Dataset> load(const DatasetSpec& spec) {
  if (spec.train_labels == "bug") throw ModelBug("inside: " + spec.train_labels);
  if (!spec.train_labels.empty()) throw UserError("inside: " + spec.train_labels);
  return std::make_unique<NoData>();
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const EngineDoor* stagecoach_engine_door() {
  static constexpr EngineDoor door = {FAKE_BUILD, "avx2", &load, nullptr};
  return &door;
}
