// SPDX-License-Identifier: Apache-2.0
// An array of numbers as a data file holds them: compact, typed, in this machine's byte order.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace stagecoach {

/// The element types of an IDX file; the values are the format's type codes.
enum class ElementType : unsigned char {
  u8 = 0x08,
  i8 = 0x09,
  i16 = 0x0B,
  i32 = 0x0C,
  f32 = 0x0D,
  f64 = 0x0E,
};

inline int element_bytes(ElementType type) {
  switch (type) {
    case ElementType::u8:
    case ElementType::i8:
      return 1;
    case ElementType::i16:
      return 2;
    case ElementType::i32:
    case ElementType::f32:
      return 4;
    case ElementType::f64:
      return 8;
  }
  return 0;
}

struct RawArray {
  ElementType type = ElementType::u8;
  std::vector<std::int64_t> dims;  ///< dims[0] counts items (samples), row-major
  std::vector<unsigned char> bytes;

  std::int64_t items() const { return dims.empty() ? 0 : dims[0]; }
  std::int64_t item_elements() const {
    std::int64_t n = 1;
    for (std::size_t i = 1; i < dims.size(); ++i) n *= dims[i];
    return n;
  }
  const unsigned char* item(std::int64_t index) const {
    return bytes.data() + index * item_elements() * element_bytes(type);
  }
};

template <class E>
E load_element(const unsigned char* from) {
  E value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Calls use(E{}) with the C++ type of the elements.
template <class Use>
void with_element_type(ElementType type, Use&& use) {
  switch (type) {
    case ElementType::u8:
      return use(std::uint8_t{});
    case ElementType::i8:
      return use(std::int8_t{});
    case ElementType::i16:
      return use(std::int16_t{});
    case ElementType::i32:
      return use(std::int32_t{});
    case ElementType::f32:
      return use(float{});
    case ElementType::f64:
      return use(double{});
  }
}

}  // namespace stagecoach
