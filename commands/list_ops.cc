#include "commands/list_ops.h"

#include <algorithm>
#include <string>

namespace cowslip::commands {
namespace {

using store::ListEditor;
using store::ListEnd;
using store::ListView;
using store::Lookup;
using store::ObjectType;
using store::StringView;

uint64_t index_of(ListEnd end, uint64_t size) {
  return end == ListEnd::kHead ? 0 : size - 1;
}

// Elements have been taken off at an end, and `left` are left.
void told_of_pop(CommandContext& c, std::string_view key, ListEnd end, uint64_t count, uint64_t left) {
  c.keyspace.add_dirty(count);
  c.notify(EventClass::kList, end == ListEnd::kHead ? "lpop" : "rpop", key);
  if (left == 0) c.notify(EventClass::kGeneric, "del", key);
}

void told_of_push(CommandContext& c, std::string_view key, ListEnd end) {
  c.notify(EventClass::kList, end == ListEnd::kHead ? "lpush" : "rpush", key);
}

}  // namespace

bool is_list_or_none(CommandContext& c, const ListEditor& editor) {
  if (editor.entry() == nullptr || editor.entry()->type() == ObjectType::kList) return true;
  c.reply.error(kWrongType);
  return false;
}

std::optional<ListEnd> list_end_argument(CommandContext& c, size_t index) {
  if (is_option(c.args[index], "LEFT")) return ListEnd::kHead;
  if (is_option(c.args[index], "RIGHT")) return ListEnd::kTail;
  c.reply.error(kSyntaxError);
  return std::nullopt;
}

// ---- taking elements off ----

namespace {

// REQUIRES: the editor's key holds a list.
void pop_one(CommandContext& c, std::string_view key, ListEditor& list, ListEnd end) {
  const ListView view(*list.entry());
  const uint64_t size = view.size(), index = index_of(end, size);
  reply_string(c.reply, view.at(index));
  list.erase(index);
  list.shrink();
  told_of_pop(c, key, end, 1, size - 1);
}

void pop_some(CommandContext& c, std::string_view key, ListEditor& list, ListEnd end, uint64_t count) {
  const ListView view(*list.entry());
  const uint64_t size = view.size();
  count = std::min(count, size);
  c.reply.array(count);
  uint64_t left = count;
  view.for_each_from(index_of(end, size), end == ListEnd::kHead ? ListEnd::kTail : ListEnd::kHead,
                     [&](const StringView& element) {
                       reply_string(c.reply, element);
                       return --left > 0;
                     });
  list.erase(end == ListEnd::kHead ? 0 : size - count, count);
  list.shrink();
  told_of_pop(c, key, end, count, size - count);
}

// Calls pop(key, list) for the first key that is there.
template <typename Pop>
bool pop_from_first(CommandContext& c, std::span<const std::string_view> keys, Pop&& pop) {
  for (const std::string_view key : keys) {
    ListEditor list(c.db(), key);
    if (!is_list_or_none(c, list)) return true;
    if (list.entry() == nullptr) continue;
    pop(key, list);
    return true;
  }
  return false;
}

}  // namespace

bool op_pop(CommandContext& c, std::string_view key, ListEnd end) {
  ListEditor list(c.db(), key);
  if (!is_list_or_none(c, list)) return true;
  if (list.entry() == nullptr) return false;
  pop_one(c, key, list, end);
  return true;
}

bool op_pop_some(CommandContext& c, std::string_view key, ListEnd end, uint64_t count) {
  ListEditor list(c.db(), key);
  if (!is_list_or_none(c, list)) return true;
  if (list.entry() == nullptr) return false;
  if (count > 0) {
    pop_some(c, key, list, end, count);
  } else {
    c.reply.array(0);
  }
  return true;
}

bool op_pop_first(CommandContext& c, std::span<const std::string_view> keys, ListEnd end) {
  return pop_from_first(c, keys, [&](std::string_view key, ListEditor& list) {
    c.reply.array(2);
    c.reply.bulk(key);
    pop_one(c, key, list, end);
  });
}

bool op_multi_pop(CommandContext& c, const ListMultiPop& wanted) {
  return pop_from_first(c, wanted.keys, [&](std::string_view key, ListEditor& list) {
    c.reply.array(2);
    c.reply.bulk(key);
    pop_some(c, key, list, wanted.end, wanted.count);
  });
}

std::optional<ListMultiPop> list_multi_pop_arguments(CommandContext& c, size_t index) {
  constexpr std::string_view kNoCount = "ERR count should be greater than 0";
  const auto keys = counted_keys(c, index);
  if (!keys) return std::nullopt;
  const size_t where = index + 1 + keys->size();
  if (where >= c.args.size()) {
    c.reply.error(kSyntaxError);
    return std::nullopt;
  }
  const auto end = list_end_argument(c, where);
  if (!end) return std::nullopt;
  if (where + 1 == c.args.size()) return ListMultiPop{*keys, *end, 1};
  if (!is_option(c.args[where + 1], "COUNT") || where + 2 >= c.args.size()) {
    c.reply.error(kSyntaxError);
    return std::nullopt;
  }
  const auto count = integer_argument(c, where + 2, kNoCount);
  if (!count) return std::nullopt;
  if (*count <= 0 || where + 3 < c.args.size()) {
    c.reply.error(*count <= 0 ? kNoCount : kSyntaxError);
    return std::nullopt;
  }
  return ListMultiPop{*keys, *end, static_cast<uint64_t>(*count)};
}

// ---- moving ----

namespace {

// Within one list. An element that is alone stays where it is, but counts as moved.
void rotate(CommandContext& c, const ListMove& move, std::string_view element) {
  ListEditor list(c.db(), move.source);
  const uint64_t size = list.size();
  if (size == 1) {
    list.touch();
  } else {
    list.erase(index_of(move.from, size));
    list.push(move.to, element);
    list.shrink();
  }
  told_of_push(c, move.destination, move.to);
  told_of_pop(c, move.source, move.from, 1, size);
}

void carry(CommandContext& c, const ListMove& move, std::string_view element) {
  ListEditor(c.db(), move.destination).push(move.to, element);
  told_of_push(c, move.destination, move.to);
  ListEditor source(c.db(), move.source);
  const uint64_t size = source.size();
  source.erase(index_of(move.from, size));
  source.shrink();
  told_of_pop(c, move.source, move.from, 1, size - 1);
}

}  // namespace

bool op_move(CommandContext& c, const ListMove& move) {
  const auto source = find_of_type(c, move.source, ObjectType::kList, Lookup::kWrite);
  if (!source) return true;
  if (*source == nullptr) return false;
  const ListView view(**source);
  StringView::Scratch scratch;
  const std::string element(view.at(index_of(move.from, view.size())).text(scratch));
  if (move.source == move.destination) {
    rotate(c, move, element);
  } else {
    if (!find_of_type(c, move.destination, ObjectType::kList, Lookup::kWrite)) return true;
    carry(c, move, element);
  }
  c.reply.bulk(element);
  return true;
}

}  // namespace cowslip::commands
