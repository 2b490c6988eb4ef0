// SPDX-License-Identifier: Apache-2.0
// Question: does every text that is not strict JSON give one clear error with its place?
#include "sim/config/json_document.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace stagecoach;
using Catch::Matchers::Contains;

namespace {

std::string syntax_issues(const std::string& text) {
  Issues issues;
  const Document document = Document::from_text("f.json", text, issues);
  CHECK(document.ok() == issues.empty());
  return issues.text();
}

std::string file_issues(const std::string& path) {
  Issues issues;
  CHECK_FALSE(Document::from_file(path, issues).ok());
  return issues.text();
}

std::string override_issues(const std::string& text) {
  Issues issues;
  Override override;
  CHECK(parse_override(text, override, issues).empty());
  return issues.text();
}

Override parsed(const std::string& text, const std::string& root) {
  Issues issues;
  Override override;
  CHECK(parse_override(text, override, issues) == root);
  CHECK(issues.text().empty());
  return override;
}

}  // namespace

TEST_CASE("A valid JSON text is parsed without issues") {
  CHECK(syntax_issues(R"({"a": [1, {"b": "c/d~e"}], "d": null, "e": -2.5e3})").empty());
}

TEST_CASE("Syntax errors name line and column, and the usual slips get a hint") {
  CHECK_THAT(syntax_issues("{\"a\": 1,\n \"b\" 2}"),
             Contains("f.json: line 2, column 6: not valid"));
  CHECK_THAT(syntax_issues("{\"a\": 1, // one\n\"b\": 2}"), Contains("JSON has no comments"));
  CHECK_THAT(syntax_issues("# c\n{}"), Contains("JSON has no comments"));
  CHECK_THAT(syntax_issues("{\"a\": [1, 2,]}"), Contains("remove the comma"));
  CHECK_THAT(syntax_issues("{\"a\": 1,}"), Contains("remove the comma"));
  CHECK_THAT(syntax_issues("{'a': 1}"), Contains("double quotes"));
  CHECK_THAT(syntax_issues("{\"a\": NaN}"), Contains("NaN and Infinity"));
  CHECK_THAT(syntax_issues("{\"a\": Infinity}"), Contains("NaN and Infinity"));
  CHECK_THAT(syntax_issues("{\"a\": 1e999}"), Contains("number overflow"));
  CHECK_THAT(syntax_issues("{\"a\": 1} x"), Contains("line 1, column 10"));
  CHECK_THAT(syntax_issues("{\"a\": "), Contains("unexpected end of input"));
}

TEST_CASE("A field given twice is an error at its pointer") {
  CHECK(syntax_issues(R"({"a": 1, "b": [{}, {"c": 1, "c": 2}], "a": 3})") ==
        "f.json: /b/1/c: this field is given twice in its object\n"
        "f.json: /a: this field is given twice in its object");
}

TEST_CASE("Texts that are empty, not UTF-8 or nested without end are refused") {
  CHECK_THAT(syntax_issues(""), Contains("is empty"));
  CHECK_THAT(syntax_issues(" \n\t"), Contains("is empty"));
  CHECK_THAT(syntax_issues("{\"a\":\n\"\xff\"}"), Contains("not UTF-8 text: bad byte at line 2"));
  CHECK_THAT(syntax_issues(std::string("{\"a\0\":1}", 8)), Contains("not UTF-8"));
  CHECK_THAT(syntax_issues("\xff\xfe{\0"), Contains("not UTF-8"));
  CHECK_THAT(syntax_issues(std::string(1000000, '[')), Contains("nested deeper than 32 levels"));
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  CHECK_THAT(syntax_issues(objects), Contains("nested deeper than 32 levels"));
}

TEST_CASE("Files that are missing or no files are told apart") {
  const auto dir = std::filesystem::temp_directory_path() / "stagecoach_json_document_test";
  std::filesystem::create_directories(dir);
  CHECK_THAT(file_issues((dir / "none.json").string()), Contains("none.json: no such file"));
  CHECK_THAT(file_issues(dir.string()), Contains("is a directory"));
  std::ofstream(dir / "empty.json").close();
  CHECK_THAT(file_issues((dir / "empty.json").string()), Contains("is empty"));
  std::ofstream(dir / "big.json") << std::string(Document::kMaxBytes + 1, ' ');
  CHECK_THAT(file_issues((dir / "big.json").string()), Contains("larger than 16 MiB"));
  std::ofstream(dir / "good.json") << "{\"a\": 1}";
  Issues issues;
  const Document good = Document::from_file((dir / "good.json").string(), issues);
  CHECK(issues.empty());
  CHECK(good.text() == "{\"a\": 1}");
  std::filesystem::remove_all(dir);
}

