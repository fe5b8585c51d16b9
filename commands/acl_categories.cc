#include "commands/acl_categories.h"

#include <cassert>

#include "base/text.h"
#include "commands/words.h"

namespace cowslip::commands {
namespace {

constexpr std::string_view kNames[] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting",
};

struct Implication {
  uint32_t flag;
  std::string_view category;
};
constexpr Implication kImplied[] = {
    {kWrite, "write"},   {kAdmin, "admin"}, {kAdmin, "dangerous"},
    {kPubSub, "pubsub"}, {kFast, "fast"},   {kBlocking, "blocking"},
};

constexpr uint32_t bit_of(std::string_view category) {
  uint32_t bit = 1;
  for (const std::string_view name : kNames) {
    if (name == category) return bit;
    bit <<= 1;
  }
  return 0;
}

}  // namespace

std::span<const std::string_view> acl_category_names() {
  return kNames;
}

std::optional<uint32_t> acl_category_bit(std::string_view name) {
  const uint32_t bit = bit_of(to_lower(name));
  return bit != 0 ? std::optional(bit) : std::nullopt;
}

uint32_t acl_categories_of(const CommandSpec& spec) {
  uint32_t categories = (spec.flags & kFast) != 0 ? 0 : bit_of("slow");
  for (const auto& [flag, category] : kImplied) {
    if ((spec.flags & flag) != 0) categories |= bit_of(category);
  }
  // A script only counts as reading or writing by what it calls.
  if ((spec.flags & kReadonly) != 0 && spec.group != "scripting") categories |= bit_of("read");
  for_each_word(spec.categories, [&](std::string_view word) {
    assert(word.starts_with('@') && bit_of(word.substr(1)) != 0);
    categories |= bit_of(word.substr(1));
  });
  return categories;
}

}  // namespace cowslip::commands
