// SPDX-License-Identifier: Apache-2.0
// See descriptor_buffer.h.
#include "sim/files/descriptor_buffer.h"

#include <unistd.h>

#include <cerrno>

namespace stagecoach {

int write_all(int descriptor, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(descriptor, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return 0;
}

DescriptorBuffer::DescriptorBuffer(int descriptor) : descriptor_(descriptor) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

bool DescriptorBuffer::flush() {
  if (failure_ == 0) {
    failure_ = write_all(descriptor_, pbase(), static_cast<std::size_t>(pptr() - pbase()));
  }
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return failure_ == 0;
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type c) {
  if (!flush()) return traits_type::eof();
  if (!traits_type::eq_int_type(c, traits_type::eof())) sputc(traits_type::to_char_type(c));
  return traits_type::not_eof(c);
}

int DescriptorBuffer::sync() { return flush() ? 0 : -1; }

}  // namespace stagecoach
