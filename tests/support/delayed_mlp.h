// SPDX-License-Identifier: Apache-2.0
// An independent, straightforward re-computation of pipelined training: a tanh multi-layer
// perceptron without biases, one linear layer a stage, squared loss, plain double loops, and the
// queues of every stage written out. Shares no code with the engine.
#pragma once

#include <cmath>
#include <deque>
#include <functional>
#include <vector>

namespace stagecoach::test {

using Vec = std::vector<double>;
using Mat = std::vector<Vec>;  ///< [out][in]

/// Per-stage constants of the rules under test; all formulas as in the papers.
struct ReferenceRule {
  double learning_rate = 0.1, momentum = 0.9, weight_decay = 0;
  double a = 1, b = 0;            ///< w -= lr (a v + b g)
  double velocity_horizon = 0;    ///< forward reads w - lr T v
  double difference_horizon = 0;  ///< forward reads w + T (w - w_before)
  double backward_horizon = 0;    ///< backward reads w - lr T v
  double span = 0, gamma = 0;     ///< PipeMare T2
  double shrink = 1;              ///< on the gradient a stage receives from the next
  bool stash = false;
  bool recompute = false;  ///< the backward finds y again, with the weights that it reads
};

class DelayedMlp {
 public:
  DelayedMlp(std::vector<Mat> weights, std::vector<ReferenceRule> rules)
      : w_(std::move(weights)), before_(w_), rules_(std::move(rules)) {
    for (const Mat& m : w_) {
      v_.push_back(zeros(m));
      delta_.push_back(zeros(m));
    }
  }
  /// Called before every update with the updates that the stage made since the forward whose
  /// gradient it applies; may change the stage's rule.
  void on_delay(std::function<void(ReferenceRule&, int delay, int stage)> change) {
    on_delay_ = std::move(change);
  }
  static Mat zeros(const Mat& m) { return Mat(m.size(), Vec(m[0].size(), 0.0)); }

  /// Forward of one stage: queues what the backward needs. The last stage has no tanh.
  Vec forward(int k, const Vec& x) {
    const ReferenceRule& r = rules_[k];
    Mat read = w_[k];
    for (std::size_t o = 0; o < read.size(); ++o)
      for (std::size_t i = 0; i < read[o].size(); ++i)
        read[o][i] += -r.learning_rate * r.velocity_horizon * v_[k][o][i] +
                      r.difference_horizon * (w_[k][o][i] - before_[k][o][i]);
    const Vec y = outputs(k, read, x);
    queue(k).push_back({x, y, read, updates(k)});
    return y;
  }

  /// Backward and update of the oldest queued sample; returns the gradient for the stage before.
  Vec backward(int k, Vec dy) {
    Entry e = queue(k).front();
    queue(k).pop_front();
    if (on_delay_) on_delay_(rules_[k], updates(k)++ - e.updates, k);
    const ReferenceRule& r = rules_[k];
    const Mat read = backward_weights(k, e);
    if (r.recompute) e.y = outputs(k, read, e.x);
    if (k + 1 < static_cast<int>(w_.size()))
      for (std::size_t o = 0; o < dy.size(); ++o) dy[o] *= r.shrink * (1 - e.y[o] * e.y[o]);
    Vec dx(e.x.size(), 0.0);
    Mat gradient = zeros(w_[k]);
    for (std::size_t o = 0; o < dy.size(); ++o)
      for (std::size_t i = 0; i < dx.size(); ++i) {
        dx[i] += read[o][i] * dy[o];
        gradient[o][i] = dy[o] * e.x[i];
      }
    before_[k] = w_[k];
    for (std::size_t o = 0; o < dy.size(); ++o)
      for (std::size_t i = 0; i < dx.size(); ++i) {
        const double g = gradient[o][i] + r.weight_decay * w_[k][o][i];
        v_[k][o][i] = r.momentum * v_[k][o][i] + g;
        w_[k][o][i] -= r.learning_rate * (r.a * v_[k][o][i] + r.b * g);
        delta_[k][o][i] =
            r.gamma * delta_[k][o][i] + (1 - r.gamma) * (w_[k][o][i] - before_[k][o][i]);
      }
    return dx;
  }

  /// Pipelined backpropagation of all samples, tick by tick.
  void train(const std::vector<Vec>& inputs, const std::vector<Vec>& targets) {
    const int stages = static_cast<int>(w_.size());
    const int n = static_cast<int>(inputs.size());
    std::vector<std::deque<Vec>> down(stages + 1), up(stages + 1);
    std::deque<Vec> outputs;
    for (int tick = 0; tick < n + 2 * stages - 2; ++tick) {
      std::vector<Vec> made_down(stages), made_up(stages);
      for (int k = 0; k < stages; ++k) {
        const int f = tick - k, b = tick - 2 * (stages - 1) + k;
        if (f >= 0 && f < n) {
          Vec x = inputs[f];
          if (k > 0) {
            x = down[k].front();
            down[k].pop_front();
          }
          made_down[k] = forward(k, x);
        }
        if (b >= 0 && b < n) {
          Vec dy;
          if (k == stages - 1) {
            dy = made_down[k];
            for (std::size_t o = 0; o < dy.size(); ++o) dy[o] -= targets[b][o];
          } else {
            dy = up[k].front();
            up[k].pop_front();
          }
          made_up[k] = backward(k, dy);
        }
      }
      for (int k = 0; k < stages; ++k) {
        if (!made_down[k].empty() && k + 1 < stages) down[k + 1].push_back(made_down[k]);
        if (!made_up[k].empty() && k > 0) up[k - 1].push_back(made_up[k]);
      }
    }
  }

  const std::vector<Mat>& weights() const { return w_; }

 private:
  struct Entry {
    Vec x, y;
    Mat read;
    int updates = 0;
  };
  Vec outputs(int k, const Mat& read, const Vec& x) const {
    Vec y(read.size(), 0.0);
    for (std::size_t o = 0; o < y.size(); ++o) {
      for (std::size_t i = 0; i < x.size(); ++i) y[o] += read[o][i] * x[i];
      if (k + 1 < static_cast<int>(w_.size())) y[o] = std::tanh(y[o]);
    }
    return y;
  }
  Mat backward_weights(int k, const Entry& e) const {
    const ReferenceRule& r = rules_[k];
    if (r.stash) return e.read;
    Mat read = w_[k];
    for (std::size_t o = 0; o < read.size(); ++o)
      for (std::size_t i = 0; i < read[o].size(); ++i)
        read[o][i] = w_[k][o][i] - r.learning_rate * r.backward_horizon * v_[k][o][i] -
                     r.span * delta_[k][o][i];
    return read;
  }
  int& updates(int k) {
    if (updates_.size() < w_.size()) updates_.resize(w_.size());
    return updates_[k];
  }
  std::deque<Entry>& queue(int k) {
    if (queues_.size() < w_.size()) queues_.resize(w_.size());
    return queues_[k];
  }

  std::vector<Mat> w_, before_, v_, delta_;
  std::vector<ReferenceRule> rules_;
  std::vector<std::deque<Entry>> queues_;
  std::vector<int> updates_;
  std::function<void(ReferenceRule&, int, int)> on_delay_;
};

}  // namespace stagecoach::test
