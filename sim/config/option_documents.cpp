// SPDX-License-Identifier: Apache-2.0
#include "sim/config/option_documents.h"

#include <algorithm>

#include "sim/config/option_table.h"

namespace stagecoach {
namespace {

/// Text as roff takes it: no letter of it is a command.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\'')
      out += "\\(aq";
    else if (c == '\n')
      out += "\n.br\n";
    else
      out += c;
  }
  return out;
}

std::string option_entry(const OptionRow& row) {
  std::string text = ".TP\n.B " + roff("--" + std::string(row.name));
  if (*row.argument) text += " \\fI" + roff(row.argument) + "\\fR";
  text += "\n" + roff(row.help);
  if (*row.fallback) text += " (default: " + roff(row.fallback) + ")";
  return text + ".\n";
}

/// "f32 f64" of "f32|f64"; "" for a placeholder such as FILE.
std::string words_of(const OptionRow& row) {
  std::string words = row.argument;
  if (words.find('|') == std::string::npos) return "";
  std::replace(words.begin(), words.end(), '|', ' ');
  return words;
}

bool takes(const OptionRow& row, const char* what) { return std::string(row.argument) == what; }

}  // namespace

std::string manual_page() {
  std::string page =
      ".TH STAGECOACH 1 \"\" \"stagecoach " STAGECOACH_VERSION
      "\" \"User Commands\"\n"
      ".SH NAME\nstagecoach \\- train a network on a simulated pipelined-backpropagation "
      "accelerator\n"
      ".SH SYNOPSIS\n.B stagecoach\n\\fB\\-\\-hw\\fR \\fIFILE\\fR \\fB\\-\\-workload\\fR "
      "\\fIFILE\\fR [\\fIoptions\\fR]\n"
      ".SH DESCRIPTION\nTrains a network while a model of a chip decides when each operation "
      "happens. This timing decides which weight version each sample reads. One run gives "
      "accuracy, utilization, staleness, memory and energy. FILE is a path, or the name of a "
      "preset that comes with the program.\n.SH OPTIONS\n";
  std::string group;
  for (const OptionRow& row : option_rows()) {
    if (group != row.group) {
      group = row.group;
      page += ".SS " + group + "\n";
    }
    page += option_entry(row);
  }
  page += ".SH EXIT STATUS\n" + roff(exit_status_text()) + "\n.SH EXAMPLES\n.nf\n";
  for (const std::string& example : option_examples()) page += roff(example) + "\n";
  return page + ".fi\n";
}

std::string bash_completion() {
  std::string names, cases, files, folders;
  for (const OptionRow& row : option_rows()) {
    const std::string name = "--" + std::string(row.name);
    names += (names.empty() ? "" : " ") + name;
    if (const std::string words = words_of(row); !words.empty())
      cases += "    " + name + ") COMPREPLY=($(compgen -W \"" + words + "\" -- \"$word\")) ;;\n";
    if (takes(row, "FILE") && name != "--hw" && name != "--workload")
      files += (files.empty() ? "" : "|") + name;
    if (takes(row, "DIR")) folders += (folders.empty() ? "" : "|") + name;
  }
  return "# Completion of stagecoach for bash. Written by the build.\n"
         "_stagecoach_presets() {\n"
         "  local file program\n"
         "  program=$(command -v stagecoach) || return\n"
         "  for file in \"${program%/*}/../share/stagecoach/$1\"/*.json; do\n"
         "    file=${file##*/}\n"
         "    [ \"$file\" = TEMPLATE.json ] || echo \"${file%.json}\"\n"
         "  done\n"
         "}\n"
         "_stagecoach() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  case $option in\n"
         "    --hw) COMPREPLY=($(compgen -f -W \"$(_stagecoach_presets hw)\" -- \"$word\")) ;;\n"
         "    --workload) COMPREPLY=($(compgen -f -W \"$(_stagecoach_presets workloads)\" -- "
         "\"$word\")) ;;\n" +
         cases + "    " + files +
         ") COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
         "    " +
         folders +
         ") COMPREPLY=($(compgen -d -- \"$word\")) ;;\n"
         "    *) COMPREPLY=($(compgen -W \"" +
         names +
         "\" -- \"$word\")) ;;\n"
         "  esac\n"
         "}\n"
         "complete -o filenames -F _stagecoach stagecoach\n";
}

}  // namespace stagecoach
