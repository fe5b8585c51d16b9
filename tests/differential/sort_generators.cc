// SORT and SORT_RO, of everything that can be sorted, by everything that can be there for an element.
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

constexpr std::string_view kList = "sort:list", kSet = "sort:set", kSortedSet = "sort:zset", kString = "sort:string",
                           kTarget = "sort:target", kNone = "sort:none";

std::string number(Pool& pool) {
  if (pool.chance(5)) {
    return pool.one_of({"", " 3", "0x10", "1e3", "-0", "007", "inf", "-inf", "1.5", "2.50", "9223372036854775807",
                        "9223372036854775808", "1e400", "nan", "+4"});
  }
  return std::to_string(pool.between(-3, 15));
}

std::string word(Pool& pool) {
  return pool.one_of({"a", "b", "ab", "B", "", "10", "9", "a b", "*", "#", "x->y", "zz"});
}

// What can be sorted, and what belongs to its elements. All other data is as it was once drop() has run.
struct Scene {
  Steps steps;
  std::vector<std::string> keys = {std::string(kList), std::string(kSet), std::string(kSortedSet), std::string(kString),
                                   std::string(kTarget)};

  void make(Pool& pool, Arguments arguments) {
    keys.push_back(arguments[1]);
    if (pool.usable(arguments[0] == "HSET" ? "hset" : "set")) steps.push_back({std::move(arguments)});
  }
  void drop() {
    Arguments arguments = {"DEL"};
    arguments.insert(arguments.end(), keys.begin(), keys.end());
    steps.push_back({std::move(arguments)});
  }
};

void add_belongings(Pool& pool, Scene& scene, const std::string& element) {
  if (pool.chance(80)) scene.make(pool, {"SET", "weight_" + element, number(pool)});
  if (pool.chance(60)) scene.make(pool, {"SET", "name_" + element + "_of", word(pool)});
  if (pool.chance(60)) scene.make(pool, {"HSET", "h_" + element, "age", number(pool), "a->b", word(pool)});
}

Scene make_scene(Pool& pool) {
  Scene scene;
  const bool numbers = pool.chance(70);
  Arguments list = {"RPUSH", std::string(kList)}, set = {"SADD", std::string(kSet)},
            sorted = {"ZADD", std::string(kSortedSet)};
  int64_t count = pool.between(1, 12);
  if (pool.chance(10)) count = pool.between(100, 400);
  for (; count > 0; --count) {
    const std::string element = numbers ? number(pool) : word(pool);
    list.push_back(element);
    set.push_back(element);
    sorted.insert(sorted.end(), {std::to_string(pool.between(-50, 50)), element});
    if (pool.chance(50)) add_belongings(pool, scene, element);
  }
  if (pool.usable("rpush")) scene.steps.push_back({list});
  if (pool.usable("sadd")) scene.steps.push_back({set});
  if (pool.usable("zadd")) scene.steps.push_back({sorted});
  scene.steps.push_back({{"SET", std::string(kString), "no list"}});
  return scene;
}

std::string by_pattern(Pool& pool) {
  return pool.one_of({"weight_*", "weight_*", "name_*_of", "h_*->age", "h_*->a->b", "nosort", "#", "*", "h_*->",
                      "weight_*->age", "none_*", "nosort->x", "sort:*"});
}

std::string get_pattern(Pool& pool) {
  return pool.one_of({"#", "#", "weight_*", "name_*_of", "h_*->age", "h_*->a->b", "fixed", "h_*", "*", "->", "sort:*"});
}

struct Options {
  Arguments words;
  bool by = false, by_nothing = false, alpha = false, limit = false;
};

Options options(Pool& pool) {
  Options made;
  const auto add = [&](std::initializer_list<std::string> words) { made.words.insert(made.words.end(), words); };
  if (pool.chance(50)) {
    const std::string pattern = by_pattern(pool);
    add({pool.word("BY"), pattern});
    made.by = true;
    made.by_nothing = pattern.find('*') == std::string::npos;
  }
  if (pool.chance(40)) {
    const bool usual = pool.chance(90);
    add({pool.word("LIMIT"), usual ? std::to_string(pool.between(-2, 6)) : pool.integer(),
         usual ? std::to_string(pool.between(-2, 8)) : pool.integer()});
    made.limit = true;
  }
  while (pool.chance(35)) add({pool.word("GET"), get_pattern(pool)});
  if (pool.chance(40)) add({pool.word(pool.one_of({"ASC", "DESC", "DESC"}))});
  if (pool.chance(40)) {
    add({pool.word("ALPHA")});
    made.alpha = true;
  }
  if (pool.chance(3)) add({pool.one_of({"GET", "BY", "LIMIT", "HUH"})});
  return made;
}

void sort_once(Pool& pool, Scene& scene, std::string_view name) {
  const std::string key = pool.one_of({kList, kList, kSet, kSet, kSortedSet, kSortedSet, kString, kNone});
  Options chosen = options(pool);
  const bool store = pool.chance(name == "SORT" ? 25 : 5);
  const bool native_order = key == kList || key == kSortedSet;
  // Elements that compare equal, or that are not compared, come in an order of each server's own.
  const bool ties = (chosen.alpha && chosen.by) || (chosen.by_nothing && !native_order && !store);
  if (ties && (chosen.limit || store)) return;
  Arguments arguments = {pool.word(name), key};
  arguments.insert(arguments.end(), chosen.words.begin(), chosen.words.end());
  if (store) arguments.insert(arguments.end(), {pool.word("STORE"), std::string(kTarget)});
  // Redis looks at errno after strtod() and does not clear it before: a number out of range in any command before would
  // make weights invalid that are none. This clears it.
  scene.steps.push_back({{"INCRBYFLOAT", "sort:errno", "0"}});
  const Compare compare = ties ? Compare::kUnordered : Compare::kExact;
  scene.steps.push_back({arguments, compare});
  scene.steps.push_back({{"COMMAND", "GETKEYS"}});
  auto& keys_of = scene.steps.back().arguments;
  keys_of.insert(keys_of.end(), arguments.begin(), arguments.end());
  if (store && pool.usable("lrange")) scene.steps.push_back({{"LRANGE", std::string(kTarget), "0", "-1"}, compare});
}

Steps make_sort(Pool& pool, std::string_view name) {
  Scene scene = make_scene(pool);
  for (int64_t times = pool.between(1, 10); times > 0; --times) sort_once(pool, scene, name);
  if (pool.usable("lrange") && pool.chance(30)) {
    // Over what is sorted.
    scene.steps.push_back({{"SORT", std::string(kList), pool.one_of({"ALPHA", "ASC"}), "STORE", std::string(kList)}});
    scene.steps.push_back({{"LRANGE", std::string(kList), "0", "-1"}});
  }
  scene.drop();
  return std::move(scene.steps);
}

const Generator kGenerators[] = {
    {"sort", 6, [](Pool& p) { return make_sort(p, "SORT"); }},
    {"sort_ro", 4, [](Pool& p) { return make_sort(p, "SORT_RO"); }},
};

}  // namespace

std::span<const Generator> sort_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
