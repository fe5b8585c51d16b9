#include "commands/acl_categories.h"
#include "commands/command_keys.h"
#include "commands/command_replies.h"
#include "commands/words.h"

namespace cowslip::commands {
namespace {

using protocol::ReplyWriter;

void reply_categories(ReplyWriter& reply, uint32_t categories) {
  const auto mark = reply.begin_aggregate();
  size_t count = 0;
  for (const std::string_view name : acl_category_names()) {
    if ((categories & 1) != 0) {
      reply.simple("@" + std::string(name));
      count++;
    }
    categories >>= 1;
  }
  reply.end_set(mark, count);
}

void reply_words(ReplyWriter& reply, std::string_view words) {
  const auto mark = reply.begin_aggregate();
  size_t count = 0;
  for_each_word(words, [&](std::string_view word) {
    reply.bulk(word);
    count++;
  });
  reply.end_set(mark, count);
}

void reply_pair(ReplyWriter& reply, std::string_view name, std::string_view value) {
  reply.bulk(name);
  reply.bulk(value);
}

void reply_pair(ReplyWriter& reply, std::string_view name, int value) {
  reply.bulk(name);
  reply.integer(value);
}

void reply_begin_search(ReplyWriter& reply, const KeySpec& spec) {
  reply.map(2);
  switch (spec.search) {
    case KeySearch::kUnknown:
      reply_pair(reply, "type", "unknown");
      reply.bulk("spec");
      return reply.map(0);
    case KeySearch::kKeyword:
      reply_pair(reply, "type", "keyword");
      reply.bulk("spec");
      reply.map(2);
      reply_pair(reply, "keyword", spec.keyword);
      return reply_pair(reply, "startfrom", spec.range.first);
    case KeySearch::kRange:
    case KeySearch::kCounted:
      reply_pair(reply, "type", "index");
      reply.bulk("spec");
      reply.map(1);
      return reply_pair(reply, "index", spec.range.first);
  }
}

// Positions count from where the search has ended: the first key, the number of keys, or the keyword.
void reply_find_keys(ReplyWriter& reply, const KeySpec& spec) {
  reply.map(2);
  switch (spec.search) {
    case KeySearch::kUnknown:
      reply_pair(reply, "type", "unknown");
      reply.bulk("spec");
      return reply.map(0);
    case KeySearch::kCounted:
      reply_pair(reply, "type", "keynum");
      reply.bulk("spec");
      reply.map(3);
      reply_pair(reply, "keynumidx", 0);
      reply_pair(reply, "firstkey", 1);
      return reply_pair(reply, "keystep", spec.range.step);
    case KeySearch::kRange:
    case KeySearch::kKeyword:
      reply_pair(reply, "type", "range");
      reply.bulk("spec");
      reply.map(3);
      const bool one = spec.search == KeySearch::kKeyword;
      const int last = spec.range.last < 0 ? spec.range.last : spec.range.last - spec.range.first;
      reply_pair(reply, "lastkey", one ? 0 : last);
      reply_pair(reply, "keystep", one ? 1 : spec.range.step);
      return reply_pair(reply, "limit", 0);
  }
}

void reply_key_spec(ReplyWriter& reply, const KeySpec& spec) {
  reply.map(spec.notes.empty() ? 3 : 4);
  if (!spec.notes.empty()) reply_pair(reply, "notes", spec.notes);
  reply.bulk("flags");
  reply_flags(reply, key_flag_names(), spec.flags);
  reply.bulk("begin_search");
  reply_begin_search(reply, spec);
  reply.bulk("find_keys");
  reply_find_keys(reply, spec);
}

}  // namespace

void reply_flags(ReplyWriter& reply, std::span<const FlagName> names, uint32_t flags) {
  const auto mark = reply.begin_aggregate();
  size_t count = 0;
  for (const auto& [flag, name] : names) {
    if ((flags & flag) == 0) continue;
    reply.simple(name);
    count++;
  }
  reply.end_set(mark, count);
}

void reply_command_info(ReplyWriter& reply, const Command& command) {
  const CommandSpec& spec = *command.spec;
  const std::vector<KeySpec> key_specs = key_specs_of(spec);
  reply.array(10);
  reply.bulk(command.full_name);
  reply.integer(spec.arity);
  reply_flags(reply, command_flag_names(), spec.flags);
  reply.integer(spec.keys.first);
  reply.integer(spec.keys.last);
  reply.integer(spec.keys.step);
  reply_categories(reply, acl_categories_of(spec));
  reply_words(reply, spec.tips);
  reply.set(key_specs.size());
  for (const KeySpec& key_spec : key_specs) reply_key_spec(reply, key_spec);
  reply.set(command.subcommands.size());
  for (const auto& subcommand : command.subcommands) reply_command_info(reply, *subcommand);
}

}  // namespace cowslip::commands
