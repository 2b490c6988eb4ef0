// SPDX-License-Identifier: Apache-2.0
// Values and parameters as Eigen sees them: channels by pixels, in whole vectors of channels.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "models/base/tensor.h"

namespace stagecoach {

/// kLanes<T> neighbouring channels: one register, and Eigen knows its size.
template <class T>
using Lanes = Eigen::Array<std::remove_const_t<T>, kLanes<T>, 1>;
/// The same in double, for sums.
template <class T>
using WideLanes = Eigen::Array<double, kLanes<T>, 1>;

template <class T>
using Matrix = Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic>;

namespace maps_detail {
template <class T, class Plain>
using SameConst = std::conditional_t<std::is_const_v<T>, const Plain, Plain>;
}  // namespace maps_detail

template <class T>
using LanesMap = Eigen::Map<maps_detail::SameConst<T, Lanes<T>>, Eigen::AlignedMax>;
template <class T>
using MatrixMap =
    Eigen::Map<maps_detail::SameConst<T, Matrix<T>>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
using ArrayMap =
    Eigen::Map<maps_detail::SameConst<T, Eigen::Array<std::remove_const_t<T>, Eigen::Dynamic, 1>>>;

/// The vector of channels at p, which is aligned.
template <class T>
LanesMap<T> lanes(T* p) {
  return LanesMap<T>(p);
}

/// `count` numbers at p.
template <class T>
ArrayMap<T> numbers(T* p, std::int64_t count) {
  return ArrayMap<T>(p, count);
}

/// Calls body(maps of some elements...) for all n, so few at a time that what one expression wrote
/// is in the first-level cache for the next; of null pointers come empty maps.
template <class Body, class... Ts>
inline void in_pieces(std::int64_t n, Body&& body, Ts*... p) {
  constexpr std::int64_t kPiece = 512;
  for (std::int64_t i = 0; i < n; i += kPiece)
    body(numbers(p ? p + i : nullptr, p ? std::min(kPiece, n - i) : 0)...);
}

/// Row y of sample n: channels by columns.
template <class T>
MatrixMap<T> row(const View<T>& v, int n, int y) {
  return {v.pixel(n, y, 0), v.channels, v.width, Eigen::OuterStride<>(v.pixel_stride)};
}

/// Channels by samples of a rank-1 value.
template <class T>
MatrixMap<T> samples(const View<T>& v) {
  return {v.data, v.channels, v.batch, Eigen::OuterStride<>(v.sample_stride)};
}

/// Sample n alone.
template <class T>
View<T> sample(View<T> v, int n) {
  v.data = v.data ? v.sample(n) : nullptr;
  v.batch = 1;
  return v;
}

/// Zeroes the lanes behind the last channel.
template <class T>
void clear_pads(const View<T>& v) {
  const std::int64_t pads = padded<T>(v.channels) - v.channels;
  if (pads == 0) return;
  for (int n = 0; n < v.batch; ++n)
    for (int y = 0; y < v.height; ++y)
      for (int x = 0; x < v.width; ++x) std::fill_n(v.pixel(n, y, x) + v.channels, pads, T(0));
}

/// to = value, or to += value.
template <class To, class Value>
inline void give(To&& to, const Value& value, bool add) {
  if (add)
    to += value;
  else
    to = value;
}

/// Calls body(i) for every lane, for choices that Eigen's select() takes by branches. GCC makes one
/// vector operation of the loop, unless it unrolls it first.
template <class T, class Body>
inline void for_each_lane(Body&& body) {
#pragma GCC unroll 1
  for (int i = 0; i < kLanes<T>; ++i) body(i);
}

/// The lanes of v for which keep(lane), and zero in the others.
template <class T, class Keep>
inline Lanes<T> lanes_where(const Lanes<T>& v, Keep&& keep) {
  Lanes<T> result;
  for_each_lane<T>([&](int i) {
    const T value = v[i];  // read in any case: else it is a masked load, from memory
    result[i] = keep(i) ? value : T(0);
  });
  return result;
}

/// True if the view's samples follow each other without gaps (no halo).
template <class T>
bool is_dense(const View<T>& v) {
  return v.row_stride == v.width * v.pixel_stride &&
         (v.batch == 1 || v.sample_stride == v.height * v.row_stride);
}

/// Calls body(lanes of each view...) for all vectors of the interiors, pad lanes included. The
/// views have equal shapes and, like every Layout, equal pixel strides.
template <class Body, class T, class... Ts>
inline void for_each_lanes(Body&& body, const View<T>& first, const View<Ts>&... rest) {
  // A dense view is one long row: the body is compiled once.
  const bool dense = is_dense(first) && (is_dense(rest) && ...);
  const int samples = dense ? 1 : first.batch, rows = dense ? 1 : first.height;
  const std::int64_t count =
      first.width * first.pixel_stride * (dense ? std::int64_t{first.batch} * first.height : 1);
  const auto run = [&body, count](auto*... p) {
    for (std::int64_t i = 0; i < count; i += kLanes<T>) body(lanes(p + i)...);
  };
  for (int n = 0; n < samples; ++n)
    for (int y = 0; y < rows; ++y) run(first.pixel(n, y, 0), rest.pixel(n, y, 0)...);
}

/// A vector of channels that moves from pixel to pixel.
template <class T>
struct PixelCursor {
  T* at;
  std::int64_t step;

