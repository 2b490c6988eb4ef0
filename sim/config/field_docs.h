// SPDX-License-Identifier: Apache-2.0
// Documents made from the parameter tables: field tables for people, JSON Schema for editors.
#pragma once

#include <string>

#include "sim/config/options.h"
#include "sim/config/type_info.h"

namespace stagecoach {

/// Markdown: a section with a table for every object of such a file, and for every variant.
std::string fields_markdown(Subject subject);

/// JSON Schema (draft 2020-12) of such a file. It knows types, ranges, words and which fields
/// belong; rules between fields only the program checks.
OrderedJson schema_json(Subject subject);

/// The same for any type; `name` heads the first section.
std::string fields_markdown(const TypeInfo& type, const std::string& name);
OrderedJson schema_json(const TypeInfo& type);

}  // namespace stagecoach
