// SPDX-License-Identifier: Apache-2.0
#include "sim/config/codec.h"

#include <algorithm>
#include <cmath>

namespace stagecoach {
namespace {

void collect_words(const TypeInfo& type, std::vector<std::string>& words) {
  for (const WordInfo& w : type.words) words.push_back(w.word);
  for (const TypePtr& choice : type.choices) collect_words(*choice, words);
}

}  // namespace

void Place::report_value(const Json& found, const TypeInfo& type) const {
  if (issues_->full()) return report("");  // only counted
  std::string hint;
  if (found.is_string()) {
    std::vector<std::string> words;
    collect_words(type, words);
    hint = did_you_mean(found.get_ref<const std::string&>(), words);
  }
  report("found " + shown(found) + "; allowed: " + type.allowed() + hint);
}

bool type_matches(const Json& value, const TypeInfo& type) {
  switch (type.kind) {
    case TypeKind::boolean:
      return value.is_boolean();
    case TypeKind::integer:
    case TypeKind::number:
      return value.is_number();
    case TypeKind::text:
    case TypeKind::word:
      return value.is_string();
    case TypeKind::list:
      return value.is_array();
    case TypeKind::object:
      return value.is_object();
    case TypeKind::one_of:
      return std::any_of(type.choices.begin(), type.choices.end(),
                         [&](const TypePtr& choice) { return type_matches(value, *choice); });
  }
  return false;
}

bool read_integer(const Json& value, const Place& at, const TypeInfo& type, std::int64_t& out) {
  bool whole = false;
  if (value.is_number_unsigned()) {
    const auto raw = value.get<std::uint64_t>();
    whole = raw <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    out = static_cast<std::int64_t>(raw);
  } else if (value.is_number_integer()) {
    out = value.get<std::int64_t>();
    whole = true;
  } else if (value.is_number_float()) {
    const auto raw = value.get<double>();
    // Up to 2^53 a double names one integer.
    whole = raw == std::floor(raw) && std::abs(raw) <= 9007199254740992.0;
    if (whole) out = static_cast<std::int64_t>(raw);
  }
  if (whole && out >= type.minimum && out <= type.maximum) return true;
  at.report_value(value, type);
  return false;
}

bool read_number(const Json& value, const Place& at, const TypeInfo& type, double& out) {
  if (value.is_number()) {
    const auto raw = value.get<double>();
    if (type.range.holds(raw)) {
      out = raw;
      return true;
    }
  }
  at.report_value(value, type);
  return false;
}

IntegerType integer(std::int64_t minimum, std::int64_t maximum, std::string unit) {
  return {minimum, maximum, std::move(unit)};
}

IntegerType count(std::int64_t minimum, std::string unit) {
  return {minimum, std::numeric_limits<std::int64_t>::max(), std::move(unit)};
}

Codec<double> number(Range range, std::string unit) {
  auto info = std::make_shared<TypeInfo>();
  info->kind = TypeKind::number;
  info->unit = std::move(unit);
  info->range = range;
  Codec<double> codec;
  codec.info = info;
  codec.read = [info](const Json& value, const Place& at, double& out) {
    return read_number(value, at, *info, out);
  };
  codec.write = [](const double& value) {
    // 1 rather than 1.0: as a person writes it.
    if (value == std::floor(value) && std::abs(value) < 9007199254740992.0) {
      return OrderedJson(static_cast<std::int64_t>(value));
    }
    return OrderedJson(value);
  };
  codec.expresses = [info](const double& value) { return info->range.holds(value); };
  return codec;
}

Codec<bool> boolean() {
  auto info = std::make_shared<TypeInfo>();
  info->kind = TypeKind::boolean;
  Codec<bool> codec;
  codec.info = info;
  codec.read = [info](const Json& value, const Place& at, bool& out) {
    if (!value.is_boolean()) {
      at.report_value(value, *info);
      return false;
    }
    out = value.get<bool>();
    return true;
  };
  codec.write = [](const bool& value) { return OrderedJson(value); };
  return codec;
}

Codec<std::string> text() {
  auto info = std::make_shared<TypeInfo>();
  info->kind = TypeKind::text;
  Codec<std::string> codec;
  codec.info = info;
  codec.read = [info](const Json& value, const Place& at, std::string& out) {
    if (!value.is_string()) {
      at.report_value(value, *info);
      return false;
    }
    out = value.get<std::string>();
    return true;
  };
  codec.write = [](const std::string& value) { return OrderedJson(value); };
  return codec;
}

}  // namespace stagecoach