  PixelCursor(const View<T>& v, int n, int y, std::int64_t channel)
      : at(v.pixel(n, y, 0) + channel), step(v.pixel_stride) {}
  LanesMap<T> ahead(int pixels) const { return lanes(at + pixels * step); }
  void move(int pixels) { at += pixels * step; }
};

/// Calls body(lanes of each view...) for channels [channel, channel + kLanes) of every pixel.
template <class Body, class T, class... Ts>
inline void for_each_pixel(std::int64_t channel, Body&& body, const View<T>& first,
                           const View<Ts>&... rest) {
  const auto run = [&body, width = first.width](auto... cursor) {
#pragma GCC unroll 4
    for (int x = 0; x < width; ++x, (cursor.move(1), ...)) body(cursor.ahead(0)...);
  };
  for (int n = 0; n < first.batch; ++n)
    for (int y = 0; y < first.height; ++y)
      run(PixelCursor<T>(first, n, y, channel), PixelCursor<Ts>(rest, n, y, channel)...);
}

/// sum += term; `lost` gathers what rounding loses (Knuth's two-sum). Both together are as exact as
/// a sum in twice the digits.
template <class T, class Sum>
inline void add_compensated(Sum&& sum, Sum&& lost, const Lanes<T>& term) {
  const Lanes<T> after = sum + term, added = after - sum;
  lost += (sum - (after - added)) + (term - added);
  sum = after;
}

/// The same for `count` numbers and any number of terms: what was lost is tried again with the next
/// term, and would itself lose digits over a million.
template <class T>
inline void add_compensated(T* sum, T* lost, const T* term, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const T more = term[i] + lost[i], before = sum[i], after = before + more;
    const T added = after - before;
    lost[i] = (before - (after - added)) + (more - added);
    sum[i] = after;
  }
}

/// v = 0 as one store. (setZero() on arrays of lanes becomes scalar stores, for which the loads of
/// whole vectors have to wait.)
template <class AnyLanes>
inline void clear(AnyLanes& v) {
  using T = typename AnyLanes::Scalar;
  using Packet = typename Eigen::internal::packet_traits<T>::type;
  Eigen::internal::pstore(v.data(), Eigen::internal::pset1<Packet>(T(0)));
}

/// Plain sums that do not wait for each other: an addition takes several cycles to complete.
constexpr int kChains = 4;
/// Pixels that are summed plainly. Sums of blocks are compensated, so that no sum loses more than
/// a few units in T's last place, however large the image.
constexpr int kBlockPixels = 32;

