// SPDX-License-Identifier: Apache-2.0
// The part of JSON Schema that our schemas use, to hold them against the reader.
#pragma once

#include <algorithm>
#include <cmath>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>

#include "sim/config/json_document.h"

namespace stagecoach {
namespace test {

/// Checks one value; `seen` collects the fields that some applicable part of the schema names.
class SchemaValidator {
 public:
  std::string violations;

  bool validate(const Json& schema, const Json& value, const std::string& at,
                std::set<std::string>& seen) {
    if (schema.is_boolean()) return schema.get<bool>();
    const std::size_t before = violations.size();
    for (const auto& keyword : schema.items()) {
      apply(keyword.key(), keyword.value(), schema, value, at, seen);
    }
    // Last, since it depends on everything beside it.
    if (schema.value("unevaluatedProperties", true) == false && value.is_object()) {
      for (const auto& field : value.items()) {
        require(seen.count(field.key()) > 0, at + "/" + field.key() + ": unknown field");
      }
    }
    return violations.size() == before;
  }

 private:
  void require(bool holds, const std::string& what) {
    if (!holds) violations += what + "\n";
  }

  static bool passes(const Json& schema, const Json& value, std::set<std::string>& seen) {
    SchemaValidator trial;
    return trial.validate(schema, value, "", seen);
  }

  static bool is_type(const std::string& type, const Json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "number") return value.is_number();
    if (type == "integer") {
      return value.is_number_integer() ||
             (value.is_number_float() && value.get<double>() == std::floor(value.get<double>()));
    }
    throw std::logic_error("schema type " + type);
  }

  void apply(const std::string& keyword, const Json& argument, const Json& schema,
             const Json& value, const std::string& at, std::set<std::string>& seen) {
    const std::string where = at + ": " + keyword;
    const double number = value.is_number() ? value.get<double>() : 0;
    if (keyword == "type") {
      require(is_type(argument, value), where);
    } else if (keyword == "const") {
      require(value == argument, where);
    } else if (keyword == "enum") {
      require(std::find(argument.begin(), argument.end(), value) != argument.end(), where);
    } else if (keyword == "minimum") {
      require(!value.is_number() || number >= argument.get<double>(), where);
    } else if (keyword == "maximum") {
      require(!value.is_number() || number <= argument.get<double>(), where);
    } else if (keyword == "exclusiveMinimum") {
      require(!value.is_number() || number > argument.get<double>(), where);
    } else if (keyword == "exclusiveMaximum") {
      require(!value.is_number() || number < argument.get<double>(), where);
    } else if (keyword == "minItems") {
      require(!value.is_array() || value.size() >= argument.get<std::size_t>(), where);
    } else if (keyword == "maxItems") {
      require(!value.is_array() || value.size() <= argument.get<std::size_t>(), where);
    } else if (keyword == "items") {
      items(argument, value, at);
    } else if (keyword == "properties" || keyword == "patternProperties") {
      properties(keyword, argument, value, at, seen);
    } else if (keyword == "required") {
      for (const auto& key : argument) {
        require(!value.is_object() || value.contains(key.get<std::string>()), where);
      }
    } else if (keyword == "anyOf") {
      bool any = false;
      for (const Json& choice : argument) any |= passes(choice, value, seen);
      require(any, where);
    } else if (keyword == "allOf") {
      for (const Json& part : argument) validate(part, value, at, seen);
    } else if (keyword == "if") {
      std::set<std::string> tested;
      if (passes(argument, value, tested)) validate(schema.at("then"), value, at, seen);
    } else if (keyword != "then" && keyword != "unevaluatedProperties" && keyword != "default" &&
               keyword != "description" && keyword != "title" && keyword != "$schema") {
      throw std::logic_error("schema keyword " + keyword);
    }
  }

  void items(const Json& schema, const Json& value, const std::string& at) {
    if (!value.is_array()) return;
    for (std::size_t i = 0; i < value.size(); ++i) {
      std::set<std::string> inner;
      validate(schema, value[i], at + "/" + std::to_string(i), inner);
    }
  }

  void properties(const std::string& keyword, const Json& schemas, const Json& value,
                  const std::string& at, std::set<std::string>& seen) {
    if (!value.is_object()) return;
    for (const auto& entry : schemas.items()) {
      const std::regex pattern(keyword == "properties" ? "\\$?" + entry.key() : entry.key());
      for (const auto& field : value.items()) {
        const bool named = keyword == "properties" ? field.key() == entry.key()
                                                   : std::regex_search(field.key(), pattern);
        if (!named) continue;
        seen.insert(field.key());
        std::set<std::string> inner;
        validate(entry.value(), field.value(), at + "/" + field.key(), inner);
      }
    }
  }
};

/// All violations as text; "" if there is none.
inline std::string schema_violations(const Json& schema, const Json& value) {
  SchemaValidator validator;
  std::set<std::string> seen;
  validator.validate(schema, value, "", seen);
  return validator.violations;
}

}  // namespace test
}  // namespace stagecoach
