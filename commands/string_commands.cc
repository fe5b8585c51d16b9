// Strings as wholes: set them, get them, several at a time, with an expiry.
#include "commands/arguments.h"
#include "commands/families.h"
#include "commands/key_prefetch.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::ExpiryChange;
using store::Lookup;

// ---- options of SET and GETEX ----

struct StringOptions {
  bool only_if_absent = false;   // NX
  bool only_if_present = false;  // XX
  bool get = false;
  bool keep_ttl = false;
  bool persist = false;
  std::optional<TimeForm> time_form;
  size_t time_index = 0;
};

std::optional<TimeForm> time_form_of(std::string_view option) {
  if (is_option(option, "EX")) return TimeForm::kSeconds;
  if (is_option(option, "PX")) return TimeForm::kMilliseconds;
  if (is_option(option, "EXAT")) return TimeForm::kUnixSeconds;
  if (is_option(option, "PXAT")) return TimeForm::kUnixMilliseconds;
  return std::nullopt;
}

// Takes one option that has no value. False when it is none, or contradicts an earlier one.
bool take_set_flag(std::string_view option, StringOptions& options) {
  if (is_option(option, "NX")) return options.only_if_absent = !options.only_if_present;
  if (is_option(option, "XX")) return options.only_if_present = !options.only_if_absent;
  if (is_option(option, "GET")) return options.get = true;
  if (is_option(option, "KEEPTTL")) return options.keep_ttl = !options.time_form;
  return false;
}

bool take_getex_flag(std::string_view option, StringOptions& options) {
  return is_option(option, "PERSIST") && (options.persist = !options.time_form);
}

