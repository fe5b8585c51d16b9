// Commands of the group "bitmap".
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

Steps one(Arguments arguments) {
  return {{std::move(arguments)}};
}

// Mostly inside the strings that there are; none that makes hundreds of megabytes of one.
std::string bit_offset(Pool& pool) {
  if (pool.chance(5)) return pool.one_of({"-1", "x", "", "1.5", "01", "4294967296", "99999999999999999999", "#3", "#"});
  if (pool.chance(3)) return pool.one_of({"100000", "1048576", "8388607"});
  return std::to_string(pool.between(0, pool.chance(20) ? 30'000 : 200));
}

std::string position(Pool& pool) {
  if (pool.chance(5)) {
    return pool.one_of({"9223372036854775807", "-9223372036854775808", "4294967296", "-2147483649", "100000"});
  }
  return std::to_string(pool.between(-60, 80));
}

// Redis 7.0 looks at the key before it reads the other arguments, 7.2 afterwards: where those are wrong, the key has to
// be there and a string.
Steps with_a_string(Pool& pool, const std::string& key, Arguments wrong) {
  return {{{"SET", key, pool.value()}}, {std::move(wrong)}};
}

Steps make_bitcount(Pool& pool) {
  const std::string key = pool.key();
  if (pool.chance(10)) {
    return with_a_string(pool, key,
                         pool.pick(std::vector<Arguments>{{"BITCOUNT", key, "0"},
                                                          {"BITCOUNT", key, "0", "x"},
                                                          {"BITCOUNT", key, "", "1"},
                                                          {"BITCOUNT", key, "0", "1", "BITS"},
                                                          {"BITCOUNT", key, "0", "1", "BIT", "BYTE"}}));
  }
  Arguments arguments = {pool.word("BITCOUNT"), key};
  if (pool.chance(70)) arguments.insert(arguments.end(), {position(pool), position(pool)});
  if (arguments.size() == 4 && pool.chance(60)) arguments.push_back(pool.word(pool.one_of({"BIT", "BYTE"})));
  return one(arguments);
}

Steps make_bitpos(Pool& pool) {
  const std::string key = pool.key();
  if (pool.chance(10)) {
    return with_a_string(pool, key,
                         pool.pick(std::vector<Arguments>{{"BITPOS", key},
                                                          {"BITPOS", key, "1", "x"},
                                                          {"BITPOS", key, "0", "0", "x"},
                                                          {"BITPOS", key, "0", "0", "x", "BITS"},
                                                          {"BITPOS", key, "0", "0", "1", ""},
                                                          {"BITPOS", key, "0", "0", "1", "BIT", "BYTE"}}));
  }
  Arguments arguments = {pool.word("BITPOS"), key, pool.one_of({"0", "1", "0", "1", "0", "1", "2", "-1", "x", ""})};
  for (int64_t count = pool.between(0, 2); count > 0; --count) arguments.push_back(position(pool));
  if (arguments.size() == 5 && pool.chance(60)) arguments.push_back(pool.word(pool.one_of({"BIT", "BYTE"})));
  return one(arguments);
}

// Strings of ones and zeros, which is where BITPOS has its corners.
Steps make_bitpos_of_runs(Pool& pool) {
  const std::string key = pool.key();
  std::string runs;
  for (int64_t count = pool.between(0, 3); count > 0; --count) {
    runs += std::string(static_cast<size_t>(pool.between(0, 20)), pool.chance(50) ? '\xff' : '\0');
    if (pool.chance(50)) runs += pool.bytes(1);
  }
  Steps steps = {{{"SET", key, runs}}};
  for (int i = 0; i < 3; ++i) {
    Arguments arguments = {"BITPOS", key, pool.one_of({"0", "1"})};
    for (int64_t count = pool.between(0, 2); count > 0; --count) arguments.push_back(position(pool));
    if (arguments.size() == 5 && pool.chance(60)) arguments.push_back(pool.one_of({"BIT", "BYTE"}));
    steps.push_back({arguments});
  }
  return steps;
}

Steps make_bitpos_either(Pool& pool) {
  return pool.chance(30) ? make_bitpos_of_runs(pool) : make_bitpos(pool);
}

Steps make_bitop(Pool& pool) {
  Arguments arguments = {pool.word("BITOP"), pool.word(pool.one_of({"AND", "OR", "XOR", "NOT", "NOT", "NAND"})),
                         pool.key(), pool.key()};
  while (pool.chance(40)) arguments.push_back(pool.key());
  if (pool.chance(50) && arguments[1].size() == 3 && (arguments[1][0] == 'N' || arguments[1][0] == 'n')) {
    arguments.resize(4);
  }
  return one(arguments);
}

std::string field_type(Pool& pool) {
  if (pool.chance(4)) return pool.one_of({"u64", "i65", "u0", "i0", "x8", "8", "u", "", "I8", "i-1"});
  const bool is_signed = pool.chance(50);
  return (is_signed ? "i" : "u") + std::to_string(pool.between(1, is_signed ? 64 : 63));
}

std::string field_value(Pool& pool) {
  if (pool.chance(25)) return pool.integer();
  const auto bits = static_cast<int64_t>(pool.random().next()) >> pool.between(0, 63);
  return std::to_string(bits);
}

void add_field_operation(Pool& pool, Arguments& arguments) {
  const std::string at = pool.chance(30) ? "#" + std::to_string(pool.between(0, 6)) : bit_offset(pool);
  switch (pool.random().below(4)) {
    case 0:
      arguments.insert(arguments.end(), {pool.word("GET"), field_type(pool), at});
      return;
    case 1:
      arguments.insert(arguments.end(), {pool.word("SET"), field_type(pool), at, field_value(pool)});
      return;
    case 2:
      arguments.insert(arguments.end(), {pool.word("INCRBY"), field_type(pool), at, field_value(pool)});
      return;
    default:
      arguments.insert(arguments.end(), {pool.word("OVERFLOW"), pool.word(pool.one_of({"WRAP", "SAT", "FAIL"}))});
      if (pool.chance(3)) arguments.back() = "NO";
  }
}

Steps make_bitfield(Pool& pool) {
  Arguments arguments = {pool.word("BITFIELD"), pool.key()};
  while (pool.chance(75)) add_field_operation(pool, arguments);
  if (pool.chance(3)) arguments.push_back(pool.one_of({"GET", "SET", "OVERFLOW", "HUH"}));
  return one(arguments);
}

Steps make_bitfield_ro(Pool& pool) {
  Arguments arguments = {pool.word("BITFIELD_RO"), pool.key()};
  while (pool.chance(60)) arguments.insert(arguments.end(), {pool.word("GET"), field_type(pool), bit_offset(pool)});
  if (pool.chance(10)) add_field_operation(pool, arguments);
  return one(arguments);
}

const Generator kGenerators[] = {
    {"setbit", 12,
     [](Pool& p) {
       return one({p.word("SETBIT"), p.key(), bit_offset(p), p.one_of({"0", "0", "1", "1", "1", "2", "-1", "x"})});
     }},
    {"getbit", 6, [](Pool& p) { return one({p.word("GETBIT"), p.key(), bit_offset(p)}); }},
    {"bitcount", 8, make_bitcount, false},
    {"bitpos", 12, make_bitpos_either, false},
    {"bitop", 8, make_bitop},
    {"bitfield", 16, make_bitfield},
    {"bitfield_ro", 5, make_bitfield_ro},
};

}  // namespace

std::span<const Generator> bitmap_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
