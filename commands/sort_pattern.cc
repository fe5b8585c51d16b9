#include "commands/sort_pattern.h"

#include "store/hash.h"

namespace cowslip::commands {

using store::Entry;
using store::ObjectType;
using store::StringView;

SortPattern::SortPattern(std::string_view text) : is_element_(text == "#") {
  const size_t star = text.find('*');
  has_star_ = star != std::string_view::npos;
  if (!has_star_) return;
  prefix_ = text.substr(0, star);
  suffix_ = text.substr(star + 1);
  const size_t arrow = suffix_.find("->");
  if (arrow == std::string_view::npos || arrow + 2 == suffix_.size()) return;
  field_ = suffix_.substr(arrow + 2);
  suffix_ = suffix_.substr(0, arrow);
}

std::optional<StringView> SortPattern::value(CommandContext& c, const StringView& element) {
  if (is_element_) return element;
  if (!has_star_) return std::nullopt;
  StringView::Scratch scratch;
  name_.assign(prefix_).append(element.text(scratch)).append(suffix_);
  const Entry* entry = c.db().find(name_, c.read_lookup());
  if (entry == nullptr) return std::nullopt;
  if (field_.empty()) return entry->type() == ObjectType::kString ? std::optional(entry->string()) : std::nullopt;
  if (entry->type() != ObjectType::kHash) return std::nullopt;
  return store::HashView(*entry, c.keyspace.hash_seed()).get(field_);
}

}  // namespace cowslip::commands
