// Small text helpers. ASCII only where letters' case matters.
#pragma once

#include <string>
#include <string_view>

namespace cowslip {

char ascii_lower(char c);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool equals_ignore_case(std::string_view a, std::string_view b);

// Whether `text` matches the glob `pattern`: * ? [a-z] [^...] and backslash escapes, as KEYS and CONFIG GET know them.
// At most pattern times text steps. The empty text matches the empty pattern only, not "*": Redis's commands that mean
// everything by "*" test for it first, and so must ours.
bool glob_match(std::string_view pattern, std::string_view text, bool ignore_case = false);

// `text` in double quotes with non-printable bytes as \n \r \t \a \b \xHH and quote and backslash escaped.
std::string quoted(std::string_view text);

// The byte that the backslash at `position` and what follows it stand for, inside a quoted argument as configuration
// files and inline requests write them: \n \r \t \b \a \xHH between double quotes, only \' between single ones. Moves
// `position` to the last byte of the escape. A backslash that escapes nothing is itself.
char read_escape(std::string_view line, size_t& position, char quote);

}  // namespace cowslip
