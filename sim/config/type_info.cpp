// SPDX-License-Identifier: Apache-2.0
#include "sim/config/type_info.h"

#include <cmath>
#include <limits>

namespace stagecoach {
namespace {

/// Shortest text of a bound: 1, 0.5, 1e+09.
std::string number_text(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  return OrderedJson(value).dump();
}

}  // namespace

bool Range::holds(double value) const {
  if (!std::isfinite(value)) return false;
  if (has_low && (low_excluded ? value <= low : value < low)) return false;
  if (has_high && (high_excluded ? value >= high : value > high)) return false;
  return true;
}

std::string Range::text() const {
  if (has_low && has_high && !low_excluded && !high_excluded) {
    return "from " + number_text(low) + " to " + number_text(high);
  }
  std::string out;
  if (has_low) out = low_excluded ? "above " + number_text(low) : number_text(low) + " or more";
  if (has_high) {
    if (!out.empty()) out += ", ";
    out += (high_excluded ? "below " : "at most ") + number_text(high);
  }
  return out;
}

Range any_number() { return {}; }

Range at_least(double low) {
  Range r;
  r.low = low;
  r.has_low = true;
  return r;
}

Range above(double low) {
  Range r = at_least(low);
  r.low_excluded = true;
  return r;
}

Range between(double low, double high) {
  Range r = at_least(low);
  r.high = high;
  r.has_high = true;
  return r;
}

Range from_below(double low, double high) {
  Range r = between(low, high);
  r.high_excluded = true;
  return r;
}

namespace {
constexpr double kMostQuantity = 1e15;
}  // namespace

Range quantity() { return between(0, kMostQuantity); }

Range positive_quantity() {
  Range r = quantity();
  r.low_excluded = true;
  return r;
}

std::string TypeInfo::allowed() const {
  const std::string with_unit = unit.empty() ? "" : " (" + unit + ")";
  switch (kind) {
    case TypeKind::boolean:
      return "true or false";
    case TypeKind::integer:
      return (maximum == std::numeric_limits<std::int64_t>::max()
                  ? "an integer, " + std::to_string(minimum) + " or more"
                  : "an integer from " + std::to_string(minimum) + " to " +
                        std::to_string(maximum)) +
             with_unit;
    case TypeKind::number: {
      const std::string bounds = range.text();
      return "a number" + (bounds.empty() ? "" : " " + bounds) + with_unit;
    }
    case TypeKind::text:
      return "a string";
    case TypeKind::word: {
      std::vector<std::string> names;
      for (const WordInfo& w : words) names.push_back(w.word);
      return (names.size() == 1 ? "" : "one of ") + quoted_list(names);
    }
    case TypeKind::list: {
      const std::string count = min_items == max_items ? std::to_string(min_items) + " elements"
                                : min_items > 0        ? "at least " + std::to_string(min_items) +
                                                      (min_items == 1 ? " element" : " elements")
                                                : "any number of elements";
      return "a list of " + count + ", each " + item->allowed();
    }
    case TypeKind::object:
      return "an object" + (name.empty() ? "" : " (" + name + ")");
    case TypeKind::one_of: {
      std::string out;
      for (std::size_t i = 0; i < choices.size(); ++i) {
        out += (i == 0 ? "" : ", or ") + choices[i]->allowed();
      }
      return out;
    }
  }
  return "";
}

namespace {

/// All fields of an object, those of its variants too, or none.
std::vector<const FieldInfo*> fields_of(const TypeInfo& type) {
  std::vector<const FieldInfo*> all;
  for (const FieldInfo& field : type.fields) all.push_back(&field);
  for (const VariantInfo& variant : type.variants) {
    for (const FieldInfo& field : variant.fields) all.push_back(&field);
  }
  return all;
}

}  // namespace

std::string pointer_to_field(const TypeInfo& type, const std::string& key) {
  struct At {
    const TypeInfo* type;
    std::string pointer;
  };
  std::vector<At> open{{&type, ""}};
  for (std::size_t i = 0; i < open.size(); ++i) {  // breadth first
    const At at = open[i];
    for (const TypePtr& choice : at.type->choices) open.push_back({choice.get(), at.pointer});
    if (at.type->item) open.push_back({at.type->item.get(), at.pointer + "/*"});
    for (const FieldInfo* field : fields_of(*at.type)) {
      if (field->key == key) return at.pointer + "/" + key;
      open.push_back({field->type.get(), at.pointer + "/" + field->key});
    }
  }
  return "";
}

}  // namespace stagecoach
