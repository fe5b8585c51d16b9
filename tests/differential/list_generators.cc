// Commands of the group "list". Each comes in the middle of others, on lists that are short, near the limit of a
// listpack, or beyond it; what is left is compared, too.
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

std::string list_key(Pool& pool) {
  return pool.key_of("list");
}

// Few, so that equal ones meet.
std::string element(Pool& pool) {
  if (pool.chance(5)) return pool.value();
  if (pool.chance(5)) return pool.bytes(static_cast<size_t>(pool.between(0, 300)));
  if (pool.chance(30)) return std::to_string(pool.between(-3, 9) * pool.between(1, 1'000'000'000'000));
  return pool.one_of({"", "a", "b", "c", "1", "2", "-1", "01", "one element", "9223372036854775807",
                      "-9223372036854775808", "9223372036854775808"});
}

std::string index(Pool& pool) {
  if (pool.chance(4)) return pool.integer();
  return std::to_string(pool.chance(80) ? pool.between(-6, 6) : pool.between(-700, 700));
}

std::string side(Pool& pool) {
  return pool.word(pool.chance(97) ? pool.one_of({"LEFT", "RIGHT"}) : pool.one_of({"", "HEAD", "LEFTRIGHT"}));
}

Arguments push(Pool& pool, std::string_view name) {
  Arguments arguments = {pool.word(name), list_key(pool)};
  int64_t count = pool.between(1, 4);
  if (pool.chance(20)) count = pool.between(1, 900);
  while (count-- > 0) arguments.push_back(element(pool));
  return arguments;
}

Arguments pop(Pool& pool, std::string_view name) {
  Arguments arguments = {pool.word(name), list_key(pool)};
  if (pool.chance(40)) {
    arguments.push_back(pool.chance(90) ? std::to_string(pool.between(0, pool.chance(80) ? 5 : 400)) : pool.integer());
  }
  if (pool.chance(3)) arguments.emplace_back("1");
  return arguments;
}

Arguments mpop(Pool& pool) {
  const int64_t keys = pool.between(1, 4);
  Arguments arguments = {pool.word("LMPOP"), pool.chance(93) ? std::to_string(keys) : pool.integer()};
  for (int64_t i = 0; i < keys; ++i) arguments.push_back(list_key(pool));
  arguments.push_back(side(pool));
  if (pool.chance(50)) {
    const std::string count = pool.chance(90) ? std::to_string(pool.between(1, 20)) : pool.integer();
    arguments.insert(arguments.end(), {pool.word("COUNT"), count});
  }
  if (pool.chance(4)) arguments.push_back(pool.one_of({"COUNT", "HUH", "1"}));
  return arguments;
}

Arguments move(Pool& pool) {
  const std::string source = list_key(pool);
  return {pool.word("LMOVE"), source, pool.chance(30) ? source : list_key(pool), side(pool), side(pool)};
}

Arguments rpoplpush(Pool& pool) {
  const std::string source = list_key(pool);
  return {pool.word("RPOPLPUSH"), source, pool.chance(30) ? source : list_key(pool)};
}

Arguments position(Pool& pool) {
  Arguments arguments = {pool.word("LPOS"), list_key(pool), element(pool)};
  while (pool.chance(50)) {
    arguments.push_back(pool.word(pool.one_of({"RANK", "COUNT", "MAXLEN"})));
    arguments.push_back(pool.chance(93) ? std::to_string(pool.between(-4, 12)) : pool.integer());
    // Redis 7.0 takes it for a rank, 7.2 does not.
    if (arguments.back() == "-9223372036854775808") arguments.back() = "0";
  }
  if (pool.chance(4)) arguments.push_back(pool.one_of({"RANK", "COUNT", "MAXLEN", "HUH"}));
  return arguments;
}

Arguments insert(Pool& pool) {
  const std::string where = pool.word(pool.chance(96) ? pool.one_of({"BEFORE", "AFTER"}) : "BESIDE");
  return {pool.word("LINSERT"), list_key(pool), where, element(pool), element(pool)};
}

