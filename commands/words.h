// Lists of words in one constant, as the specs of commands have them.
#pragma once

#include <algorithm>
#include <string_view>

namespace cowslip::commands {

// Calls visit(word) for the words of `text`, which single spaces separate.
template <typename Visit>
void for_each_word(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const size_t length = std::min(text.find(' '), text.size());
    visit(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
}

}  // namespace cowslip::commands
