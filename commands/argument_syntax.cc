#include "commands/argument_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace cowslip::commands {
namespace {

constexpr std::array<std::string_view, 7> kTypes = {"string",  "integer",   "double",    "key",
                                                    "pattern", "unix-time", "pure-token"};

bool is_type(std::string_view word) {
  return std::ranges::find(kTypes, word) != kTypes.end();
}

class Parser {
 public:
  explicit Parser(std::string_view syntax) : syntax_(syntax) { advance(); }

  Result<std::vector<Argument>> parse() {
    auto arguments = parse_sequence();
    if (arguments && (!token_.empty() || !syntax_.empty())) return unexpected_token();
    return arguments;
  }

 private:
  static constexpr std::string_view kPunctuation = "[]<>|=";

  // The next token: a mark of the notation, "..." or a word. Empty at the end.
  void advance() {
    while (!syntax_.empty() && syntax_.front() == ' ') syntax_.remove_prefix(1);
    size_t length = 0;
    if (syntax_.starts_with("...")) {
      length = 3;
    } else if (syntax_.starts_with('\'')) {
      length = syntax_.find('\'', 1) + 1;  // 0 when the quote is not closed: the parser stops there
    } else if (!syntax_.empty() && kPunctuation.contains(syntax_.front())) {
      length = 1;
    } else {
      length = std::min(syntax_.find_first_of(" []<>|=."), syntax_.size());
    }
    token_ = syntax_.substr(0, length);
    syntax_.remove_prefix(length);
  }

  bool take(std::string_view expected) {
    if (token_ != expected) return false;
    advance();
    return true;
  }

  std::unexpected<Error> unexpected_token() const {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("argument syntax: unexpected '{}' before '{}'", token_, syntax_));
  }

  bool at_name() const { return !token_.empty() && token_.front() >= 'a' && token_.front() <= 'z'; }
  bool at_literal() const {
    return !token_.empty() && (token_.front() == '\'' || (token_.front() >= 'A' && token_.front() <= 'Z'));
  }
  bool at_group_name() const { return at_name() && syntax_.starts_with('='); }

  Result<std::vector<Argument>> parse_sequence() {
    std::vector<Argument> arguments;
    while (at_name() || at_literal() || token_ == "<" || token_ == "[") {
      auto argument = parse_item();
      if (!argument) return std::unexpected(argument.error());
      arguments.push_back(std::move(*argument));
    }
    return arguments;
  }

  Result<Argument> parse_item() {
    auto argument = at_literal() ? parse_literal() : at_name() ? parse_name() : parse_group();
    if (argument && take("...")) {
      argument->multiple = true;
      argument->multiple_token = argument->optional && !argument->token.empty();
    }
    return argument;
  }

  Result<Argument> parse_literal() {
    const std::string token(token_.front() == '\'' ? token_.substr(1, token_.size() - 2) : token_);
    advance();
    if (!at_name() && token_ != "<") return Argument{.name = to_lower(token), .type = "pure-token", .token = token};
    auto argument = at_name() ? parse_name() : parse_group();
    if (argument) argument->token = token;
    return argument;
  }

  Result<Argument> parse_name() {
    const size_t colon = token_.find(':');
    const std::string_view name = token_.substr(0, colon);
    const std::string_view type = colon != std::string_view::npos ? token_.substr(colon + 1)
                                  : is_type(name)                 ? name
                                                                  : std::string_view("string");
    if (!is_type(type)) return fail(ErrorCode::kInvalidArgument, fmt::format("argument syntax: no type '{}'", type));
    Argument argument{.name = std::string(name), .type = std::string(type)};
    advance();
    return argument;
  }

  Result<Argument> parse_group() {
    const bool optional = take("[");
    if (!optional) take("<");
    std::string name;
    if (at_group_name()) {
      name = token_;
      advance();
      advance();
    }
    std::vector<Argument> choices;
    do {
      auto sequence = parse_sequence();
      if (!sequence) return std::unexpected(sequence.error());
      if (sequence->empty()) return unexpected_token();
      choices.push_back(grouped(std::move(*sequence), "block", ""));
    } while (take("|"));
    if (!take(optional ? "]" : ">")) return unexpected_token();
    if (choices.size() == 1 && choices[0].is_group() && !name.empty()) choices[0].name = name;
    Argument group = grouped(std::move(choices), "oneof", name);
    group.optional |= optional;
    return group;
  }

  // One argument is itself, several become a group.
  static Argument grouped(std::vector<Argument> arguments, std::string_view type, const std::string& name) {
    if (arguments.size() == 1) return std::move(arguments[0]);
    Argument group{.name = name.empty() ? arguments[0].name : name, .type = std::string(type)};
    group.arguments = std::move(arguments);
    return group;
  }

  std::string_view syntax_;  // what follows token_
  std::string_view token_;
};

void number_keys(std::vector<Argument>& arguments, size_t key_specs, size_t& next) {
  for (Argument& argument : arguments) {
    if (argument.type == "key" && key_specs > 0) {
      argument.key_spec_index = static_cast<int>(std::min(next++, key_specs - 1));
    }
    number_keys(argument.arguments, key_specs, next);
  }
}

}  // namespace

Result<std::vector<Argument>> parse_argument_syntax(std::string_view syntax, size_t key_specs) {
  auto arguments = Parser(syntax).parse();
  size_t keys = 0;
  if (arguments) number_keys(*arguments, key_specs, keys);
  return arguments;
}

}  // namespace cowslip::commands
