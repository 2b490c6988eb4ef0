// SPDX-License-Identifier: Apache-2.0
// JSON Schema from the parameter tables.
#include <limits>

#include "sim/config/field_docs.h"

namespace stagecoach {
namespace {

OrderedJson field_schema(const FieldInfo& field) {
  OrderedJson schema = {{"description", field.sentence}};
  if (!field.required && !field.default_text.empty()) {
    schema["description"] = field.sentence + " Default: " + field.default_text + ".";
  } else if (!field.required && !field.default_value.is_null()) {
    schema["default"] = field.default_value;
  }
  schema.update(schema_json(*field.type));
  return schema;
}

void add_fields(const std::vector<FieldInfo>& fields, OrderedJson& schema) {
  OrderedJson required = OrderedJson::array();
  schema["properties"] = OrderedJson::object();
  for (const FieldInfo& field : fields) {
    schema["properties"][field.key] = field_schema(field);
    if (!field.formerly.empty()) schema["properties"][field.formerly] = schema_json(*field.type);
    if (field.required) required.push_back(field.key);
  }
  if (!required.empty()) schema["required"] = required;
}

/// The condition "the tag is this word"; the default word also holds when the tag is absent.
OrderedJson tag_is(const TypeInfo& type, const std::string& word) {
  OrderedJson condition = {{"properties", {{type.tag, {{"const", word}}}}}};
  for (const FieldInfo& field : type.fields) {
    if (field.key == type.tag && field.default_value != OrderedJson(word)) {
      condition["required"] = OrderedJson::array({type.tag});
    }
  }
  return condition;
}

OrderedJson object_schema(const TypeInfo& type) {
  OrderedJson schema = {{"type", "object"}};
  add_fields(type.fields, schema);
  OrderedJson choices = OrderedJson::array();
  for (const VariantInfo& variant : type.variants) {
    if (variant.fields.empty()) continue;
    OrderedJson then = OrderedJson::object();
    add_fields(variant.fields, then);
    choices.push_back({{"if", tag_is(type, variant.word)}, {"then", std::move(then)}});
  }
  if (!choices.empty()) schema["allOf"] = std::move(choices);
  schema["patternProperties"] = {{"^\\$(comment|source|uncertainty|schema)$", true}};
  schema["unevaluatedProperties"] = false;
  return schema;
}

void add_range(const Range& range, OrderedJson& schema) {
  if (range.has_low) schema[range.low_excluded ? "exclusiveMinimum" : "minimum"] = range.low;
  if (range.has_high) schema[range.high_excluded ? "exclusiveMaximum" : "maximum"] = range.high;
}

}  // namespace

OrderedJson schema_json(const TypeInfo& type) {
  switch (type.kind) {
    case TypeKind::boolean:
      return {{"type", "boolean"}};
    case TypeKind::integer: {
      OrderedJson schema = {{"type", "integer"}, {"minimum", type.minimum}};
      if (type.maximum != std::numeric_limits<std::int64_t>::max()) {
        schema["maximum"] = type.maximum;
      }
      return schema;
    }
    case TypeKind::number: {
      OrderedJson schema = {{"type", "number"}};
      add_range(type.range, schema);
      return schema;
    }
    case TypeKind::text:
      return {{"type", "string"}};
    case TypeKind::word: {
      OrderedJson schema = {{"enum", OrderedJson::array()}};
      for (const WordInfo& w : type.words) schema["enum"].push_back(w.word);
      return schema;
    }
    case TypeKind::list: {
      OrderedJson schema = {{"type", "array"}, {"items", schema_json(*type.item)}};
      if (type.min_items > 0) schema["minItems"] = type.min_items;
      if (type.max_items < std::numeric_limits<int>::max()) schema["maxItems"] = type.max_items;
      return schema;
    }
    case TypeKind::object:
      return object_schema(type);
    case TypeKind::one_of: {
      OrderedJson schema = {{"anyOf", OrderedJson::array()}};
      for (const TypePtr& choice : type.choices) schema["anyOf"].push_back(schema_json(*choice));
      return schema;
    }
  }
  return OrderedJson::object();
}

}  // namespace stagecoach
