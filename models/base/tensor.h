// SPDX-License-Identifier: Apache-2.0
// How values lie in memory. Channels last: [sample][row][column][channel], the channel dimension
// rounded up to whole vectors (pad lanes hold anything finite in forward values, zero in
// gradients), a halo of zeros around the image where a reader asks for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "models/base/shape.h"

namespace stagecoach {

/// Bytes of the widest vector the build targets; every buffer is aligned to 64 bytes anyway.
#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

/// n rounded up to whole vectors of T.
template <class T>
constexpr std::int64_t padded(std::int64_t n) {
  return (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

/// A window on a value (or a gradient) of `batch` samples. `data` is channel 0 of pixel (0,0) of
/// sample 0; rows and samples may be further apart than their contents (halo). Strides count
/// elements. A null view (data == nullptr) means "not wanted".
template <class T>
struct View {
  T* data = nullptr;
  int batch = 0;
  int channels = 0;  ///< real ones; pixel_stride >= channels
  int height = 0;
  int width = 0;
  std::int64_t pixel_stride = 0;
  std::int64_t row_stride = 0;
  std::int64_t sample_stride = 0;

  T* pixel(int n, int y, int x) const {
    return data + n * sample_stride + y * row_stride + x * pixel_stride;
  }
  T* sample(int n) const { return data + n * sample_stride; }
  explicit operator bool() const { return data != nullptr; }
  operator View<const T>() const {
    return {data, batch, channels, height, width, pixel_stride, row_stride, sample_stride};
  }
};

/// Where a value of a given shape and halo lies inside a buffer.
template <class T>
struct Layout {
  Shape shape;
  int halo = 0;
  std::int64_t pixel_stride = 0;
  std::int64_t row_stride = 0;
  std::int64_t sample_stride = 0;

  Layout() = default;
  Layout(const Shape& s, int halo_width) : shape(s), halo(halo_width) {
    pixel_stride = padded<T>(s.channels);
    row_stride = pixel_stride * (s.width + 2 * halo);
    sample_stride = row_stride * (s.height + 2 * halo);
  }
  /// Elements of a buffer for `batch` samples.
  std::int64_t size(int batch) const { return sample_stride * batch; }
  /// U: T, or const T.
  template <class U>
  View<U> view(U* buffer, int batch) const {
    U* origin = buffer ? buffer + halo * (row_stride + pixel_stride) : nullptr;
    return {origin,      batch,        shape.channels, shape.height,
            shape.width, pixel_stride, row_stride,     sample_stride};
  }
};

/// Owns zeroed, 64-byte aligned elements.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::int64_t size) : size_(size) {
    if (size == 0) return;
    const std::size_t bytes = (static_cast<std::size_t>(size) * sizeof(T) + 127) / 64 * 64;
    void* p = std::aligned_alloc(64, bytes);
    if (!p) throw std::bad_alloc();
    std::memset(p, 0, bytes);
    data_.reset(static_cast<T*>(p));
  }
  T* data() const { return data_.get(); }
  std::int64_t size() const { return size_; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
  std::int64_t size_ = 0;
};

}  // namespace stagecoach
