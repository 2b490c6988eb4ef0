// SPDX-License-Identifier: Apache-2.0
#include "sim/app/console.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>

namespace stagecoach {
namespace {

constexpr unsigned char kLeadOfControls = 0xc2;  ///< U+0080 to U+009F are c2 80 to c2 9f

bool is_continuation(unsigned char c) { return (c & 0xc0) == 0x80; }

int continuation_bytes(unsigned char lead) {
  if (lead >= 0xf0) return 3;
  if (lead >= 0xe0) return 2;
  return lead >= 0xc0 ? 1 : 0;
}

/// Opens /dev/null as 0, 1 and 2 where they are closed: open(2) takes the lowest number.
void occupy_standard_descriptors() {
  int descriptor = ::open("/dev/null", O_RDWR);
  while (descriptor >= 0 && descriptor <= STDERR_FILENO) descriptor = ::open("/dev/null", O_RDWR);
  if (descriptor >= 0) ::close(descriptor);
}

}  // namespace

bool PrintableBuffer::put(char c) {
  return !traits_type::eq_int_type(next_.sputc(c), traits_type::eof());
}

bool PrintableBuffer::put_escaped(unsigned code) {
  char text[8];
  const int size = std::snprintf(text, sizeof text, "\\u%04x", code);
  return next_.sputn(text, size) == size;
}

PrintableBuffer::int_type PrintableBuffer::overflow(int_type value) {
  if (traits_type::eq_int_type(value, traits_type::eof())) return traits_type::not_eof(value);
  const char c = traits_type::to_char_type(value);
  const auto byte = static_cast<unsigned char>(c);
  bool good = true;
  if (after_c2_) {
    after_c2_ = false;
    continuation_ = 0;
    if (byte >= 0x80 && byte < 0xa0) return put_escaped(byte) ? value : traits_type::eof();
    good = put(static_cast<char>(kLeadOfControls));
    if (is_continuation(byte)) return good && put(c) ? value : traits_type::eof();
  }
  if (byte == kLeadOfControls) {
    after_c2_ = true;
    return value;
  }
  const bool expected = continuation_ > 0 && is_continuation(byte);
  continuation_ = expected ? continuation_ - 1 : continuation_bytes(byte);
  const bool control = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f ||
                       (is_continuation(byte) && !expected);
  good = (control ? put_escaped(byte) : put(c)) && good;
  return good ? value : traits_type::eof();
}

Console::Console()
    : output_(STDOUT_FILENO),
      error_(STDERR_FILENO),
      printable_output_(output_),
      printable_error_(error_) {
  occupy_standard_descriptors();
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  output_before_ = std::cout.rdbuf(&printable_output_);
  error_before_ = std::cerr.rdbuf(&printable_error_);
}

Console::~Console() {
  std::cout.flush();
  std::cout.rdbuf(output_before_);
  std::cerr.rdbuf(error_before_);
}

std::string Console::output_failure() {
  std::cout.flush();
  output_.pubsync();
  if (output_.failure() == 0 || output_.failure() == EPIPE) return "";
  return std::strerror(output_.failure());
}

}  // namespace stagecoach
