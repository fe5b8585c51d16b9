// The patterns of SORT's BY and GET: where a value is that belongs to an element.
//
//   #            the element itself
//   weight_*     the string of the key that is named so, with the element in place of the first *
//   user_*->age  the value of that field of a hash
//
// Without a * a pattern stands for nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "commands/command.h"
#include "store/string_view.h"

namespace cowslip::commands {

class SortPattern {
 public:
  // Keeps views of `text`.
  explicit SortPattern(std::string_view text);

  bool has_star() const { return has_star_; }
  // The value that belongs to `element`; valid until the database is next changed, or something looked up in it.
  std::optional<store::StringView> value(CommandContext& c, const store::StringView& element);

 private:
  bool is_element_;
  bool has_star_;
  std::string_view prefix_, suffix_, field_;
  std::string name_;  // of the key that was looked up last
};

}  // namespace cowslip::commands
