// redis.conf's lines, and the command line, as words. No meaning is given to them here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cowslip::server {

// Splits at spaces. Words may be in "double quotes" with \n \r \t \b \a \xHH and escaped bytes, or in 'single quotes'
// with \'. Nothing when quotes do not end, or are followed by anything but a space.
std::optional<std::vector<std::string>> split_words(std::string_view line);

// `text` as split_words() reads it back as one word: bare where that is enough.
std::string quoted_if_needed(std::string_view text);

// The line without surrounding white space.
std::string_view trimmed(std::string_view line);

// Calls visit(line, number from 1) for each line until it returns false. A last line without an end counts.
template <typename Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  for (int number = 1; !text.empty(); number++) {
    const size_t end = text.find('\n');
    if (!visit(text.substr(0, end), number) || end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

struct CommandLine {
  std::string file;             // the configuration file named first, or empty
  bool standard_input = false;  // a last "-": read more lines from there
  // Each option with its values, as the line of a file that means the same.
  std::vector<std::string> lines;
};

// argv without the program's name: [file] [--directive value ...] [-]
CommandLine parse_command_line(std::span<const std::string> arguments);

}  // namespace cowslip::server
