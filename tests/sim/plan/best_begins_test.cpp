// SPDX-License-Identifier: Apache-2.0
// Question: are cuts of long networks still the best ones, and does the search for them look at few
// runs?
#include "sim/plan/best_begins.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <random>

namespace stagecoach {
namespace {

/// Stages with so many cores each, where a run costs its layers' sum and a fixed start.
class Sums : public LoadOfRun {
 public:
  Sums(int layers, std::vector<double> speeds, std::uint64_t seed) : speeds_(std::move(speeds)) {
    std::mt19937_64 random(seed);
    for (int l = 0; l < layers; ++l)
      upto_.push_back(upto_.back() + static_cast<double>(random() % 40));
  }
  double operator()(int k, int first, int end) const override {
    ++asked;
    const double sum =
        upto_[static_cast<std::size_t>(end)] - upto_[static_cast<std::size_t>(first)];
    return 3 + sum / speed(k);
  }
  bool as_before(int k) const override { return speed(k) == speed(k - 1); }
  double slack() const override { return 0; }
  double speed(int k) const { return speeds_[static_cast<std::size_t>(k) % speeds_.size()]; }

  mutable std::int64_t asked = 0;

 private:
  std::vector<double> speeds_, upto_{0};
};

std::pair<double, double> cost_of(const Sums& load, const std::vector<int>& begins, int layers) {
  double greatest = 0, squares = 0;
  for (std::size_t k = 0; k < begins.size(); ++k) {
    const double here =
        load(static_cast<int>(k), begins[k], k + 1 < begins.size() ? begins[k + 1] : layers);
    greatest = std::max(greatest, here);
    squares += here * here;
  }
  return {greatest, squares};
}

/// All ways to begin, tried one by one.
std::pair<double, double> least_by_trial(const Sums& load, int layers, int stages) {
  std::pair<double, double> best{1e300, 1e300};
  std::vector<int> begins{0};
  const std::function<void()> try_from = [&] {
    if (static_cast<int>(begins.size()) == stages) {
      best = std::min(best, cost_of(load, begins, layers));
      return;
    }
    for (int l = begins.back() + 1; l < layers; ++l) {
      begins.push_back(l);
      try_from();
      begins.pop_back();
    }
  };
  try_from();
  return best;
}

TEST_CASE("windows of ends leave the best cuts in, on stages of any speed") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    for (const std::vector<double>& speeds :
         std::vector<std::vector<double>>{{1}, {1, 4}, {2, 1, 1, 8}}) {
      for (const int stages : {1, 2, 4, 8, 9}) {
        CAPTURE(seed, speeds, stages);
        const Sums load(9, speeds, seed);
        const std::vector<int> begins = best_begins(load, 9, stages);
        REQUIRE(static_cast<int>(begins.size()) == stages);
        const auto found = cost_of(load, begins, 9), best = least_by_trial(load, 9, stages);
        CHECK(found.first == best.first);
        CHECK(found.second == Approx(best.second));
      }
    }
  }
}

TEST_CASE("the number of runs looked at grows with the layers, not with their square") {
  const auto asked = [](int layers) {
    const Sums load(layers, {1}, 7);
    best_begins(load, layers, layers / 10);
    return load.asked;
  };
  CHECK(asked(16000) < 9 * asked(2000));
  CHECK(asked(16000) < 16000 * 200);
}

}  // namespace
}  // namespace stagecoach
