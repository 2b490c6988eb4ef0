// SPDX-License-Identifier: Apache-2.0
// Do the manual and the completion know every option?
#include "sim/config/option_documents.h"

#include <catch2/catch.hpp>

#include "sim/config/option_table.h"

using namespace stagecoach;
using Catch::Matchers::Contains;

TEST_CASE("the manual names every option, its argument and default, in roff's letters") {
  const std::string page = manual_page();
  for (const OptionRow& row : option_rows()) {
    std::string name = "--" + std::string(row.name);
    for (std::size_t at = 0; (at = name.find('-', at)) != std::string::npos; at += 2)
      name.insert(at, "\\");
    CHECK_THAT(page, Contains(".B " + name));
  }
  CHECK_THAT(page,
             Contains("\\fIf32|f64\\fR\narithmetic of the functional engine (default: f32)."));
  CHECK_THAT(page, Contains(".SH EXIT STATUS\nExit status: 0 done"));
}

TEST_CASE("the completion knows every option, words and where presets lie") {
  const std::string script = bash_completion();
  for (const std::string& name : option_names()) CHECK_THAT(script, Contains(name));
  CHECK_THAT(script, Contains("--precision) COMPREPLY=($(compgen -W \"f32 f64\""));
  CHECK_THAT(script, Contains("/../share/stagecoach/$1\"/*.json"));
  CHECK_THAT(script, Contains("--init-weights|--save-weights|--replay|--record-schedule)"));
}
