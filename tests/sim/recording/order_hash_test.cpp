// SPDX-License-Identifier: Apache-2.0
// Question: does the hash tell orders of operations apart, and only what each stage does?
#include "sim/recording/order_hash.h"

#include <catch2/catch.hpp>
#include <set>

namespace stagecoach {
namespace {

struct Everything : OpSink {
  bool emit(const Op&) override { return takes; }
  bool takes = true;
};

std::string order_of(const std::vector<Op>& operations, int stages = 2) {
  Everything sink;
  OrderHash hash(stages, sink);
  for (const Op& op : operations) hash.emit(op);
  return hash.text();
}

const Op kForward0{0, 0, Pass::forward};
const Op kForward1{0, 1, Pass::forward};
const Op kBackward0{0, 0, Pass::backward_with_update};
const Op kBackward1{0, 1, Pass::backward_with_update};
const Op kNext0{1, 0, Pass::forward};

TEST_CASE("the interleaving of stages does not count, the order within each does") {
  const std::string hash = order_of({kForward0, kForward1, kBackward1, kNext0, kBackward0});
  CHECK(hash.size() == 16);
  CHECK(hash == order_of({kForward0, kNext0, kForward1, kBackward1, kBackward0}));
  CHECK(hash != order_of({kForward0, kForward1, kBackward1, kBackward0, kNext0}));
}

TEST_CASE("passes, versions, stages and lengths have hashes of their own") {
  const Op older{1, 0, Pass::forward, 0};
  const Op split{0, 0, Pass::backward};
  const Op update{0, 0, Pass::update};
  const std::set<std::string> hashes = {
      order_of({}),
      order_of({}, 3),
      order_of({kForward0}),
      order_of({kForward1}),
      order_of({kForward0, kNext0}),
      order_of({kForward0, kBackward0, kNext0}),
      order_of({kForward0, kBackward0, older}),
      order_of({kForward0, split, kNext0}),
      order_of({kForward0, split, update, kNext0}),
  };
  CHECK(hashes.size() == 9);
}

TEST_CASE("an operation that was not taken does not count") {
  Everything sink;
  OrderHash hash(2, sink);
  hash.emit(kForward0);
  sink.takes = false;
  CHECK_FALSE(hash.emit(kForward1));
  CHECK(hash.text() == order_of({kForward0}));
}

}  // namespace
}  // namespace stagecoach
