// SPDX-License-Identifier: Apache-2.0
// What a field of a configuration file may hold, as data: read by the error messages, the generated
// field tables and the JSON Schema. Made by the codecs (codec.h) and tables (param_table.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/config/json_document.h"

namespace stagecoach {

enum class TypeKind { boolean, integer, number, text, word, list, object, one_of };

struct TypeInfo;
using TypePtr = std::shared_ptr<const TypeInfo>;

/// Bounds of a number.
struct Range {
  double low = 0;
  double high = 0;
  bool has_low = false;
  bool has_high = false;
  bool low_excluded = false;
  bool high_excluded = false;

  bool holds(double value) const;
  /// "1 or more", "above 0 and at most 1", "any number".
  std::string text() const;
};

/// Any finite number; `at_least(0)`; `above(0)`; `between(0, 1)` with both ends;
/// `from_below(0, 1)`: low included, high not.
Range any_number();
Range at_least(double low);
Range above(double low);
Range between(double low, double high);
Range from_below(double low, double high);

/// A physical quantity, 0 included or not, up to 1e15: no unit of these files needs more, and sums
/// and products of them stay finite.
Range quantity();
Range positive_quantity();

struct WordInfo {
  std::string word;
  std::string sentence;  ///< may be empty
};

/// One row of a table.
struct FieldInfo {
  std::string key;
  TypePtr type;
  bool required = false;
  std::string sentence;
  /// For fields that may be absent: the value that stands for absence, or a text if it depends.
  OrderedJson default_value;
  std::string default_text;
  std::string formerly = {};  ///< an older key that is still read; empty: none
};

/// An object that a word selects ("kind": "systolic").
struct VariantInfo {
  std::string word;
  std::string sentence;
  std::vector<FieldInfo> fields;
};

struct TypeInfo {
  TypeKind kind = TypeKind::text;
  std::string unit;              ///< numbers: "MHz", "bytes/cycle"; empty: a pure number
  Range range;                   ///< number
  std::int64_t minimum = 0;      ///< integer
  std::int64_t maximum = 0;      ///< integer
  std::vector<WordInfo> words;   ///< word
  TypePtr item;                  ///< list
  int min_items = 0;             ///< list
  int max_items = 0;             ///< list
  std::vector<TypePtr> choices;  ///< one_of

  std::string name;                   ///< object: what it is called in documents
  std::string sentence;               ///< object
  std::vector<FieldInfo> fields;      ///< object
  std::string tag;                    ///< object: the field that selects a variant; empty: none
  std::vector<VariantInfo> variants;  ///< object

  /// What is allowed, as messages say it: "an integer from 1 to 64", "one of "a", "b"", "an
  /// object".
  std::string allowed() const;
};

/// The place of the first field with this key, outermost objects first: "/training/epochs"; "*"
/// stands for any element of a list. "" if there is none.
std::string pointer_to_field(const TypeInfo& type, const std::string& key);

}  // namespace stagecoach