Arguments trim(Pool& pool) {
  // Rarely nearly all, which would leave only short lists.
  const bool little = pool.chance(80);
  return {pool.word("LTRIM"), list_key(pool), little ? std::to_string(pool.between(0, 3)) : index(pool),
          little ? std::to_string(pool.between(-4, -1)) : index(pool)};
}

Arguments remove(Pool& pool) {
  const std::string count = pool.chance(95) ? std::to_string(pool.between(-3, 3)) : pool.integer();
  return {pool.word("LREM"), list_key(pool), count, element(pool)};
}

Arguments any_command(Pool& pool) {
  switch (pool.random().below(16)) {
    case 0:
    case 1:
      return push(pool, "LPUSH");
    case 2:
    case 3:
      return push(pool, "RPUSH");
    case 4:
      return pop(pool, "LPOP");
    case 5:
      return pop(pool, "RPOP");
    case 6:
      return mpop(pool);
    case 7:
      return move(pool);
    case 8:
      return rpoplpush(pool);
    case 9:
      return position(pool);
    case 10:
      return insert(pool);
    case 11:
      return trim(pool);
    case 12:
      return remove(pool);
    case 13:
      return {"LSET", list_key(pool), index(pool), element(pool)};
    case 14:
      return {"LINDEX", list_key(pool), index(pool)};
    default:
      return {"LRANGE", list_key(pool), index(pool), index(pool)};
  }
}

void look(const std::string& key, Steps& steps) {
  steps.push_back({{"LRANGE", key, "0", "-1"}});
  steps.push_back({{"LLEN", key}});
  steps.push_back({{"OBJECT", "ENCODING", key}, Compare::kEncoding});
}

// `arguments` among other commands.
Steps among_others(Pool& pool, Arguments arguments) {
  Steps steps;
  if (pool.chance(20)) {
    const std::string size = pool.one_of({"-2", "-2", "-1", "-5", "-3", "0", "1", "5", "128", "1000"});
    steps.push_back({{"CONFIG", "SET", "list-max-listpack-size", size}});
  }
  for (int64_t count = pool.between(0, 8); count > 0; --count) steps.push_back({any_command(pool)});
  if (pool.chance(5)) garble(pool, arguments);
  const std::string key = arguments.size() > 1 ? arguments[1] : list_key(pool);
  steps.push_back({std::move(arguments)});
  if (pool.chance(30)) look(list_key(pool), steps);
  if (pool.chance(60)) look(key, steps);
  // Long ones make every later look long.
  if (pool.chance(15)) steps.push_back({{"DEL", list_key(pool), list_key(pool)}});
  return steps;
}

template <Arguments (*make)(Pool&)>
Steps of(Pool& pool) {
  return among_others(pool, make(pool));
}

const Generator kGenerators[] = {
    {"lpush", 6, [](Pool& p) { return among_others(p, push(p, "LPUSH")); }},
    {"rpush", 6, [](Pool& p) { return among_others(p, push(p, "RPUSH")); }},
    {"lpushx", 3, [](Pool& p) { return among_others(p, push(p, "LPUSHX")); }},
    {"rpushx", 3, [](Pool& p) { return among_others(p, push(p, "RPUSHX")); }},
    {"lpop", 4, [](Pool& p) { return among_others(p, pop(p, "LPOP")); }},
    {"rpop", 4, [](Pool& p) { return among_others(p, pop(p, "RPOP")); }},
    {"lmpop", 4, of<mpop>},
    {"lmove", 4, of<move>},
    {"rpoplpush", 3, of<rpoplpush>},
    {"lpos", 5, of<position>},
    {"linsert", 4, of<insert>},
    {"ltrim", 3, of<trim>},
    {"lrem", 4, of<remove>},
    {"llen", 2, [](Pool& p) { return among_others(p, {p.word("LLEN"), list_key(p)}); }},
    {"lindex", 3, [](Pool& p) { return among_others(p, {p.word("LINDEX"), list_key(p), index(p)}); }},
    {"lset", 4, [](Pool& p) { return among_others(p, {p.word("LSET"), list_key(p), index(p), element(p)}); }},
    {"lrange", 4, [](Pool& p) { return among_others(p, {p.word("LRANGE"), list_key(p), index(p), index(p)}); }},
};

}  // namespace

std::span<const Generator> list_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
