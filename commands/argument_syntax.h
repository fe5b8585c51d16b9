// The notation in which a CommandSpec describes its arguments, and the tree that COMMAND DOCS makes of it.
//
//   key value [condition= NX | XX] [GET] [expiration= EX seconds:integer | PX milliseconds:integer | KEEPTTL]
//
//   name             an argument. Its type is its name if that is a type's (key, pattern ...), otherwise string
//   name:type        an argument of one of the types string integer double key pattern unix-time pure-token
//   TOKEN            a word to be written as it is (upper case, or anything in '...'). It belongs to the name or the
//                    <group> right after it; with none there it stands for itself: a pure token
//   <a b>            a group; [a b] a group that may be left out
//   <a b | c>        one of several
//   <name= ...>      the group's name; without it, it is called after its first argument. Counts only where a group
//   stays
//                    in the tree: [a] is the same as an optional a
//   x ...            x once or several times; after a [TOKEN ...] in brackets: the token is repeated as well
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cowslip::commands {

struct Argument {
  std::string name = {};
  std::string type = {};   // as above, or "oneof" and "block", which have `arguments`
  std::string token = {};  // empty: none
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;
  int key_spec_index = -1;  // of an argument of type key: which of the command's key specifications it falls under
  std::vector<Argument> arguments = {};

  bool is_group() const { return type == "oneof" || type == "block"; }
};

// The arguments that `syntax` describes, of a command that has `key_specs` key specifications: the n-th key argument
// falls under the n-th, or the last.
Result<std::vector<Argument>> parse_argument_syntax(std::string_view syntax, size_t key_specs);

}  // namespace cowslip::commands
