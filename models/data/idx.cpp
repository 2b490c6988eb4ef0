// SPDX-License-Identifier: Apache-2.0
// Reading IDX files. The header is checked against the file's size before memory is asked for.
#include "models/data/idx.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "models/data/byte_reader.h"

namespace stagecoach {
namespace {

bool parse_element_type(unsigned char code, ElementType& type) {
  for (ElementType known : {ElementType::u8, ElementType::i8, ElementType::i16, ElementType::i32,
                            ElementType::f32, ElementType::f64}) {
    if (code == static_cast<unsigned char>(known)) {
      type = known;
      return true;
    }
  }
  return false;
}

std::string hex(const unsigned char* bytes, std::int64_t count) {
  std::string text;
  for (std::int64_t i = 0; i < count; ++i) {
    char word[4];
    std::snprintf(word, sizeof word, "%02x ", bytes[i]);
    text += word;
  }
  if (!text.empty()) text.pop_back();
  return text;
}

std::string times(const std::vector<std::int64_t>& dims) {
  std::string text;
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i ? " x " : "") + std::to_string(dims[i]);
  return text;
}

RawArray read_header(ByteReader& file) {
  unsigned char magic[4];
  const std::int64_t got = file.read(magic, 4);
  if (got < 4) {
    file.fail("truncated: " + std::to_string(got) +
              " bytes, an IDX file has a header of at least 8");
  }
  RawArray array;
  if (magic[0] != 0 || magic[1] != 0 || !parse_element_type(magic[2], array.type) ||
      magic[3] == 0) {
    file.fail("not an IDX file: starts with bytes " + hex(magic, 4) +
              "; expected 00 00, an element type (08 09 0b 0c 0d 0e) and a rank of at least 1");
  }
  for (int i = 0; i < magic[3]; ++i) {
    unsigned char size[4];
    if (file.read(size, 4) < 4) {
      file.fail("truncated inside the header: a rank of " + std::to_string(magic[3]) + " needs " +
                std::to_string(4 + 4 * magic[3]) + " bytes");
    }
    array.dims.push_back(std::int64_t{size[0]} << 24 | size[1] << 16 | size[2] << 8 | size[3]);
    if (array.dims.back() == 0) {
      file.fail("size " + std::to_string(i) + " in the header is 0, expected at least 1");
    }
  }
  return array;
}

/// Bytes that follow the header, refused when the file cannot hold them.
std::int64_t content_bytes(const RawArray& array, const ByteReader& file) {
  std::int64_t bytes = element_bytes(array.type);
  for (std::int64_t size : array.dims) {
    // Both factors are below 2^32 times what a file can hold, so the product fits.
    if (bytes > file.most_content_bytes() || size > file.most_content_bytes() / bytes) {
      file.fail("truncated: the header promises " + times(array.dims) + " elements of " +
                std::to_string(element_bytes(array.type)) + " bytes, more than a file of " +
                std::to_string(file.file_bytes()) + " bytes can hold");
    }
    bytes *= size;
  }
  return bytes;
}

void to_native_order(RawArray& array) {
  const int size = element_bytes(array.type);
  if (size == 1) return;
  const std::uint16_t probe = 1;
  if (load_element<unsigned char>(reinterpret_cast<const unsigned char*>(&probe)) == 0) return;
  for (auto at = array.bytes.begin(); at != array.bytes.end(); at += size) {
    std::reverse(at, at + size);
  }
}

}  // namespace

IdxFile read_idx(const std::string& path, const std::string& role, std::int64_t most_items) {
  ByteReader file(path, role);
  IdxFile result;
  RawArray& array = result.array;
  array = read_header(file);
  const std::int64_t all = content_bytes(array, file);
  const std::int64_t header = 4 + 4 * static_cast<std::int64_t>(array.dims.size());
  const std::string promise =
      "the header promises " + times(array.dims) + " elements (" + std::to_string(all) + " bytes)";
  if (!file.compressed() && file.file_bytes() < header + all) {
    file.fail("truncated: " + promise + ", " + std::to_string(file.file_bytes() - header) +
              " follow it");
  }
  if (!file.compressed() && file.file_bytes() > header + all) {
    file.fail("too long: " + promise + ", " + std::to_string(file.file_bytes() - header) +
              " follow it");
  }
  result.items_in_file = array.items();
  const std::int64_t items = most_items < 0 ? array.items() : std::min(array.items(), most_items);
  const std::int64_t wanted = all / array.items() * items;
  std::int64_t got = file.append(array.bytes, wanted);
  // Past a cap, too: whether a file is whole does not depend on how much of it is used.
  if (file.compressed()) got += file.skip(all - wanted);
  if (got < (file.compressed() ? all : wanted)) {
    file.fail("truncated: " + promise + ", " + std::to_string(got) + " follow it");
  }
  // Reading on also makes zlib check the sum at the end.
  if (file.compressed() && file.skip(1) != 0)
    file.fail("too long: " + promise + ", more follow it");
  array.dims[0] = items;
  to_native_order(array);
  return result;
}

}  // namespace stagecoach
