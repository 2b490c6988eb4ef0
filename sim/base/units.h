// SPDX-License-Identifier: Apache-2.0
// Time and data of the simulated machine: counts whose units do not mix, one notion of "unlimited",
// and the only ways from a file's numbers to such counts.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "models/base/rounding.h"

namespace stagecoach {

/// No limit: the largest value of an integer, infinity of a floating-point number.
template <class T>
constexpr T kUnlimited = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                              : std::numeric_limits<T>::max();

/// A whole number of something. Integers become quantities where one is expected; a quantity
/// becomes a plain number only by count() or a cast, and two different ones never meet in an
/// expression.
template <class Unit>
class Quantity {
 public:
  using Count = std::int64_t;
  template <class I>
  using WholeNumber = std::enable_if_t<std::is_integral<I>::value>;

  constexpr Quantity() = default;
  template <class I, class = WholeNumber<I>>
  constexpr Quantity(I count) : count_(static_cast<Count>(count)) {}  // NOLINT: see above

  constexpr Count count() const { return count_; }
  template <class N, class = std::enable_if_t<std::is_arithmetic<N>::value>>
  constexpr explicit operator N() const {
    return static_cast<N>(count_);
  }

  constexpr Quantity& operator+=(Quantity o) { return *this = *this + o; }
  constexpr Quantity& operator-=(Quantity o) { return count_ -= o.count_, *this; }
  constexpr Quantity& operator++() { return ++count_, *this; }
  template <class I, class = WholeNumber<I>>
  constexpr Quantity& operator*=(I n) {
    return *this = *this * n;
  }

  /// Sums and multiples that 63 bits cannot hold are unlimited.
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    Count sum = 0;
    return __builtin_add_overflow(a.count_, b.count_, &sum) ? kMost : sum;
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a.count_ - b.count_; }
  template <class I, class = WholeNumber<I>>
  friend constexpr Quantity operator*(Quantity a, I n) {
    Count product = 0;
    return __builtin_mul_overflow(a.count_, static_cast<Count>(n), &product) ? kMost : product;
  }
  template <class I, class = WholeNumber<I>>
  friend constexpr Quantity operator*(I n, Quantity a) {
    return a * n;
  }
  template <class I, class = WholeNumber<I>>
  friend constexpr Quantity operator/(Quantity a, I n) {
    return a.count_ / static_cast<Count>(n);
  }
  friend constexpr Count operator/(Quantity a, Quantity b) { return a.count_ / b.count_; }
  friend constexpr Quantity operator%(Quantity a, Quantity b) { return a.count_ % b.count_; }
  friend constexpr bool operator==(Quantity a, Quantity b) { return a.count_ == b.count_; }
  friend constexpr bool operator!=(Quantity a, Quantity b) { return a.count_ != b.count_; }
  friend constexpr bool operator<(Quantity a, Quantity b) { return a.count_ < b.count_; }
  friend constexpr bool operator>(Quantity a, Quantity b) { return a.count_ > b.count_; }
  friend constexpr bool operator<=(Quantity a, Quantity b) { return a.count_ <= b.count_; }
  friend constexpr bool operator>=(Quantity a, Quantity b) { return a.count_ >= b.count_; }

 private:
  static constexpr Count kMost = std::numeric_limits<Count>::max();
  Count count_ = 0;
};

template <class Stream, class Unit>
Stream& operator<<(Stream& out, Quantity<Unit> q) {
  out << q.count();
  return out;
}

template <class Unit>
std::string to_string(Quantity<Unit> q) {
  return std::to_string(q.count());
}

/// For nlohmann/json, which finds it by its name.
template <class Json, class Unit>
void to_json(Json& json, Quantity<Unit> q) {
  json = q.count();
}

template <class Unit>
constexpr Quantity<Unit> kUnlimited<Quantity<Unit>> = std::numeric_limits<std::int64_t>::max();

using Cycles = Quantity<struct CyclesUnit>;
using Bytes = Quantity<struct BytesUnit>;

/// Whole cycles or bytes nearest to a number that a file's numbers gave, rounded up or down. A
/// number within a few roundings of an integer is that integer: 145 bytes at 0.29 a cycle take 500
/// cycles, although the quotient of doubles is above 500. What 63 bits cannot hold, infinity
/// included, becomes `unlimited`; a number below zero becomes zero.
template <class Q>
Q rounded_up(double amount) {
  if (!(amount > 0)) return 0;
  const double whole = rounded_ceil(amount);
  return whole < 9.2e18 ? Q(static_cast<std::int64_t>(whole)) : kUnlimited<Q>;
}
template <class Q>
Q rounded_down(double amount) {
  if (!(amount > 0)) return 0;
  return amount < 9.2e18 ? Q(static_cast<std::int64_t>(rounded_floor(amount))) : kUnlimited<Q>;
}

/// The same for a field of whatever type; integers and quantities take the whole part.
template <class N>
N number_from(double value) {
  if constexpr (std::is_arithmetic<N>::value) {
    return static_cast<N>(value);
  } else {
    return rounded_down<N>(value);
  }
}

}  // namespace stagecoach
