#include "tests/exactness/aggregate_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>
#include <vector>

#include "tests/support/rdb_tools.h"

namespace cowslip::testing {
namespace {

using Pairs = std::map<std::string, std::string>;

Reply count(size_t number) {
  return Reply::of_integer(static_cast<int64_t>(number));
}

// What the key holds, or nothing.
const Elements& elements_at(const Keys& keys, const std::string& key) {
  static const Elements kNone;
  const auto found = keys.find(key);
  return found == keys.end() ? kNone : *found->second.elements;
}

// Changes what the key holds with change(Elements&), whose reply is returned. It begins empty, and the key goes with
// the last element. What another key or a frozen dataset has as well is copied first.
template <typename Change>
Reply change_at(Keys& keys, const std::string& key, const std::string& type, Change&& change) {
  Value& value = keys[key];
  value.type = type;
  if (!value.elements) {
    value.elements = std::make_shared<Elements>();
  } else if (value.elements.use_count() > 1) {
    value.elements = std::make_shared<Elements>(*value.elements);
  }
  Elements& elements = *value.elements;
  Reply reply = change(elements);
  if (elements.list.empty() && elements.pairs.empty()) keys.erase(key);
  return reply;
}

int64_t number(const std::string& text) {
  return std::stoll(text);
}

// ---- lists ----

Reply push(Keys& keys, const Arguments& a, bool at_head) {
  return change_at(keys, a[1], "list", [&](Elements& elements) {
    for (size_t i = 2; i < a.size(); i++) {
      at_head ? elements.list.push_front(a[i]) : elements.list.push_back(a[i]);
    }
    return count(elements.list.size());
  });
}
Reply lpush(Keys& keys, const Arguments& a) {
  return push(keys, a, true);
}
Reply rpush(Keys& keys, const Arguments& a) {
  return push(keys, a, false);
}

Reply pop(Keys& keys, const std::string& key, bool at_head) {
  if (!keys.contains(key)) return Reply::null();
  return change_at(keys, key, "list", [&](Elements& elements) {
    Reply popped = Reply::bulk(at_head ? elements.list.front() : elements.list.back());
    at_head ? elements.list.pop_front() : elements.list.pop_back();
    return popped;
  });
}
Reply lpop(Keys& keys, const Arguments& a) {
  return pop(keys, a[1], true);
}
Reply rpop(Keys& keys, const Arguments& a) {
  return pop(keys, a[1], false);
}

// LMOVE from to LEFT RIGHT
Reply lmove(Keys& keys, const Arguments& a) {
  if (!keys.contains(a[1])) return Reply::null();
  const std::string element = elements_at(keys, a[1]).list.front();
  rpush(keys, {"", a[2], element});
  return pop(keys, a[1], true);
}

// ---- what would wait where there is nothing: in a transaction it does not ----

Reply array(std::vector<Reply> elements) {
  return {Reply::Kind::kArray, {}, 0, std::move(elements)};
}
Reply null_array() {
  return {Reply::Kind::kNullArray, {}, 0, {}};
}

// BLPOP key timeout
Reply pop_with_key(Keys& keys, const Arguments& a, bool at_head) {
  if (!keys.contains(a[1])) return null_array();
  return array({Reply::bulk(a[1]), pop(keys, a[1], at_head)});
}
Reply blpop(Keys& keys, const Arguments& a) {
  return pop_with_key(keys, a, true);
}
Reply brpop(Keys& keys, const Arguments& a) {
  return pop_with_key(keys, a, false);
}

// BLMPOP timeout 1 key LEFT COUNT count
Reply blmpop(Keys& keys, const Arguments& a) {
  const std::string& key = a[3];
  std::vector<Reply> popped;
  for (int64_t left = number(a[6]); left > 0 && keys.contains(key); left--) popped.push_back(pop(keys, key, true));
  return popped.empty() ? null_array() : array({Reply::bulk(key), array(std::move(popped))});
}

// An index from the tail on, or from the head, as a place.
size_t place_of(int64_t index, size_t size) {
  return static_cast<size_t>(index < 0 ? index + static_cast<int64_t>(size) : index);
}

Reply lset(Keys& keys, const Arguments& a) {
  if (!keys.contains(a[1])) return Reply::error("ERR no such key");
  const size_t place = place_of(number(a[2]), elements_at(keys, a[1]).list.size());
  if (place >= elements_at(keys, a[1]).list.size()) return Reply::error("ERR index out of range");
  return change_at(keys, a[1], "list", [&](Elements& elements) {
    elements.list[place] = a[3];
    return Reply::simple("OK");
  });
}

// LTRIM key start stop; start from the head, stop from the tail.
Reply ltrim(Keys& keys, const Arguments& a) {
  if (!keys.contains(a[1])) return Reply::simple("OK");
  return change_at(keys, a[1], "list", [&](Elements& elements) {
    const auto size = static_cast<int64_t>(elements.list.size());
    const int64_t start = std::min(number(a[2]), size), stop = std::max(size + number(a[3]) + 1, start);
    const auto begin = elements.list.begin();
    elements.list = std::deque<std::string>(begin + start, begin + stop);
    return Reply::simple("OK");
  });
}

// ---- hashes ----

Reply hset(Keys& keys, const Arguments& a) {
  return change_at(keys, a[1], "hash", [&](Elements& elements) {
    size_t added = 0;
    for (size_t i = 2; i + 1 < a.size(); i += 2) added += elements.pairs.insert_or_assign(a[i], a[i + 1]).second;
    return count(added);
  });
}

// HINCRBY key field number; the field is absent or a number.
Reply hincrby(Keys& keys, const Arguments& a) {
  return change_at(keys, a[1], "hash", [&](Elements& elements) {
    std::string& value = elements.pairs[a[2]];
    const int64_t sum = (value.empty() ? 0 : number(value)) + number(a[3]);
    value = std::to_string(sum);
    return Reply::of_integer(sum);
  });
}

Reply hget(Keys& keys, const Arguments& a) {
  const Pairs& pairs = elements_at(keys, a[1]).pairs;
  const auto found = pairs.find(a[2]);
  return found == pairs.end() ? Reply::null() : Reply::bulk(found->second);
}

// HDEL, SREM, ZREM key name...
Reply remove_names(Keys& keys, const Arguments& a) {
  if (!keys.contains(a[1])) return count(0);
  const std::string type = keys.at(a[1]).type;
  return change_at(keys, a[1], type, [&](Elements& elements) {
    size_t removed = 0;
    for (size_t i = 2; i < a.size(); i++) removed += elements.pairs.erase(a[i]);
    return count(removed);
  });
}

// ---- sets ----

Reply sadd(Keys& keys, const Arguments& a) {
  return change_at(keys, a[1], "set", [&](Elements& elements) {
    size_t added = 0;
    for (size_t i = 2; i < a.size(); i++) added += elements.pairs.try_emplace(a[i]).second;
    return count(added);
  });
}

Reply sismember(Keys& keys, const Arguments& a) {
  return count(elements_at(keys, a[1]).pairs.contains(a[2]) ? 1 : 0);
}

Reply smove(Keys& keys, const Arguments& a) {
  if (!elements_at(keys, a[1]).pairs.contains(a[3])) return count(0);
  if (a[1] == a[2]) return count(1);
  remove_names(keys, {"", a[1], a[3]});
  sadd(keys, {"", a[2], a[3]});
  return count(1);
}

// ---- sorted sets ----

Reply zadd(Keys& keys, const Arguments& a) {
  return change_at(keys, a[1], "zset", [&](Elements& elements) {
    size_t added = 0;
    for (size_t i = 2; i + 1 < a.size(); i += 2) {
      const std::string score = score_text(std::strtod(a[i].c_str(), nullptr));
      added += elements.pairs.insert_or_assign(a[i + 1], score).second;
    }
    return count(added);
  });
}

// ZINCRBY key number member; scores are integers, so that all say the same of them.
Reply zincrby(Keys& keys, const Arguments& a) {
  return change_at(keys, a[1], "zset", [&](Elements& elements) {
    std::string& score = elements.pairs[a[3]];
    const int64_t sum = (score.empty() ? 0 : number(score)) + number(a[2]);
    score = std::to_string(sum);
    return Reply::bulk(score);
  });
}

// BZPOPMIN key timeout; see blpop().
Reply bzpopmin(Keys& keys, const Arguments& a) {
  if (!keys.contains(a[1])) return null_array();
  Reply popped;
  change_at(keys, a[1], "zset", [&](Elements& elements) {
    const auto least = [](const auto& x, const auto& y) {
      return std::pair(std::strtod(x.second.c_str(), nullptr), x.first) <
             std::pair(std::strtod(y.second.c_str(), nullptr), y.first);
    };
    const auto found = std::min_element(elements.pairs.begin(), elements.pairs.end(), least);
    popped = array({Reply::bulk(a[1]), Reply::bulk(found->first), Reply::bulk(found->second)});
    elements.pairs.erase(found);
    return Reply::null();
  });
  return popped;
}

// ZREMRANGEBYRANK key 0 stop
Reply zremrangebyrank(Keys& keys, const Arguments& a) {
  if (!keys.contains(a[1])) return count(0);
  return change_at(keys, a[1], "zset", [&](Elements& elements) {
    std::set<std::pair<double, std::string>> ranks;
    for (const auto& [member, score] : elements.pairs) ranks.emplace(std::strtod(score.c_str(), nullptr), member);
    const size_t removed = std::min(ranks.size(), static_cast<size_t>(number(a[3])) + 1);
    auto next = ranks.begin();
    for (size_t i = 0; i < removed; i++) elements.pairs.erase((next++)->second);
    return count(removed);
  });
}

}  // namespace

std::optional<Reply> apply_to_aggregate(Keys& keys, const Arguments& command) {
  using Handler = Reply (*)(Keys&, const Arguments&);
  static const std::map<std::string_view, Handler> kTable = {
      {"LPUSH", lpush},   {"RPUSH", rpush},       {"LPOP", lpop},           {"RPOP", rpop},
      {"LMOVE", lmove},   {"BLMOVE", lmove},      {"BLPOP", blpop},         {"BRPOP", brpop},
      {"BLMPOP", blmpop}, {"BZPOPMIN", bzpopmin}, {"LSET", lset},           {"LTRIM", ltrim},
      {"HSET", hset},     {"HDEL", remove_names}, {"HINCRBY", hincrby},     {"HGET", hget},
      {"SADD", sadd},     {"SREM", remove_names}, {"SISMEMBER", sismember}, {"SMOVE", smove},
      {"ZADD", zadd},     {"ZREM", remove_names}, {"ZINCRBY", zincrby},     {"ZREMRANGEBYRANK", zremrangebyrank},
  };
  const auto found = kTable.find(command.at(0));
  if (found == kTable.end()) return {};
  return found->second(keys, command);
}

}  // namespace cowslip::testing
