// SPDX-License-Identifier: Apache-2.0
// Standard output and error as the program wants them: there, harmless to a terminal, and with a
// word about what could not be written.
#pragma once

#include <streambuf>
#include <string>

#include "sim/files/descriptor_buffer.h"

namespace stagecoach {

/// Hands text on with control characters written out (as `\u001b`), so that a name from a file
/// cannot move a terminal's cursor or set its title. Line ends and tabs pass.
class PrintableBuffer : public std::streambuf {
 public:
  explicit PrintableBuffer(std::streambuf& next) : next_(next) {}

 protected:
  int_type overflow(int_type c) override;
  int sync() override { return next_.pubsync(); }

 private:
  bool put(char c);
  bool put_escaped(unsigned code);

  std::streambuf& next_;
  int continuation_ = 0;   ///< bytes that the UTF-8 character at hand still has
  bool after_c2_ = false;  ///< its first byte, held back: a control character may follow
};

/// For the length of the program; one at a time.
class Console {
 public:
  /// Occupies the descriptors 0 to 2 where they are closed (a file opened later would get their
  /// number and everything that is printed), lets writes to a pipe without a reader and to a file
  /// of the largest size fail instead of ending the program, and puts std::cout and std::cerr
  /// behind a PrintableBuffer.
  Console();
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// Brings everything out. Returns why standard output could not be written; "" if it could, or if
  /// its reader has gone.
  std::string output_failure();

 private:
  DescriptorBuffer output_, error_;
  PrintableBuffer printable_output_, printable_error_;
  std::streambuf* output_before_;
  std::streambuf* error_before_;
};

}  // namespace stagecoach
