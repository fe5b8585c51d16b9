#include "server/config_parser.h"

#include <fmt/format.h>

#include "base/text.h"
#include "server/config_directives.h"

namespace cowslip::server {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Takes a quoted stretch off the front of `line`, appending what it stands for. False when it does not end well.
bool take_quoted(std::string_view& line, std::string& word) {
  const char quote = line[0];
  line.remove_prefix(1);
  while (!line.empty()) {
    if (line[0] == quote) {
      line.remove_prefix(1);
      return line.empty() || is_space(line[0]);
    }
    size_t last = 0;
    word += line[0] == '\\' ? read_escape(line, last, quote) : line[0];
    line.remove_prefix(last + 1);
  }
  return false;
}

// One word off the front of `line`, which does not begin with a space. A quote in the middle of a word opens a quoted
// stretch as well.
bool take_word(std::string_view& line, std::string& word) {
  while (!line.empty() && !is_space(line[0])) {
    if (line[0] == '"' || line[0] == '\'') return take_quoted(line, word);
    word += line[0];
    line.remove_prefix(1);
  }
  return true;
}

// An option that has its name, and perhaps values.
struct Option {
  std::string name;
  std::vector<std::string> values;
};

std::string line_of(const Option& option) {
  std::string line = option.name;
  if (option.values.empty()) return equals_ignore_case(option.name, "save") ? line + " \"\"" : line;
  const Directive* directive = find_directive(option.name);
  const bool spread = option.values.size() == 1 && directive != nullptr && directive->is(kMultiWord);
  // --save "900 1 300 10" is one argument to the shell, and four words to the directive.
  if (spread && !option.values[0].empty()) return line + " " + option.values[0];
  for (const std::string& value : option.values) line += " " + quoted(value);
  return line;
}

// A word with two dashes is an option, unless the option before it has no value yet and there is no such directive:
// --requirepass --secret.
bool starts_option(std::string_view word, const Option* before) {
  if (!word.starts_with("--") || word.size() == 2) return false;
  if (before == nullptr || !before->values.empty()) return true;
  const std::string_view name =
      word.substr(2, word.find(' ') == std::string_view::npos ? word.npos : word.find(' ') - 2);
  return find_directive(name) != nullptr || equals_ignore_case(before->name, "save");
}

}  // namespace

std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  for (;;) {
    while (!line.empty() && is_space(line[0])) line.remove_prefix(1);
    if (line.empty()) return words;
    if (!take_word(line, words.emplace_back())) return std::nullopt;
  }
}

std::string quoted_if_needed(std::string_view text) {
  const auto plain = [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '\'' && c != '\\' && c != '#'; };
  for (const char c : text) {
    if (!plain(c)) return quoted(text);
  }
  return text.empty() ? "\"\"" : std::string(text);
}

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  return line;
}

CommandLine parse_command_line(std::span<const std::string> arguments) {
  CommandLine result;
  if (!arguments.empty() && arguments.back() == "-") {
    result.standard_input = true;
    arguments = arguments.first(arguments.size() - 1);
  }
  if (!arguments.empty() && !arguments[0].starts_with('-')) {
    result.file = arguments[0];
    arguments = arguments.subspan(1);
  }
  std::vector<Option> options;
  for (const std::string& word : arguments) {
    Option* before = options.empty() ? nullptr : &options.back();
    if (starts_option(word, before)) {
      options.push_back({word.substr(2), {}});
    } else if (before == nullptr) {
      options.push_back({quoted(word), {}});  // names no directive, and the error will say so
    } else {
      before->values.push_back(word);
    }
  }
  for (const Option& option : options) result.lines.push_back(line_of(option));
  return result;
}

}  // namespace cowslip::server
