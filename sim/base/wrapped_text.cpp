// SPDX-License-Identifier: Apache-2.0
#include "sim/base/wrapped_text.h"

namespace stagecoach {

std::string wrapped(const std::string& text, std::size_t indent, std::size_t width) {
  std::string out, rest = text;
  while (rest.size() > width) {
    // The blank to break at: behind the indent, or a line would hold nothing.
    const std::size_t first = out.empty() ? rest.find_first_not_of(' ') : indent;
    std::size_t at = rest.rfind(' ', width);
    if (at == std::string::npos || at <= first) at = rest.find(' ', width);
    if (at == std::string::npos) break;
    out += rest.substr(0, rest.find_last_not_of(' ', at) + 1) + "\n";
    const std::size_t next = rest.find_first_not_of(' ', at);
    if (next == std::string::npos) return out.substr(0, out.size() - 1);
    rest = std::string(indent, ' ') + rest.substr(next);
  }
  return out + rest.substr(0, rest.find_last_not_of(' ') + 1);
}

}  // namespace stagecoach
