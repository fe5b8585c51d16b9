// Commands of the group "transactions": whole transactions, with other connections' commands before and between theirs.
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

constexpr size_t kOtherLanes = 2;
constexpr int64_t kMostCommands = 6;

// Commands of data and keys that are one step and need no more than to be sent.
Step data_command(Pool& pool) {
  static const std::vector<Generator> kGenerators = [] {
    std::vector<Generator> generators;
    for (const auto& family : {string_generators(), hash_generators(), set_generators(), key_generators()}) {
      for (const Generator& generator : family) {
        for (int i = 0; i < generator.weight; ++i) generators.push_back(generator);
      }
    }
    return generators;
  }();
  for (;;) {
    const Generator& generator = pool.pick(kGenerators);
    if (!pool.usable(generator.command)) continue;
    Steps steps = generator.make(pool);
    if (steps.size() == 1 && steps[0].action == Action::kSend && steps[0].pause_ms == 0) return steps[0];
  }
}

Arguments watch(Pool& pool) {
  Arguments arguments = {pool.word("WATCH")};
  do arguments.push_back(pool.key());
  while (pool.chance(40));
  return arguments;
}

// Of another connection, which may or may not touch what is watched.
Step from_elsewhere(Pool& pool) {
  Step step = data_command(pool);
  step.lane = 1 + pool.random().below(kOtherLanes);
  return step;
}

// What is answered at once inside of MULTI, most of it by an error.
Step not_queued(Pool& pool) {
  switch (pool.random().below(7)) {
    case 0:
      return {{"MULTI"}};
    case 1:
      return {watch(pool)};
    case 2:
      return {{pool.one_of({"SAVE", "SHUTDOWN", "SYNC", "PSYNC"}), "a", "b"}};
    case 3:
      return {{pool.one_of({"SAVE", "SHUTDOWN"})}};
    case 4:
      return {{pool.one_of({"NOSUCH", "OBJECT", "WATCH", "DISCARD"}), "x", "y"}};
    default:
      return {{pool.one_of({"GET", "SET", "EXISTS", "WATCH", "NOSUCH"})}};
  }
}

void queue_commands(Pool& pool, Steps& steps, std::vector<Compare>& elements) {
  const unsigned wrong_percent = pool.chance(20) ? 20 : 0;
  for (int64_t left = pool.between(0, kMostCommands); left > 0; --left) {
    if (pool.chance(wrong_percent)) steps.push_back(not_queued(pool));
    if (pool.chance(15)) steps.push_back(from_elsewhere(pool));
    Step command = pool.chance(5) ? Step{{"UNWATCH"}} : data_command(pool);
    elements.push_back(command.compare);
    command.compare = Compare::kExact;
    steps.push_back(std::move(command));
  }
}

Steps make_transaction(Pool& pool) {
  Steps steps;
  if (pool.chance(60)) steps.push_back({watch(pool)});
  while (pool.chance(35)) steps.push_back(from_elsewhere(pool));
  if (pool.chance(15)) steps.push_back(data_command(pool));
  steps.push_back({{pool.word("MULTI")}});
  std::vector<Compare> elements;
  queue_commands(pool, steps, elements);
  switch (pool.random().below(12)) {
    case 0:
      steps.push_back({{pool.word("DISCARD")}});
      break;
    case 1:
      steps.push_back({{"EXEC", "x"}});
      break;
    case 2:
      steps.push_back({{"RESET"}});
      break;
    default:
      steps.push_back({.arguments = {pool.word("EXEC")}, .elements = elements});
  }
  return steps;
}

// Without its counterpart; and MULTI that comes twice.
Steps make_multi(Pool& pool) {
  if (pool.chance(50)) return {{{"MULTI", pool.value()}}};
  return {{{"MULTI"}}, {{"MULTI"}}, {{"DISCARD"}}};
}

const Generator kGenerators[] = {
    {"exec", 40, make_transaction},
    {"multi", 2, make_multi, false},
    {"discard", 2, [](Pool&) { return Steps{{{"DISCARD"}}, {{"EXEC"}}}; }},
    {"watch", 4, [](Pool& p) { return Steps{{watch(p)}}; }},
    {"unwatch", 2, [](Pool&) { return Steps{{{"UNWATCH"}}}; }},
};

}  // namespace

std::span<const Generator> transaction_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
