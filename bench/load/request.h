// Requests as a client writes them.
#pragma once

#include <fmt/format.h>

#include <iterator>
#include <span>
#include <string>
#include <string_view>

namespace cowslip::bench {

inline void append_word(std::string& out, std::string_view word) {
  fmt::format_to(std::back_inserter(out), "${}\r\n", word.size());
  out.append(word).append("\r\n");
}

template <typename... Words>
void append_command(std::string& out, const Words&... words) {
  fmt::format_to(std::back_inserter(out), "*{}\r\n", sizeof...(words));
  (append_word(out, words), ...);
}

inline void append_words(std::string& out, std::span<const std::string> words) {
  fmt::format_to(std::back_inserter(out), "*{}\r\n", words.size());
  for (const std::string& word : words) append_word(out, word);
}

}  // namespace cowslip::bench