// The options from argument `first` on. The same option may be given twice (the last value counts), two different ones
// for the expiry may not.
std::optional<StringOptions> parse_options(CommandContext& c, size_t first,
                                           bool (*take_flag)(std::string_view, StringOptions&)) {
  StringOptions options;
  for (size_t i = first; i < c.args.size(); i++) {
    const auto form = time_form_of(c.args[i]);
    const bool has_value = i + 1 < c.args.size();
    if (form && has_value && !options.keep_ttl && !options.persist && options.time_form.value_or(*form) == *form) {
      options.time_form = form;
      options.time_index = ++i;
    } else if (form || !take_flag(c.args[i], options)) {
      c.reply.error(kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

// ---- SET and its older relatives ----

// Replies with the string `entry` holds (or null); false, with an error reply, when it is no string.
bool reply_entry(CommandContext& c, const Entry* entry) {
  if (entry == nullptr) {
    c.reply.null();
  } else if (!is_string(*entry)) {
    c.reply.error(kWrongType);
    return false;
  } else {
    reply_string(c.reply, entry->string());
  }
  return true;
}

void op_set(CommandContext& c, std::string_view key, std::string_view value, ExpiryChange expiry = {}) {
  c.db().set_string(key, value, expiry);
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kString, "set", key);
  if (expiry.kind == ExpiryChange::Kind::kSet) c.notify(EventClass::kGeneric, "expire", key);
}

void set_with_options(CommandContext& c, const StringOptions& options, ExpiryChange expiry) {
  const std::string_view key = c.args[1];
  bool proceed = true;
  if (options.get || options.only_if_absent || options.only_if_present) {
    const Entry* old = c.db().find(key, options.get ? c.read_lookup() : Lookup::kPeek);
    if (options.get && !reply_entry(c, old)) return;
    proceed = old != nullptr ? !options.only_if_absent : !options.only_if_present;
    if (!proceed) c.db().find(key, Lookup::kWrite);  // a use of the key: writing it would be one as well
  }
  if (proceed) op_set(c, key, c.args[2], expiry);
  if (options.get) return;
  if (proceed) {
    c.reply.ok();
  } else {
    c.reply.null();
  }
}

void cmd_set(CommandContext& c) {
  if (c.args.size() == 3) {
    op_set(c, c.args[1], c.args[2]);
    return c.reply.ok();
  }
  const auto options = parse_options(c, 3, take_set_flag);
  if (!options) return;
  ExpiryChange expiry = options->keep_ttl ? ExpiryChange::keep() : ExpiryChange::drop();
  if (options->time_form) {
    const auto at_ms = deadline_argument(c, options->time_index, *options->time_form);
    if (!at_ms) return;
    expiry = ExpiryChange::set(*at_ms);
  }
  set_with_options(c, *options, expiry);
}

void cmd_setnx(CommandContext& c) {
  const bool absent = c.db().find(c.args[1], Lookup::kWrite) == nullptr;
  if (absent) op_set(c, c.args[1], c.args[2]);
  c.reply.integer(absent);
}

void set_with_expiry(CommandContext& c, TimeForm form) {
  const auto at_ms = deadline_argument(c, 2, form);
  if (!at_ms) return;
  op_set(c, c.args[1], c.args[3], ExpiryChange::set(*at_ms));
  c.reply.ok();
}

void cmd_setex(CommandContext& c) {
  set_with_expiry(c, TimeForm::kSeconds);
}
void cmd_psetex(CommandContext& c) {
  set_with_expiry(c, TimeForm::kMilliseconds);
}

// ---- GET and its relatives ----

void cmd_get(CommandContext& c) {
  reply_entry(c, c.db().find(c.args[1], c.read_lookup()));
}

void cmd_getset(CommandContext& c) {
  if (!reply_entry(c, c.db().find(c.args[1], c.read_lookup()))) return;
  op_set(c, c.args[1], c.args[2]);
}

void cmd_getdel(CommandContext& c) {
  const Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (!reply_entry(c, entry) || entry == nullptr) return;
  c.db().erase(c.args[1]);
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kGeneric, "del", c.args[1]);
}

// What GETEX does to the expiry of a key that is there. A moment in the past deletes the key, except when it was given
// as a duration, which cannot be in the past.
void op_getex(CommandContext& c, std::string_view key, const StringOptions& options, int64_t at_ms) {
  std::string_view event = "expire";
  if (options.persist) {
    if (!c.db().persist(key)) return;
    event = "persist";
  } else if (!is_relative(*options.time_form) && at_ms <= c.keyspace.now_ms()) {
    c.db().erase(key);
    event = "del";
  } else {
    c.db().set_expiry(key, at_ms);
  }
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kGeneric, event, key);
}

void cmd_getex(CommandContext& c) {
  const auto options = parse_options(c, 2, take_getex_flag);
  if (!options) return;
  const Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (entry == nullptr) return c.reply.null();
  if (!is_string(*entry)) return c.reply.error(kWrongType);
  int64_t at_ms = 0;
  if (options->time_form) {
    const auto deadline = deadline_argument(c, options->time_index, *options->time_form);
    if (!deadline) return;
    at_ms = *deadline;
  }
  reply_string(c.reply, entry->string());
  if (options->persist || options->time_form) op_getex(c, c.args[1], *options, at_ms);
}

// ---- several keys ----

// A key that holds something else than a string reads like one that is not there.
void cmd_mget(CommandContext& c) {
  c.reply.array(c.args.size() - 1);
  KeysAhead ahead(c.db(), c.args, c.spec.keys.step);
  for (size_t i = 1; i < c.args.size(); i++) {
    ahead.reach(i);
    const Entry* entry = c.db().find(c.args[i], c.read_lookup());
    reply_entry(c, entry != nullptr && is_string(*entry) ? entry : nullptr);
  }
}

bool check_pairs(CommandContext& c) {
  if (c.args.size() % 2 == 1) return true;
  c.reply.error(wrong_arity(c.spec.name));
  return false;
}

void op_mset(CommandContext& c) {
  KeysAhead ahead(c.db(), c.args, c.spec.keys.step);
  for (size_t i = 1; i < c.args.size(); i += 2) {
    ahead.reach(i);
    c.db().set_string(c.args[i], c.args[i + 1]);
    c.notify(EventClass::kString, "set", c.args[i]);
  }
  c.keyspace.add_dirty((c.args.size() - 1) / 2);
}

void cmd_mset(CommandContext& c) {
  if (!check_pairs(c)) return;
  op_mset(c);
  c.reply.ok();
}

void cmd_msetnx(CommandContext& c) {
  if (!check_pairs(c)) return;
  KeysAhead ahead(c.db(), c.args, c.spec.keys.step);
  for (size_t i = 1; i < c.args.size(); i += 2) {
    ahead.reach(i);
    if (c.db().find(c.args[i], Lookup::kWrite) != nullptr) return c.reply.integer(0);
  }
  op_mset(c);
  c.reply.integer(1);
}

// SET reads its key only when it is asked to.
uint16_t set_key_flags(std::span<const std::string_view> args) {
  for (size_t i = 3; i < args.size(); i++) {
    if (is_option(args[i], "GET")) return kKeyRW | kKeyAccess | kKeyUpdate;
  }
  return kKeyOW | kKeyUpdate;
}

constexpr CommandSpec kSpecs[] = {
    {.name = "get",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "string",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Replies with the string that a key holds.",
     .syntax = "key",
     .handler = cmd_get,
     .categories = "@string"},
    {.name = "set",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariable,
     .group = "string",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key a string value, whatever it held before; with options for conditions and for the expiry.",
     .syntax = "key value [condition= NX | XX] [GET] [expiration= EX seconds:integer | PX milliseconds:integer | "
               "EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | KEEPTTL]",
     .handler = cmd_set,
     .categories = "@string",
     .variable_key_flags = set_key_flags},
    {.name = "setnx",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyOW | kKeyInsert,
     .group = "string",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key a string value if there is no such key yet.",
     .syntax = "key value",
     .handler = cmd_setnx,
     .categories = "@string",
     .deprecated_since = "2.6.12",
     .replaced_by = "`SET` with `NX`"},
    {.name = "setex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = kOneKey,
     .key_flags = kKeyOW | kKeyUpdate,
     .group = "string",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key a string value that lasts for some seconds.",
     .syntax = "key seconds:integer value",
     .handler = cmd_setex,
     .categories = "@string",
     .deprecated_since = "2.6.12",
     .replaced_by = "`SET` with `EX`"},
    {.name = "psetex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = kOneKey,
     .key_flags = kKeyOW | kKeyUpdate,
     .group = "string",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Gives a key a string value that lasts for some milliseconds.",
     .syntax = "key milliseconds:integer value",
     .handler = cmd_psetex,
     .categories = "@string",
     .deprecated_since = "2.6.12",
     .replaced_by = "`SET` with `PX`"},
    {.name = "getset",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyUpdate,
     .group = "string",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Replaces a key's string and replies with the old one.",
     .syntax = "key value",
     .handler = cmd_getset,
     .categories = "@string",
     .deprecated_since = "6.2.0",
     .replaced_by = "`SET` with `GET`"},
    {.name = "getdel",
     .arity = 2,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyDelete,
     .group = "string",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Deletes a key and replies with the string it held.",
     .syntax = "key",
     .handler = cmd_getdel,
     .categories = "@string"},
    {.name = "getex",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyUpdate,
     .group = "string",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Replies with the string that a key holds, and may change when the key expires.",
     .syntax = "key [expiration= EX seconds:integer | PX milliseconds:integer | EXAT unix-time-seconds:unix-time | "
               "PXAT unix-time-milliseconds:unix-time | PERSIST]",
     .handler = cmd_getex,
     .categories = "@string"},
    {.name = "mget",
     .arity = -2,
     .flags = kReadonly | kFast,
     .keys = kAllKeys,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "string",
     .since = "1.0.0",
     .complexity = "O(N) for N keys",
     .summary = "Replies with the strings that several keys hold.",
     .syntax = "key ...",
     .handler = cmd_mget,
     .categories = "@string",
     .tips = "request_policy:multi_shard"},
    {.name = "mset",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = {1, -1, 2},
     .key_flags = kKeyOW | kKeyUpdate,
     .group = "string",
     .since = "1.0.1",
     .complexity = "O(N) for N keys",
     .summary = "Gives several keys string values at once.",
     .syntax = "<data= key value> ...",
     .handler = cmd_mset,
     .categories = "@string",
     .tips = "request_policy:multi_shard response_policy:all_succeeded"},
    {.name = "msetnx",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = {1, -1, 2},
     .key_flags = kKeyOW | kKeyInsert,
     .group = "string",
     .since = "1.0.1",
     .complexity = "O(N) for N keys",
     .summary = "Gives several keys string values at once, if none of them is there yet.",
     .syntax = "<data= key value> ...",
     .handler = cmd_msetnx,
     .categories = "@string"},
};

}  // namespace

std::span<const CommandSpec> string_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
