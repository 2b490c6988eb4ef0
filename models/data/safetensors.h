// SPDX-License-Identifier: Apache-2.0
// The safetensors file format: an 8-byte little-endian header length, a JSON header, raw data.
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace stagecoach {

/// A tensor outside the engine: PyTorch's shape and order, always carried in double (exact for
/// every f32, f16 and bf16 value).
struct HostTensor {
  std::vector<int> shape;
  std::vector<double> values;
};

using TensorMap = std::map<std::string, HostTensor>;

/// Reads F64, F32, F16, BF16 tensors, and integers (I64, I32, I16, I8, U8: PyTorch's
/// `num_batches_tracked` is one; exact up to 2^53). Throws UserError naming the file, the tensor
/// and what is wrong: truncated, a header that is no JSON object of tensors, a name given twice,
/// unknown dtype, offsets that overlap, leave a gap, reach past the end or do not fit the shape.
TensorMap read_safetensors(const std::string& path);

enum class SafetensorsType { f32, f64 };

/// Writes all tensors as one type, in map order, deterministic to the byte. Values are rounded to
/// that type. Whether the stream could be written is its owner's to ask.
void write_safetensors(std::ostream& file, const TensorMap& tensors, SafetensorsType type);

}  // namespace stagecoach
