// Commands of the group "string".
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

Steps one(Arguments arguments, Compare compare = Compare::kExact) {
  return {{std::move(arguments), compare}};
}

void add_expiry_option(Pool& pool, Arguments& arguments) {
  switch (pool.random().below(4)) {
    case 0:
      arguments.insert(arguments.end(), {pool.word("EX"), pool.seconds_to_live()});
      return;
    case 1:
      arguments.insert(arguments.end(), {pool.word("PX"), pool.milliseconds_to_live()});
      return;
    case 2:
      arguments.insert(arguments.end(), {pool.word("EXAT"), pool.unix_seconds()});
      return;
    default:
      arguments.insert(arguments.end(), {pool.word("PXAT"), pool.unix_milliseconds()});
      return;
  }
}

Steps make_set(Pool& pool) {
  Arguments arguments = {"SET", pool.key(), pool.value()};
  if (pool.chance(40)) return one(arguments);
  if (pool.chance(40)) arguments.push_back(pool.word(pool.one_of({"NX", "XX"})));
  if (pool.chance(40)) arguments.push_back(pool.word("GET"));
  if (pool.chance(15)) arguments.push_back(pool.word("KEEPTTL"));
  if (pool.chance(40)) add_expiry_option(pool, arguments);
  if (pool.chance(4)) arguments.push_back(pool.one_of({"NX", "XX", "EX", "KEEPTTL", "WHAT", ""}));
  if (pool.chance(4)) add_expiry_option(pool, arguments);
  // A moment in the past leaves a key that has expired already. The next command to meet it takes it away, except that
  // Redis counts SCAN among those commands and we do not; so it goes at once.
  return {{arguments}, {{"EXISTS", arguments[1]}}};
}

// A key that expires while nobody looks, then is found gone by whatever command comes first.
Steps make_expired_key(Pool& pool) {
  const std::string key = pool.key();
  Step set{{"SET", key, pool.value(), "PX", "1"}, Compare::kExact, Action::kSend, 4};
  Step visit{
      {pool.one_of({"GET", "GETDEL", "TTL", "INCR", "STRLEN", "PERSIST", "TYPE", "DUMP", "SETNX", "GETSET"}), key}};
  if (visit.arguments[0] == "SETNX" || visit.arguments[0] == "GETSET") visit.arguments.push_back(pool.value());
  return {set, visit, {{"EXISTS", key}}};  // the last one takes it away on both sides
}

Steps make_set_or_expire(Pool& pool) {
  return pool.chance(3) ? make_expired_key(pool) : make_set(pool);
}

Steps make_getex(Pool& pool) {
  Arguments arguments = {"GETEX", pool.key()};
  if (pool.chance(60)) add_expiry_option(pool, arguments);
  if (pool.chance(20)) arguments.push_back(pool.word("PERSIST"));
  if (pool.chance(4)) arguments.push_back(pool.one_of({"KEEPTTL", "EX", "NX"}));
  return one(arguments);
}

Steps make_many(Pool& pool, std::string_view name, bool with_values) {
  Arguments arguments = {pool.word(name)};
  for (int64_t count = pool.between(1, 6); count > 0; --count) {
    arguments.push_back(pool.key());
    if (with_values && !pool.chance(2)) arguments.push_back(pool.value());
  }
  return one(arguments);
}

Steps make_lcs(Pool& pool) {
  const std::string a = pool.key();
  const std::string b = pool.key();
  Arguments lcs = {"LCS", a, b};
  if (pool.chance(30)) lcs.push_back(pool.word("LEN"));
  if (pool.chance(50)) lcs.push_back(pool.word("IDX"));
  if (pool.chance(30)) lcs.insert(lcs.end(), {pool.word("MINMATCHLEN"), pool.integer()});
  if (pool.chance(40)) lcs.push_back(pool.word("WITHMATCHLEN"));
  if (pool.chance(4)) lcs.push_back("NONSENSE");
  // The work grows with the product of the lengths, so the strings are short ones written for the purpose.
  return {{{"SET", a, pool.one_of({"ohmytext", "abcabcabc", "1234567", "", "xxayybzz"})}},
          {{"SET", b, pool.one_of({"mynewtext", "bcabca", "2345", "zzz", "qqaqqbqq"})}},
          {lcs}};
}

const Generator kGenerators[] = {
    {"get", 30, [](Pool& p) { return one({p.word("GET"), p.key()}); }},
    {"set", 60, make_set_or_expire},
    {"setnx", 6, [](Pool& p) { return one({"SETNX", p.key(), p.value()}); }},
    {"setex", 6, [](Pool& p) { return one({"SETEX", p.key(), p.seconds_to_live(), p.value()}); }},
    {"psetex", 6, [](Pool& p) { return one({"PSETEX", p.key(), p.milliseconds_to_live(), p.value()}); }},
    {"getset", 6, [](Pool& p) { return one({"GETSET", p.key(), p.value()}); }},
    {"getdel", 6, [](Pool& p) { return one({"GETDEL", p.key()}); }},
    {"getex", 12, make_getex},
    {"mget", 10, [](Pool& p) { return make_many(p, "MGET", false); }},
    {"mset", 10, [](Pool& p) { return make_many(p, "MSET", true); }},
    {"msetnx", 6, [](Pool& p) { return make_many(p, "MSETNX", true); }},
    {"append", 12, [](Pool& p) { return one({"APPEND", p.key(), p.value()}); }},
    {"strlen", 8, [](Pool& p) { return one({"STRLEN", p.key()}); }},
    {"incr", 12, [](Pool& p) { return one({"INCR", p.key()}); }},
    {"decr", 8, [](Pool& p) { return one({"DECR", p.key()}); }},
    {"incrby", 12, [](Pool& p) { return one({"INCRBY", p.key(), p.integer()}); }},
    {"decrby", 10, [](Pool& p) { return one({"DECRBY", p.key(), p.integer()}); }},
    {"incrbyfloat", 14, [](Pool& p) { return one({"INCRBYFLOAT", p.key(), p.real()}); }},
    {"getrange", 10, [](Pool& p) { return one({"GETRANGE", p.key(), p.offset(), p.offset()}); }},
    {"substr", 4, [](Pool& p) { return one({"SUBSTR", p.key(), p.offset(), p.offset()}); }},
    {"setrange", 8, [](Pool& p) { return one({"SETRANGE", p.key(), p.offset(), p.one_of({"", "x", "hello", "12"})}); }},
    {"lcs", 6, make_lcs},
};

}  // namespace

std::span<const Generator> string_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