TEST_CASE("An override is JSON or a bare word") {
  CHECK(parsed("workload/training/epochs=3", "workload").value == Json(3));
  CHECK(parsed("hw/a/0/b=2.5", "hw").tokens == std::vector<std::string>{"a", "0", "b"});
  CHECK(parsed("workload/pipeline/schedule=gpipe", "workload").value == Json("gpipe"));
  CHECK(parsed("workload/a=true", "workload").value == Json(true));
  CHECK(parsed("workload/a={\"b\": [1]}", "workload").value == Json({{"b", {1}}}));
  CHECK(parsed("workload/network=networks/a=b.json", "workload").value ==
        Json("networks/a=b.json"));
  CHECK(parsed("workload/a~1b~0c=1", "workload").tokens == std::vector<std::string>{"a/b~c"});
}

TEST_CASE("Overrides that cannot be meant are errors") {
  CHECK_THAT(override_issues("workload.training.epochs=1"),
             Contains("; did you mean workload/training/epochs?"));
  CHECK_THAT(override_issues("epochs.x=1"), !Contains("did you mean"));
  CHECK_THAT(override_issues("workload/training/epochs"), Contains("expected PATH=VALUE"));
  CHECK_THAT(override_issues("workload/training/epochs="), Contains("expected PATH=VALUE"));
  CHECK_THAT(override_issues("training/epochs=1"), Contains("starts with hw/ or workload/"));
  CHECK_THAT(override_issues("/workload/training=1"), Contains("starts with hw/ or workload/"));
  CHECK_THAT(override_issues("workload=1"), Contains("starts with hw/ or workload/"));
  CHECK_THAT(override_issues("workload/a//b=1"), Contains("no empty part"));
  CHECK_THAT(override_issues("workload/a/$comment=x"), Contains("annotation"));
  CHECK_THAT(override_issues("workload/a={\"b\": 1"), Contains("not valid JSON"));
  CHECK_THAT(override_issues("workload/a={\"b\": 1, \"b\": 2}"), Contains("given twice"));
}

TEST_CASE("Overrides that meet the wrong kind of value, or each other, are errors") {
  Issues issues;
  Document d = Document::from_text("f.json", R"({"a": [1, {"b": 2}], "c": "x"})", issues);
  d.apply(parsed("workload/a/1/b=5", "workload"), issues);
  d.apply(parsed("workload/new/deep=5", "workload"), issues);
  CHECK(issues.empty());
  CHECK(d.root() == Json::parse(R"({"a": [1, {"b": 5}], "c": "x", "new": {"deep": 5}})"));
  d.apply(parsed("workload/a/2=5", "workload"), issues);
  d.apply(parsed("workload/a/01=5", "workload"), issues);
  d.apply(parsed("workload/c/d=5", "workload"), issues);
  d.apply(parsed("workload/a/1/b=6", "workload"), issues);
  d.apply(parsed("workload/new=6", "workload"), issues);
  REQUIRE(issues.size() == 5);
  CHECK_THAT(issues.all()[0].message, Contains("no element 2 in the list /a"));
  CHECK_THAT(issues.all()[1].message, Contains("no element 01"));
  CHECK_THAT(issues.all()[2].message, Contains("/c is \"x\" and has no fields"));
  CHECK_THAT(issues.all()[3].message, Contains("already set by --set workload/a/1/b"));
  CHECK_THAT(issues.all()[4].message, Contains("already set by --set workload/new/deep"));
}

TEST_CASE("A printed configuration stands for both files") {
  const auto path = std::filesystem::temp_directory_path() / "stagecoach_both_test.json";
  std::ofstream(path) << R"({"$comment": 1, "hw": {"a": 1}, "workload": {"b": 2}})";
  Issues issues;
  CHECK(Document::from_file(path.string(), issues, "hw").root() == Json({{"a", 1}}));
  const Document workload = Document::from_file(path.string(), issues, "workload");
  CHECK(workload.root() == Json({{"b", 2}}));
  CHECK(workload.where("/b") == path.string() + ": /workload/b");
  std::ofstream(path) << R"({"hw": {"a": 1}, "workload": {"b": 2}, "more": 3})";
  CHECK(Document::from_file(path.string(), issues, "hw").root().size() == 3);
  CHECK(issues.empty());
  std::filesystem::remove(path);
}
