// SPDX-License-Identifier: Apache-2.0
// Question: does a table accept exactly what its rows say, and report everything else at its place?
#include "sim/config/param_table.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "tests/sim/config/config_test_support.h"

using namespace stagecoach;
using namespace stagecoach::test;

namespace {

enum class Kind { alpha, beta };

struct Part {
  int rows = 4;
  double clock_mhz = 10;
  double bandwidth = 0;  // 0: unlimited
  std::map<std::string, double> uncertainty;
};

struct Whole {
  Kind kind = Kind::alpha;
  Part part;
  std::vector<Part> parts;
  std::optional<bool> stash;
  int only_alpha = 1;
  std::vector<double> only_beta;
  std::string note;
  std::int64_t samples = -1;
};

Table<Part> part_table() {
  Table<Part> t("part", "A part.");
  t.required("rows", &Part::rows, integer(1, 10), "Rows.");
  t.optional("clock_mhz", &Part::clock_mhz, number(above(0), "MHz"), "Clock.").formerly("clock");
  t.optional("bandwidth", &Part::bandwidth,
             word_or<double>(words<double>({{"unlimited", 0.0, ""}}), number(above(0))), "Width.");
  t.uncertainties(&Part::uncertainty);
  return t;
}

Table<Whole> whole_table() {
  Table<Whole> alpha, beta;
  alpha.optional("only_alpha", &Whole::only_alpha, integer(1, 5), "Of alpha.");
  beta.optional("only_beta", &Whole::only_beta, list_of<double>(number(between(0, 1)), 1, 3),
                "Of beta.", "none");
  Table<Whole> t("whole", "All of it.");
  t.tagged<Kind>("kind", &Whole::kind, "Which.",
                 {{"alpha", Kind::alpha, "First.", alpha}, {"beta", Kind::beta, "Second.", beta}});
  t.optional("part", &Whole::part, part_table().codec(), "One.");
  t.optional("parts", &Whole::parts, list_of<Part>(part_table().codec()), "Many.");
  t.may_have("stash", &Whole::stash, boolean(), "Stash.", "depends on kind");
  t.optional("note", &Whole::note, text(), "Free text.");
  t.optional("samples", &Whole::samples, count(1), "How many.", "all");
  t.check([](const Whole& w, const Place& at) {
    if (w.kind == Kind::beta && w.stash.value_or(false)) {
      at.child("stash").report("beta keeps no stash");
    }
  });
  return t;
}

std::string with(const std::string& fields) {
  return issues_of(whole_table(), R"({"kind": "alpha", )" + fields + "}");
}

}  // namespace

TEST_CASE("Fields reach their members and absent ones keep the struct's defaults") {
  Whole w;
  CHECK(issues_of(whole_table(), R"({"kind": "beta", "only_beta": [0.5, 1], "stash": false,
      "$comment": 1, "part": {"rows": 7, "bandwidth": "unlimited", "$source": {"x": []}},
      "parts": [{"rows": 1, "bandwidth": 2.5, "$uncertainty": {"bandwidth": 0.3}}]})",
                  w) == "");
  CHECK(w.kind == Kind::beta);
  CHECK(w.only_beta == std::vector<double>{0.5, 1});
  CHECK(w.stash == std::optional<bool>(false));
  CHECK(w.part.rows == 7);
  CHECK(w.part.clock_mhz == 10);
  CHECK(w.part.bandwidth == 0);
  REQUIRE(w.parts.size() == 1);
  CHECK(w.parts[0].bandwidth == 2.5);
  CHECK(w.parts[0].uncertainty.at("bandwidth") == 0.3);
  CHECK(w.samples == -1);
}

TEST_CASE("a former key is read, never offered, and refused beside the new one") {
  Whole w;
  CHECK(issues_of(whole_table(), R"({"kind": "alpha", "part": {"rows": 7, "clock": 3}})", w) == "");
  CHECK(w.part.clock_mhz == 3);
  const std::string both = with(R"("part": {"rows": 7, "clock": 3, "clock_mhz": 4})");
  CHECK_THAT(both, Catch::Contains("former name of \"clock_mhz\""));
  CHECK_THAT(with(R"("part": {"rows": 7, "clok": 3})"), !Catch::Contains("\"clock\""));
}

