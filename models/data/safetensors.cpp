// SPDX-License-Identifier: Apache-2.0
// Reading and writing safetensors files (https://github.com/huggingface/safetensors, "Format").
#include "models/data/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "models/base/error.h"
#include "models/base/shape.h"
#include "models/data/raw_array.h"

namespace stagecoach {
namespace {

/// Finds a name among many in no time; ordered_json would look at all of them.
using Json = nlohmann::json;

constexpr std::int64_t kLengthBytes = 8;
constexpr std::int64_t kMostHeaderBytes = 100'000'000;  // the format's own limit

/// Objects in the header: itself, a tensor's, its lists; and room for a stranger's metadata.
constexpr int kMostDepth = 16;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  constexpr std::size_t kMostText = 1000;  // names and lists may be as long as the file
  throw UserError(path + ": " + what.substr(0, kMostText) + (what.size() > kMostText ? "..." : ""));
}

double decode_f16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  double value;
  if (exponent == 31) {
    value = fraction ? std::numeric_limits<double>::quiet_NaN()
                     : std::numeric_limits<double>::infinity();
  } else if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else {
    value = std::ldexp(1024 + fraction, exponent - 25);
  }
  return bits & 0x8000 ? -value : value;
}

double decode_bf16(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

template <class E>
double decode_plain(const unsigned char* from) {
  return static_cast<double>(load_element<E>(from));
}

struct Dtype {
  const char* name;
  std::int64_t bytes;
  double (*decode)(const unsigned char* from);
};

constexpr Dtype kDtypes[] = {
    {"F64", 8, decode_plain<double>},
    {"F32", 4, decode_plain<float>},
    {"F16", 2, [](const unsigned char* p) { return decode_f16(load_element<std::uint16_t>(p)); }},
    {"BF16", 2, [](const unsigned char* p) { return decode_bf16(load_element<std::uint16_t>(p)); }},
    {"I64", 8, decode_plain<std::int64_t>},
    {"I32", 4, decode_plain<std::int32_t>},
    {"I16", 2, decode_plain<std::int16_t>},
    {"I8", 1, decode_plain<std::int8_t>},
    {"U8", 1, decode_plain<std::uint8_t>},
};

const Dtype* find_dtype(const std::string& name) {
  for (const Dtype& dtype : kDtypes) {
    if (name == dtype.name) return &dtype;
  }
  return nullptr;
}

/// One tensor of the header, checked against itself but not yet against its neighbours.
struct Entry {
  std::string name;
  const Dtype* dtype = nullptr;
  std::vector<int> shape;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

bool is_count(const Json& value) {
  return value.is_number_unsigned() &&
         value.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max();
}

std::int64_t read_shape(const Json& shape, const std::string& path, Entry& entry) {
  std::int64_t elements = 1;
  for (const Json& size : shape) {
    if (!is_count(size) || size.get<std::int64_t>() > std::numeric_limits<int>::max()) {
      fail(path, "tensor '" + entry.name + "': shape " + shape.dump() +
                     ", sizes must be whole numbers from 0 to 2147483647");
    }
    const auto n = size.get<int>();
    if (n > 0 && elements > std::numeric_limits<std::int64_t>::max() / 8 / n) {
      fail(path, "tensor '" + entry.name + "': shape " + shape.dump() + " is too large");
    }
    elements *= n;
    entry.shape.push_back(n);
  }
  return elements;
}

Entry read_entry(const std::string& name, const Json& json, std::int64_t data_bytes,
                 const std::string& path) {
  const std::string where = "tensor '" + name + "': ";
  if (!json.is_object() || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets")) {
    fail(path, where + "expected an object with dtype, shape and data_offsets");
  }
  Entry entry;
  entry.name = name;
  const Json& dtype = json["dtype"];
  entry.dtype = dtype.is_string() ? find_dtype(dtype.get<std::string>()) : nullptr;
  if (!entry.dtype) {
    fail(path, where + "dtype " + dtype.dump() +
                   ", supported are F64, F32, F16, BF16, I64, I32, I16, I8, U8");
  }
  if (!json["shape"].is_array()) fail(path, where + "shape must be a list of sizes");
  const std::int64_t elements = read_shape(json["shape"], path, entry);
  const Json& offsets = json["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !is_count(offsets[0]) ||
      !is_count(offsets[1])) {
    fail(path, where + "data_offsets " + offsets.dump() + ", expected two whole numbers");
  }
  entry.begin = offsets[0].get<std::int64_t>();
  entry.end = offsets[1].get<std::int64_t>();
  if (entry.begin > entry.end || entry.end > data_bytes) {
    fail(path, where + "data_offsets " + offsets.dump() + " do not lie within the " +
                   std::to_string(data_bytes) + " data bytes of the file (truncated?)");
  }
  if (entry.end - entry.begin != elements * entry.dtype->bytes) {
    fail(path, where + std::to_string(entry.end - entry.begin) + " bytes of data, shape " +
                   to_string(entry.shape) + " of " + entry.dtype->name + " needs " +
                   std::to_string(elements * entry.dtype->bytes));
  }
  return entry;
}

/// Looks at a header before it becomes a tree: how deep it nests, which tensor stands there twice.
/// (A callback of Json::parse would look at all members again at the end of every object.)
struct HeaderWatch : Json::json_sax_t {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth <= kMostDepth; }
  bool start_array(std::size_t) override { return ++depth <= kMostDepth; }
  bool end_object() override { return --depth, true; }
  bool end_array() override { return --depth, true; }
  bool key(string_t& name) override {
    if (depth == 1 && !names.insert(name).second) repeated = name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    problem = std::string("the header is no JSON (") + error.what() + ")";
    return false;
  }

  int depth = 0;
  std::set<std::string> names;
  std::string repeated;
  std::string problem;
};

Json parse_header(const std::string& text, const std::string& path) {
  HeaderWatch watch;
  if (!Json::sax_parse(text, &watch)) {
    fail(path, "not a safetensors file: " + (watch.problem.empty()
                                                 ? "the header is nested deeper than " +
                                                       std::to_string(kMostDepth) + " levels"
                                                 : watch.problem));
  }
  if (!watch.repeated.empty()) fail(path, "tensor '" + watch.repeated + "' is in the header twice");
  Json header = Json::parse(text);
  if (!header.is_object()) fail(path, "not a safetensors file: the header is no JSON object");
  return header;
}

/// The tensors must tile the data: no byte in two of them, none in no tensor.
void check_tiling(std::vector<Entry> entries, std::int64_t data_bytes, const std::string& path) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::make_pair(a.begin, a.end) < std::make_pair(b.begin, b.end);
  });
  std::int64_t reached = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != reached) {
      fail(path, "tensor '" + entry.name + "': data starts at " + std::to_string(entry.begin) +
                     (entry.begin < reached ? ", which overlaps the tensor before; expected "
                                            : ", which leaves a gap; expected ") +
                     std::to_string(reached));
    }
    reached = entry.end;
  }
  if (reached != data_bytes) {
    fail(path, std::to_string(data_bytes) + " bytes of data, the tensors of the header take " +
                   std::to_string(reached));
  }
}

