// Commands that wait for a key, as one connection alone sees them: they find something, or their time ends soon. What
// several clients do to each other is in blocking_test.cc.
#include <utility>

#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

std::string list_key(Pool& pool) {
  return pool.chance(5) ? pool.key() : "list:" + std::to_string(pool.between(0, 5));
}

std::string zset_key(Pool& pool) {
  return pool.chance(5) ? pool.key() : "zset:" + std::to_string(pool.between(0, 5));
}

// Nothing that would let the run wait for long. Left out: what would be too late for an integer of 64 bits, which 7.2
// calls out of range, and the oracle, 7.0, negative or takes.
std::string timeout(Pool& pool) {
  if (pool.chance(70)) return pool.one_of({"0.01", "1e-2", "0.005", ".01", "0x1p-7", "+0.01"});
  return pool.one_of({"-1", "-0.5", "x", "", " 1", "0.01s", "nan", "-inf", "1e5000"});
}

std::string side(Pool& pool) {
  return pool.word(pool.chance(95) ? pool.one_of({"LEFT", "RIGHT"}) : pool.one_of({"", "MIDDLE", "MIN"}));
}

Arguments pop(Pool& pool, std::string_view name, std::string (*key)(Pool&)) {
  Arguments arguments = {pool.word(name)};
  for (int64_t left = pool.between(1, 4); left > 0; --left) arguments.push_back(key(pool));
  arguments.push_back(timeout(pool));
  return arguments;
}

Arguments blmove(Pool& pool) {
  return {pool.word("BLMOVE"), list_key(pool), list_key(pool), side(pool), side(pool), timeout(pool)};
}

Arguments brpoplpush(Pool& pool) {
  return {pool.word("BRPOPLPUSH"), list_key(pool), list_key(pool), timeout(pool)};
}

Arguments multi_pop(Pool& pool, std::string_view name, std::string (*key)(Pool&), const std::string& end) {
  const int64_t keys = pool.between(1, 3);
  Arguments arguments = {pool.word(name), timeout(pool)};
  arguments.push_back(pool.chance(90) ? std::to_string(keys) : pool.one_of({"0", "-1", "x", "100", "1.5", ""}));
  for (int64_t i = 0; i < keys; ++i) arguments.push_back(key(pool));
  arguments.push_back(end);
  if (pool.chance(50)) {
    arguments.push_back(pool.word("COUNT"));
    arguments.push_back(pool.chance(85) ? std::to_string(pool.between(1, 5)) : pool.one_of({"0", "-1", "x", ""}));
  }
  if (pool.chance(4)) arguments.push_back(pool.one_of({"COUNT", "LEFT", "1"}));
  return arguments;
}

// By itself, or in a transaction, where it may be told to wait for ever and does not.
Steps alone_or_queued(Pool& pool, Step step, size_t timeout_at) {
  if (pool.chance(70)) return {step};
  if (pool.chance(50)) step.arguments[timeout_at] = "0";
  const Compare compare = std::exchange(step.compare, Compare::kExact);
  return {{{"MULTI"}}, step, {.arguments = {"EXEC"}, .elements = {compare}}};
}

Steps with_last(Pool& pool, Arguments arguments, Compare compare = Compare::kExact) {
  const size_t last = arguments.size() - 1;
  return alone_or_queued(pool, {std::move(arguments), compare}, last);
}

Steps make_blmpop(Pool& p) {
  return alone_or_queued(p, {multi_pop(p, "BLMPOP", list_key, side(p))}, 1);
}

Steps make_bzmpop(Pool& p) {
  const std::string end = p.word(p.chance(95) ? p.one_of({"MIN", "MAX"}) : p.one_of({"", "LEFT"}));
  return alone_or_queued(p, {multi_pop(p, "BZMPOP", zset_key, end), Compare::kScores}, 1);
}

// Not garbled: a number in the place of the time could be a long one.
const Generator kGenerators[] = {
    {"blpop", 2, [](Pool& p) { return with_last(p, pop(p, "BLPOP", list_key)); }, false},
    {"brpop", 2, [](Pool& p) { return with_last(p, pop(p, "BRPOP", list_key)); }, false},
    {"blmove", 2, [](Pool& p) { return with_last(p, blmove(p)); }, false},
    {"brpoplpush", 2, [](Pool& p) { return with_last(p, brpoplpush(p)); }, false},
    {"blmpop", 2, make_blmpop, false},
    {"bzpopmin", 2, [](Pool& p) { return with_last(p, pop(p, "BZPOPMIN", zset_key), Compare::kScores); }, false},
    {"bzpopmax", 2, [](Pool& p) { return with_last(p, pop(p, "BZPOPMAX", zset_key), Compare::kScores); }, false},
    {"bzmpop", 2, make_bzmpop, false},
};

}  // namespace

std::span<const Generator> blocking_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