TEST_CASE("Counts take integers within their range and nothing else") {
  CHECK(with(R"("only_alpha": 5)") == "");
  CHECK(with(R"("only_alpha": 5.0)") == "");
  const std::string allowed = "; allowed: an integer from 1 to 5";
  for (const char* bad : {"0", "6", "-4", "2.5", "true", "\"3\"", "null", "[]", "{}", "4294967297",
                          "18446744073709551615", "1e300"}) {
    CAPTURE(bad);
    CHECK_THAT(with(std::string("\"only_alpha\": ") + bad),
               Catch::Matchers::StartsWith("f.json: /only_alpha: found ") &&
                   Catch::Matchers::EndsWith(allowed));
  }
  CHECK(with(R"("samples": 9223372036854775807)") == "");
  CHECK(with(R"("samples": 9223372036854775808)") ==
        "f.json: /samples: found 9223372036854775808; allowed: an integer, 1 or more");
}

TEST_CASE("Numbers, words, switches, texts and lists name what they allow") {
  CHECK(with(R"("part": {"rows": 1, "clock_mhz": 0})") ==
        "f.json: /part/clock_mhz: found 0; allowed: a number above 0 (MHz)");
  CHECK(with(R"("part": {"rows": 1, "bandwidth": "unlimted"})") ==
        "f.json: /part/bandwidth: found \"unlimted\"; allowed: \"unlimited\", or a number above "
        "0; did you mean \"unlimited\"?");
  CHECK(with(R"("part": {"rows": 1, "bandwidth": -1})") ==
        "f.json: /part/bandwidth: found -1; allowed: \"unlimited\", or a number above 0");
  CHECK(with(R"("stash": 1)") == "f.json: /stash: found 1; allowed: true or false");
  CHECK(with(R"("note": 1)") == "f.json: /note: found 1; allowed: a string");
  CHECK(with(R"("parts": {"rows": 1})") ==
        "f.json: /parts: found an object; allowed: a list of any number of elements, each an "
        "object (part)");
  CHECK(with(R"("part": 3)") == "f.json: /part: found 3; allowed: an object (part)");
  CHECK(issues_of(whole_table(), R"({"kind": "Beta"})") ==
        "f.json: /kind: found \"Beta\"; allowed: one of \"alpha\", \"beta\"; did you mean "
        "\"beta\"?");
  CHECK(issues_of(whole_table(), R"({"kind": "beta", "only_beta": []})") ==
        "f.json: /only_beta: found a list of 0; allowed: a list of at least 1 element, each a "
        "number from 0 to 1");
  CHECK(issues_of(whole_table(), R"([1])") ==
        "f.json: /: found a list of 1; allowed: an object (whole)");
}

TEST_CASE("Unknown fields get the nearest name, fields of another variant its owner") {
  CHECK(with(R"("part": {"rows": 1, "clock_mzh": 3})") ==
        "f.json: /part/clock_mzh: unknown field; allowed here: \"rows\", \"clock_mhz\", "
        "\"bandwidth\"; did you mean \"clock_mhz\"?");
  CHECK_THAT(with(R"("only_beta": [1])"),
             Catch::Matchers::Contains("this field does not belong here; it belongs to kind "
                                       "\"beta\""));
  CHECK_THAT(with(R"("a~/\n": 1)"), Catch::Matchers::Contains("/a~0~1\\u000a: unknown field"));
}

TEST_CASE("Missing fields, uncertainties of nothing and broken rules are reported") {
  CHECK(with(R"("part": {})") ==
        "f.json: /part: required field \"rows\" is missing; allowed: an integer from 1 to 10");
  CHECK(issues_of(whole_table(), "{}") ==
        "f.json: /: required field \"kind\" is missing; allowed: one of \"alpha\", \"beta\"");
  CHECK_THAT(with(R"("part": {"rows": 1, "$uncertainty": {"row": 0.1, "clock_mhz": -1}})"),
             Catch::Matchers::Contains("/part/$uncertainty/row: unknown field") &&
                 Catch::Matchers::Contains("/part/$uncertainty/clock_mhz: found -1"));
  CHECK(issues_of(whole_table(), R"({"kind": "beta", "stash": true})") ==
        "f.json: /stash: beta keeps no stash");
}