std::vector<unsigned char> read_bytes(std::ifstream& file, std::int64_t count,
                                      const std::string& path) {
  std::vector<unsigned char> bytes(static_cast<std::size_t>(count));
  file.read(reinterpret_cast<char*>(bytes.data()), count);
  if (file.gcount() != count) fail(path, "cannot be read to its end");
  return bytes;
}

std::uint64_t little_endian(const unsigned char* bytes) {
  std::uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

template <class T>
void write_values(std::ostream& file, const std::vector<double>& values) {
  const std::vector<T> converted(values.begin(), values.end());
  file.write(reinterpret_cast<const char*>(converted.data()),
             static_cast<std::streamsize>(converted.size() * sizeof(T)));
}

}  // namespace

TensorMap read_safetensors(const std::string& path) {
  std::error_code error;
  const auto file_size = std::filesystem::file_size(path, error);
  if (error) fail(path, "cannot be read: " + error.message());
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, "cannot be opened");
  const auto file_bytes = static_cast<std::int64_t>(file_size);
  if (file_bytes < kLengthBytes) {
    fail(path, "truncated: " + std::to_string(file_bytes) +
                   " bytes, a safetensors file begins with a header length of 8");
  }
  const std::uint64_t length = little_endian(read_bytes(file, kLengthBytes, path).data());
  const std::int64_t room = std::min(kMostHeaderBytes, file_bytes - kLengthBytes);
  if (length > static_cast<std::uint64_t>(room)) {
    fail(path, "not a safetensors file, or truncated: a header of " + std::to_string(length) +
                   " bytes is promised, at most " + std::to_string(room) + " are possible");
  }
  const auto header_bytes = static_cast<std::int64_t>(length);
  const std::vector<unsigned char> text = read_bytes(file, header_bytes, path);
  const Json header = parse_header(std::string(text.begin(), text.end()), path);
  const std::int64_t data_bytes = file_bytes - kLengthBytes - header_bytes;
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name != "__metadata__") entries.push_back(read_entry(name, json, data_bytes, path));
  }
  check_tiling(entries, data_bytes, path);
  const std::vector<unsigned char> data = read_bytes(file, data_bytes, path);
  TensorMap tensors;
  for (const Entry& entry : entries) {
    HostTensor& tensor = tensors[entry.name];
    tensor.shape = entry.shape;
    tensor.values.reserve(static_cast<std::size_t>((entry.end - entry.begin) / entry.dtype->bytes));
    for (std::int64_t at = entry.begin; at < entry.end; at += entry.dtype->bytes) {
      tensor.values.push_back(entry.dtype->decode(data.data() + at));
    }
  }
  return tensors;
}

void write_safetensors(std::ostream& file, const TensorMap& tensors, SafetensorsType type) {
  const std::size_t bytes = type == SafetensorsType::f32 ? 4 : 8;
  std::string text = "{";
  std::size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    std::size_t elements = 1;
    for (int size : tensor.shape) elements *= static_cast<std::size_t>(size);
    if (elements != tensor.values.size()) {
      throw ModelBug("tensor '" + name + "' of shape " + to_string(tensor.shape) + " has " +
                     std::to_string(tensor.values.size()) + " values");
    }
    const std::size_t end = offset + elements * bytes;
    text += (text.size() > 1 ? "," : "") + Json(name).dump() +
            ":{\"dtype\":" + (type == SafetensorsType::f32 ? "\"F32\"" : "\"F64\"") +
            ",\"shape\":" + Json(tensor.shape).dump() +
            ",\"data_offsets\":" + Json{offset, end}.dump() + "}";
    offset = end;
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data is aligned
  for (int i = 0; i < 8; ++i) file.put(static_cast<char>(text.size() >> 8 * i & 255));
  file << text;
  for (const auto& [name, tensor] : tensors) {
    if (type == SafetensorsType::f32) {
      write_values<float>(file, tensor.values);
    } else {
      write_values<double>(file, tensor.values);
    }
  }
}

}  // namespace stagecoach