/// N sums over all pixels, for channels [channel, channel + kLanes): term(sums, lanes of each
/// view...) adds what a pixel has to N vectors of lanes. Calls end(i, sum, lost) for each; sum +
/// lost is the result, and `lost` is what rounding took.
template <int N, class End, class Term, class T, class... Ts>
inline void compensated_pixel_sums(std::int64_t channel, End&& end, Term&& term,
                                   const View<T>& first, const View<Ts>&... rest) {
  Lanes<T> total[N], lost[N], chains[kChains][N];
  for (int i = 0; i < N; ++i) {
    clear(total[i]);
    clear(lost[i]);
    for (auto& chain : chains) clear(chain[i]);
  }
  int gathered = 0;
  const auto end_block = [&] {
    for (int i = 0; i < N; ++i) {
      add_compensated<T>(total[i], lost[i],
                         (chains[0][i] + chains[1][i]) + (chains[2][i] + chains[3][i]));
      for (auto& chain : chains) clear(chain[i]);
    }
    gathered = 0;
  };
  const auto run = [&](std::int64_t pixels, auto... cursor) {
    while (pixels > 0) {
      int count = static_cast<int>(std::min<std::int64_t>(kBlockPixels, pixels));
      pixels -= count;
      if (gathered + count > kBlockPixels) end_block();
      gathered += count;
#pragma GCC unroll 1
      for (; count >= kChains; count -= kChains, (cursor.move(kChains), ...)) {
#pragma GCC unroll 4
        for (int k = 0; k < kChains; ++k) term(chains[k], cursor.ahead(k)...);
      }
#pragma GCC unroll 1
      for (; count > 0; --count, (cursor.move(1), ...)) term(chains[0], cursor.ahead(0)...);
    }
  };
  const bool dense = is_dense(first) && (is_dense(rest) && ...);
  const int samples = dense ? 1 : first.batch, rows = dense ? 1 : first.height;
  const std::int64_t pixels =
      first.width * (dense ? std::int64_t{first.batch} * first.height : std::int64_t{1});
  for (int n = 0; n < samples; ++n)
    for (int y = 0; y < rows; ++y)
      run(pixels, PixelCursor<T>(first, n, y, channel), PixelCursor<Ts>(rest, n, y, channel)...);
  end_block();
  for (int i = 0; i < N; ++i) end(i, total[i], lost[i]);
}

/// The same sums in double.
template <int N, class Term, class T, class... Ts>
inline std::array<WideLanes<T>, N> pixel_sums(std::int64_t channel, Term&& term,
                                              const View<T>& first, const View<Ts>&... rest) {
  std::array<WideLanes<T>, N> sums;
  compensated_pixel_sums<N>(
      channel,
      [&](int i, const auto& sum, const auto& lost) {
        sums[i] = sum.template cast<double>() + lost.template cast<double>();
      },
      term, first, rest...);
  return sums;
}

/// The sum over all pixels of term(lanes), which may be an expression of T or of double: it is
/// taken in double where T's range does not hold it.
template <class Term, class T>
inline WideLanes<T> pixel_sum(std::int64_t channel, Term&& term, const View<T>& x) {
  WideLanes<T> sum = pixel_sums<1>(
      channel, [&](auto& s, auto v) { s[0] += term(v); }, x)[0];
  if (std::isfinite(sum.sum())) return sum;
  sum.setZero();
  for_each_pixel(
      channel, [&](auto v) { sum += term(v.template cast<double>()); }, x);
  return sum;
}

/// to[c] (= or +=) the sum of channel c over all pixels, pad lanes included.
template <class T>
inline void sum_of_pixels(const View<const T>& v, T* to, bool add) {
  for (std::int64_t c = 0; c < padded<T>(v.channels); c += kLanes<T>)
    compensated_pixel_sums<1>(
        c, [&](int, const auto& sum, const auto& lost) { give(lanes(to + c), sum + lost, add); },
        [](auto& sum, auto x) { sum[0] += x; }, v);
}

}  // namespace stagecoach