TEST_CASE("Every error of a file is reported at once") {
  Issues issues;
  const Document d = Document::from_text(
      "f.json", R"({"kind": "alpha", "part": {"rows": 0, "x": 1}, "stash": 2, "parts": [{}, 1]})",
      issues);
  Whole w;
  whole_table().read(d.root(), Place(d, issues), w);
  CHECK(issues.size() == 5);
  CHECK_THROWS_AS(issues.throw_if_any(), UserError);
}

TEST_CASE("A flood of errors is cut and counted") {
  std::string many = "{\"kind\": \"alpha\"";
  for (int i = 0; i < 150; ++i) many += ", \"zz" + std::to_string(i) + "\": 1";
  CHECK_THAT(issues_of(whole_table(), many + "}"),
             Catch::Matchers::EndsWith("\n... and 50 more errors"));
}

TEST_CASE("Overrides are checked like the file and reported as the option") {
  Whole w;
  CHECK(issues_with(whole_table(), R"({"kind": "alpha", "parts": [{"rows": 1}]})",
                    {"workload/only_alpha=9", "workload/part/row=1", "workload/parts/0/rows=2",
                     "workload/stash=maybe"},
                    w) ==
        "f.json: /part: required field \"rows\" is missing; allowed: an integer from 1 to 10\n"
        "--set workload/part/row: unknown field; allowed here: \"rows\", \"clock_mhz\", "
        "\"bandwidth\"; did you mean \"rows\"?\n"
        "--set workload/stash: found \"maybe\"; allowed: true or false\n"
        "--set workload/only_alpha: found 9; allowed: an integer from 1 to 5");
  CHECK(w.parts.at(0).rows == 2);
}

TEST_CASE("What is written can be read again and gives the same") {
  Whole w;
  REQUIRE(issues_of(whole_table(), R"({"kind": "beta", "only_beta": [0.1, 1], "stash": true,
      "part": {"rows": 7, "clock_mhz": 0.1}, "samples": 5})",
                    w) == "f.json: /stash: beta keeps no stash");
  w.stash = false;
  const OrderedJson written = whole_table().write(w);
  CHECK(written.dump() ==
        R"({"kind":"beta","part":{"rows":7,"clock_mhz":0.1,"bandwidth":"unlimited"},"parts":[],)"
        R"("stash":false,"note":"","samples":5,"only_beta":[0.1,1]})");
  Whole again;
  CHECK(issues_of(whole_table(), written.dump(), again) == "");
  CHECK(whole_table().write(again) == written);
}

TEST_CASE("An included table's rows stand at the level of the outer one") {
  struct Outer {
    Part inner;
  };
  Table<Outer> t("outer");
  t.include(&Outer::inner, part_table());
  Outer o;
  CHECK(issues_of(t, R"({"rows": 3, "bandwidth": 1})", o) == "");
  CHECK(o.inner.rows == 3);
  CHECK(t.write(o).dump() == R"({"rows":3,"clock_mhz":10,"bandwidth":1})");
}

TEST_CASE("The nearest word forgives case, separators, swaps and a third of the letters") {
  const std::vector<std::string> names = {"learning_rate", "momentum", "weight_decay"};
  CHECK(nearest_word("Learning-Rate", names) == "learning_rate");
  CHECK(nearest_word("momentmu", names) == "momentum");
  CHECK(nearest_word("weight_dcy", names) == "weight_decay");
  CHECK(nearest_word("epochs", names) == "");
  CHECK(nearest_word("1F1B", {"pipelined", "one_f_one_b", "one_f_one_b_flush"}) == "one_f_one_b");
  CHECK(nearest_word("interleaved", {"pipelined", "interleaved_one_f_one_b"}) ==
        "interleaved_one_f_one_b");
  CHECK(nearest_word("le", names) == "");
  CHECK(nearest_word(std::string(100000, 'a'), names) == "");
}
