// SPDX-License-Identifier: Apache-2.0
// Enough of Protocol Buffers' wire format to write a trace: varints, fixed64, doubles, and what has
// a length (https://protobuf.dev/programming-guides/encoding).
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace stagecoach {

/// One message, field by field in the order of the calls.
class ProtobufMessage {
 public:
  ProtobufMessage& integer(int field, std::uint64_t value) {
    key(field, 0);
    varint(value);
    return *this;
  }
  /// int64: negative values take ten bytes.
  ProtobufMessage& signed_integer(int field, std::int64_t value) {
    return integer(field, static_cast<std::uint64_t>(value));
  }
  ProtobufMessage& fixed64(int field, std::uint64_t value) {
    key(field, 1);
    for (int byte = 0; byte < 8; ++byte) bytes_ += static_cast<char>(value >> (8 * byte));
    return *this;
  }
  ProtobufMessage& number(int field, double value) {
    std::uint64_t bits = 0;
    static_assert(sizeof bits == sizeof value, "an IEEE double");
    std::memcpy(&bits, &value, sizeof bits);
    return fixed64(field, bits);
  }
  ProtobufMessage& text(int field, const std::string& value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  ProtobufMessage& message(int field, const ProtobufMessage& value) {
    return text(field, value.bytes_);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, unsigned wire_type) {
    varint(static_cast<std::uint64_t>(field) << 3 | wire_type);
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace stagecoach
