// Commands of the group "hyperloglog". The strings have to be the same, byte for byte: GET after most of them.
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

// Mostly one of a few that grow; sometimes a key that holds anything.
std::string hll_key(Pool& pool) {
  return pool.chance(15) ? pool.key() : pool.one_of({"hll:1", "hll:2", "hll:3", "hll:4", "hll:5"});
}

std::string element(Pool& pool) {
  if (pool.chance(10)) return pool.value();
  if (pool.chance(10)) return pool.bytes(static_cast<size_t>(pool.between(0, 40)));
  return std::to_string(pool.between(0, 30'000));
}

Steps make_pfadd(Pool& pool) {
  const std::string key = hll_key(pool);
  Arguments arguments = {pool.word("PFADD"), key};
  for (int64_t count = pool.between(0, pool.chance(10) ? 400 : 10); count > 0; --count) {
    arguments.push_back(element(pool));
  }
  Steps steps = {{arguments}, {{"GET", key}}};
  if (pool.chance(4)) steps.insert(steps.begin(), {{"DEL", key}});
  if (pool.chance(3)) {
    const std::string limit = pool.one_of({"0", "20", "100", "1000", "3000", "3000", "16000"});
    steps.insert(steps.begin(), {{"CONFIG", "SET", "hll-sparse-max-bytes", limit}});
  }
  return steps;
}

// A string with the header of a HyperLogLog, and what may or may not be the rest of one.
std::string crafted(Pool& pool) {
  const std::string header("HYLL\1\0\0\0\0\0\0\0\0\0\0\x80", 16);
  switch (pool.random().below(12)) {
    case 0:
      return header.substr(0, static_cast<size_t>(pool.between(0, 16)));
    case 1:
      return header + "\x7f\xfe";  // a register too few
    case 2:
      return header + "\x80\x7f\xff";  // one too many
    case 3:
      return header + "\x7f\xff" + '\0';
    case 4:
      return header + "\x0f\x8a";
    case 5:
      return "HYLX" + header.substr(4) + "\x7f\xff";
    case 6:
      return std::string("HYLL\2", 5) + header.substr(5) + "\x7f\xff";
    case 7:
      return header + std::string(256, '\x3f');
    case 8:
      return header + std::string(4096, pool.one_of({"\x83", "\xff", "\x8b"})[0]);
    case 9:
      return std::string("HYLL\0", 5) + header.substr(5) + pool.bytes(12288);  // dense, and sound
    case 10:
      return std::string("HYLL\0", 5) + header.substr(5) + pool.bytes(static_cast<size_t>(pool.between(0, 13000)));
    default:
      return header + "\x7f\xff";
  }
}

Steps make_crafted(Pool& pool) {
  const std::string key = hll_key(pool);
  Steps steps = {{{"SET", key, crafted(pool)}}};
  for (int i = 0; i < 3; ++i) {
    switch (pool.random().below(5)) {
      case 0:
        steps.push_back({{"PFADD", key, element(pool), element(pool)}});
        break;
      case 1:
        steps.push_back({{"PFCOUNT", key}});
        break;
      case 2:
        steps.push_back({{"PFCOUNT", hll_key(pool), key}});
        break;
      case 3:
        steps.push_back({{"PFMERGE", "hll:6", key}});
        break;
      default:
        steps.push_back({{"PFMERGE", key, hll_key(pool)}});
    }
    steps.push_back({{"GET", key}});
    steps.push_back({{"OBJECT", "ENCODING", key}, Compare::kEncoding});
  }
  // Nothing broken stays: what is added to it later is another story each time.
  steps.push_back({{"DEL", key}});
  return steps;
}

Steps make_pfcount(Pool& pool) {
  if (pool.chance(10)) return make_crafted(pool);
  Arguments arguments = {pool.word("PFCOUNT"), hll_key(pool)};
  while (pool.chance(30)) arguments.push_back(hll_key(pool));
  return {{arguments}, {{"GET", arguments[1]}}};
}

Steps make_pfmerge(Pool& pool) {
  const std::string key = pool.chance(50) ? "hll:" + std::to_string(pool.between(5, 9)) : hll_key(pool);
  Arguments arguments = {pool.word("PFMERGE"), key};
  while (pool.chance(50)) arguments.push_back(hll_key(pool));
  return {{arguments}, {{"GET", key}}};
}

const Generator kGenerators[] = {
    {"pfadd", 20, make_pfadd},
    {"pfcount", 10, make_pfcount},
    {"pfmerge", 6, make_pfmerge},
    {"", 3, [](Pool& p) { return Steps{{{p.one_of({"PFADD", "PFCOUNT", "PFMERGE"})}}}; }},
};

}  // namespace

std::span<const Generator> hyperloglog_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
