// SPDX-License-Identifier: Apache-2.0
// A stream buffer over a file descriptor, which the standard library lacks: files opened in ways
// that a path cannot express, and writes whose reason for failing is kept.
#pragma once

#include <array>
#include <cstddef>
#include <streambuf>

namespace stagecoach {

class DescriptorBuffer : public std::streambuf {
 public:
  /// Writes to `descriptor`, which it does not own; what is not flushed is lost.
  explicit DescriptorBuffer(int descriptor);
  DescriptorBuffer(const DescriptorBuffer&) = delete;
  DescriptorBuffer& operator=(const DescriptorBuffer&) = delete;

  /// errno of the first write that failed; 0: none has. After a failure nothing is written.
  int failure() const { return failure_; }

 protected:
  int_type overflow(int_type c) override;
  int sync() override;

 private:
  bool flush();

  int descriptor_;
  int failure_ = 0;
  std::array<char, 1 << 16> buffer_;
};

/// Writes all of it, however many calls that takes. Returns 0, or errno.
int write_all(int descriptor, const char* data, std::size_t size);

}  // namespace stagecoach
