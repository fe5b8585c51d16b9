// Commands of the group "generic", and those that act on whole databases.
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

Steps one(Arguments arguments, Compare compare = Compare::kExact, Action action = Action::kSend) {
  return {{std::move(arguments), compare, action}};
}

Steps make_keys_command(Pool& pool, std::string_view name) {
  Arguments arguments = {pool.word(name)};
  do arguments.push_back(pool.key());
  while (pool.chance(40));
  return one(arguments);
}

Steps make_expire(Pool& pool, std::string_view name, const std::string& time) {
  Arguments arguments = {pool.word(name), pool.key(), time};
  if (pool.chance(50)) arguments.push_back(pool.word(pool.one_of({"NX", "XX", "GT", "LT"})));
  if (pool.chance(10)) arguments.push_back(pool.word(pool.one_of({"NX", "XX", "GT", "LT", "EQ"})));
  return one(arguments);
}

Steps make_scan(Pool& pool) {
  Arguments arguments = {"SCAN", pool.chance(90) ? "0" : pool.one_of({"abc", "", "18446744073709551616", "1.5"})};
  if (pool.chance(50)) arguments.insert(arguments.end(), {pool.word("MATCH"), pool.glob()});
  if (pool.chance(50)) {
    const std::string count = pool.chance(90) ? std::to_string(pool.between(1, 1000)) : pool.integer();
    arguments.insert(arguments.end(), {pool.word("COUNT"), count});
  }
  if (pool.chance(30))
    arguments.insert(arguments.end(), {pool.word("TYPE"), pool.one_of({"string", "STRING", "list"})});
  if (pool.chance(3)) arguments.push_back(pool.one_of({"MATCH", "COUNT", "TYPE", "HUH"}));
  return one(arguments, Compare::kUnordered, Action::kWholeScan);
}

Steps make_copy(Pool& pool) {
  Arguments arguments = {"COPY", pool.key(), pool.key()};
  if (pool.chance(50)) arguments.insert(arguments.end(), {pool.word("DB"), pool.database()});
  if (pool.chance(40)) arguments.push_back(pool.word("REPLACE"));
  if (pool.chance(4)) arguments.push_back(pool.one_of({"DB", "HUH"}));
  return one(arguments);
}

std::string broken_payload(Pool& pool) {
  // The empty string, noise, and a valid footer around nothing.
  return pool.chance(50) ? pool.bytes(static_cast<size_t>(pool.between(0, 40)))
                         : std::string("\0\1a\x0a\0", 5) + pool.bytes(8);
}

Steps make_restore(Pool& pool) {
  Arguments arguments = {"RESTORE", pool.key(), pool.milliseconds_to_live(), broken_payload(pool)};
  if (pool.chance(40)) arguments.push_back(pool.word("REPLACE"));
  if (pool.chance(40)) arguments.push_back(pool.word("ABSTTL"));
  if (pool.chance(30)) arguments.insert(arguments.end(), {pool.word("IDLETIME"), pool.integer()});
  if (pool.chance(30)) arguments.insert(arguments.end(), {pool.word("FREQ"), pool.integer()});
  if (pool.chance(4)) arguments.push_back(pool.one_of({"IDLETIME", "HUH"}));
  return one(arguments);
}

Steps make_dump(Pool& pool) {
  if (pool.chance(20)) return one({"DUMP", pool.key()}, Compare::kAnswer);
  return one({"DUMP", pool.key(), pool.key()}, Compare::kExact, Action::kSwapDumps);
}

Steps make_flush(Pool& pool, std::string_view name) {
  // Seldom with success: a dataset that is flushed all the time tests nothing.
  if (pool.chance(70)) return one({std::string(name), pool.one_of({"NOW", "", "ASYNC SYNC", "1"})});
  Arguments arguments = {pool.word(name)};
  if (pool.chance(70)) arguments.push_back(pool.word(pool.one_of({"SYNC", "ASYNC"})));
  return one(arguments);
}

Steps make_object(Pool& pool, std::string_view word, Compare compare) {
  return one({"OBJECT", pool.word(word), pool.key()}, compare);
}

const Generator kGenerators[] = {
    {"del", 8, [](Pool& p) { return make_keys_command(p, "DEL"); }},
    {"unlink", 6, [](Pool& p) { return make_keys_command(p, "UNLINK"); }},
    {"exists", 8, [](Pool& p) { return make_keys_command(p, "EXISTS"); }},
    {"touch", 4, [](Pool& p) { return make_keys_command(p, "TOUCH"); }},
    {"type", 6, [](Pool& p) { return one({"TYPE", p.key()}); }},
    {"expire", 14, [](Pool& p) { return make_expire(p, "EXPIRE", p.seconds_to_live()); }},
    {"pexpire", 14, [](Pool& p) { return make_expire(p, "PEXPIRE", p.milliseconds_to_live()); }},
    {"expireat", 14, [](Pool& p) { return make_expire(p, "EXPIREAT", p.unix_seconds()); }},
    {"pexpireat", 14, [](Pool& p) { return make_expire(p, "PEXPIREAT", p.unix_milliseconds()); }},
    {"ttl", 6, [](Pool& p) { return one({"TTL", p.key()}, Compare::kClock); }},
    {"pttl", 6, [](Pool& p) { return one({"PTTL", p.key()}, Compare::kClock); }},
    {"expiretime", 6, [](Pool& p) { return one({"EXPIRETIME", p.key()}, Compare::kClock); }},
    {"pexpiretime", 6, [](Pool& p) { return one({"PEXPIRETIME", p.key()}, Compare::kClock); }},
    {"persist", 8, [](Pool& p) { return one({"PERSIST", p.key()}); }},
    {"keys", 4, [](Pool& p) { return one({"KEYS", p.glob()}, Compare::kUnordered); }},
    {"scan", 5, make_scan},
    {"randomkey", 4, [](Pool&) { return one({"RANDOMKEY"}, Compare::kExact, Action::kRandomKey); }},
    {"rename", 6, [](Pool& p) { return one({"RENAME", p.key(), p.key()}); }},
    {"renamenx", 6, [](Pool& p) { return one({"RENAMENX", p.key(), p.key()}); }},
    {"copy", 8, make_copy},
    {"move", 6, [](Pool& p) { return one({"MOVE", p.key(), p.database()}); }},
    {"dump", 8, make_dump},
    {"restore", 6, make_restore},
    {"object|encoding", 10, [](Pool& p) { return make_object(p, "ENCODING", Compare::kEncoding); }},
    {"object|freq", 3, [](Pool& p) { return make_object(p, "FREQ", Compare::kAnswer); }},
    {"object|idletime", 3, [](Pool& p) { return make_object(p, "IDLETIME", Compare::kClock); }},
    // Which small integers Redis shares (a copied one, for instance, it does not) is its own affair.
    {"object|refcount", 3, [](Pool& p) { return make_object(p, "REFCOUNT", Compare::kAnswer); }},
    {"object|help", 1, [](Pool&) { return one({"OBJECT", "HELP"}, Compare::kAnswer); }},
    {"object", 2, [](Pool& p) { return one({"OBJECT", p.one_of({"NONSENSE", "", "enc"}), p.key()}); }},
    {"dbsize", 4, [](Pool&) { return one({"DBSIZE"}); }},
    {"swapdb", 3, [](Pool& p) { return one({"SWAPDB", p.database(), p.database()}); }},
    {"flushdb", 2, [](Pool& p) { return make_flush(p, "FLUSHDB"); }},
    {"flushall", 1, [](Pool& p) { return make_flush(p, "FLUSHALL"); }},
};

}  // namespace

std::span<const Generator> key_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
