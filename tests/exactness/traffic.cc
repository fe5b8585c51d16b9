#include "tests/exactness/traffic.h"

#include <algorithm>
#include <cstring>

namespace cowslip::testing {

namespace {

constexpr size_t kHugeBytes = 3 << 20;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kNearMs = 4000;
constexpr std::string_view kAggregateTypes[] = {"list", "set", "hash", "zset"};
constexpr size_t kMostOfBigOne = 20'000;  // elements, about

}  // namespace

// ---- keys ----

std::string Traffic::key(size_t name) const {
  std::string text = std::to_string(name);
  switch (name % 25) {
    case 1:
      return text;  // a number
    case 2:
      return text + std::string(300, 'k');
    case 3:
      return std::string("\0\r\n\xff", 4) + text;
    default:
      return "key:" + text;
  }
}

std::string Traffic::huge_key() {
  return "huge:" + std::to_string(random_.below(3));
}

std::string Traffic::any_key() {
  return random_.below(200) == 0 ? huge_key() : key(any_name());
}

// Every fifth name holds integers, as long as nothing is appended to it.
std::string Traffic::counter() {
  return key(chance(95) ? any_name() / 5 * 5 : any_name());
}

std::string Traffic::partner_of(const std::string& other) {
  for (const std::string_view type : kAggregateTypes) {
    if (other.starts_with(type)) return aggregate_key(type);
  }
  return other.starts_with("huge:") ? huge_key() : key(any_name());
}

std::string Traffic::database() {
  constexpr std::string_view kUsed[] = {"0", "1", "7", "15"};
  return std::string(kUsed[random_.below(4)]);
}

// ---- aggregates ----

std::string Traffic::aggregate_type() {
  return std::string(kAggregateTypes[random_.below(4)]);
}

std::string Traffic::aggregate_key(std::string_view type) {
  if (random_.below(5) == 0) return std::string(type) + ":big:" + std::to_string(random_.below(2));
  return std::string(type) + ":" + std::to_string(random_.below(names_ / 10 + 1));
}

std::string Traffic::key_of_any_type() {
  return chance(30) ? aggregate_key(aggregate_type()) : any_key();
}

size_t Traffic::elements_for(const std::string& key) {
  if (key.find(":big:") == std::string::npos) return 1 + random_.below(chance(90) ? 6 : 60);
  return chance(10) ? 500 : 1 + random_.below(5);
}

// From so few that commands meet those that are there.
std::string Traffic::name() {
  const uint64_t number = random_.below(chance(50) ? 50 : kMostOfBigOne);
  switch (number % 16) {
    case 0:
      return "";
    case 1:
      return std::string("\r\n\0", 3) + std::to_string(number);
    case 2:
      return std::string(random_.below(100) == 0 ? 16'500 : 60 + number % 8, 'n') + std::to_string(number % 10);
    case 3:
    case 4:
    case 5:
      return std::to_string(number);
    default:
      return "element " + std::to_string(number);
  }
}

// What adds elements, with its key; what else there is for that type.
struct Traffic::AggregateMakers {
  static Arguments add(Traffic& t, const std::string& type, const std::string& key) {
    Arguments command = {type == "list"   ? (t.chance(50) ? "LPUSH" : "RPUSH")
                         : type == "set"  ? "SADD"
                         : type == "hash" ? "HSET"
                                          : "ZADD",
                         key};
    const bool integers = type == "set" && key.ends_with('1');
    for (size_t left = t.elements_for(key); left > 0; --left) {
      if (type == "zset") command.push_back(score(t));
      command.push_back(integers ? std::to_string(t.random_.below(kMostOfBigOne)) : t.name());
      if (type == "hash") command.push_back(t.bytes(t.random_.below(t.chance(98) ? 30 : 200)));
    }
    return command;
  }

  static std::string score(Traffic& t) { return std::to_string(static_cast<int64_t>(t.random_.below(2000)) - 1000); }

  static Arguments list(Traffic& t, const std::string& key) {
    switch (t.random_.below(6)) {
      case 0:
      case 1:
        return {t.chance(50) ? "LPOP" : "RPOP", key};
      case 2:
        return {"LSET", key, std::to_string(static_cast<int64_t>(t.random_.below(40)) - 20), t.name()};
      case 3:
        return {"LMOVE", key, t.aggregate_key("list"), "LEFT", "RIGHT"};
      default:
        return {"LTRIM", key, std::to_string(t.random_.below(50)), "-" + std::to_string(1 + t.random_.below(50))};
    }
  }

  static Arguments set(Traffic& t, const std::string& key) {
    switch (t.random_.below(3)) {
      case 0:
        return {"SISMEMBER", key, t.name()};
      case 1:
        return {"SMOVE", key, t.aggregate_key("set"), t.name()};
      default:
        return {"SREM", key, t.name(), t.name(), t.name()};
    }
  }

  static Arguments hash(Traffic& t, const std::string& key) {
    switch (t.random_.below(3)) {
      case 0:
        return {"HGET", key, t.name()};
      case 1:
        return {"HINCRBY", key, "count:" + std::to_string(t.random_.below(5)), score(t)};
      default:
        return {"HDEL", key, t.name(), t.name(), t.name()};
    }
  }

  static Arguments zset(Traffic& t, const std::string& key) {
    switch (t.random_.below(4)) {
      case 0:
        return {"ZREMRANGEBYRANK", key, "0", std::to_string(t.random_.below(30))};
      case 1:
      case 2:
        return {"ZINCRBY", key, score(t), t.name()};
      default:
        return {"ZREM", key, t.name(), t.name(), t.name()};
    }
  }
};

Arguments Traffic::aggregate_fill() {
  const std::string type = aggregate_type();
  return AggregateMakers::add(*this, type, aggregate_key(type));
}

Arguments Traffic::aggregate_command() {
  const std::string type = aggregate_type(), key = aggregate_key(type);
  if (chance(1) && chance(30)) return {"UNLINK", key};
  if (chance(60)) return AggregateMakers::add(*this, type, key);
  if (type == "list") return AggregateMakers::list(*this, key);
  if (type == "set") return AggregateMakers::set(*this, key);
  if (type == "hash") return AggregateMakers::hash(*this, key);
  return AggregateMakers::zset(*this, key);
}

Arguments Traffic::blocking() {
  if (chance(30)) return {"BZPOPMIN", aggregate_key("zset"), "0"};
  const std::string key = aggregate_key("list");
  if (chance(30)) return {"BLMOVE", key, aggregate_key("list"), "LEFT", "RIGHT", "0"};
  if (chance(30)) return {"BLMPOP", "0", "1", key, "LEFT", "COUNT", std::to_string(1 + random_.below(50))};
  return {chance(50) ? "BLPOP" : "BRPOP", key, "0"};
}

Traffic::Wait Traffic::wait() {
  Wait wait{.key = "wait:" + std::to_string(random_.below(5)), .command = blocking(), .served_by = {}};
  const bool sorted = wait.command[0] == "BZPOPMIN";
  wait.command[wait.command[0] == "BLMPOP" ? 3 : 1] = wait.key;
  wait.served_by = {sorted ? "ZADD" : "RPUSH", wait.key};
  for (size_t left = elements_for(wait.key); left > 0; --left) {
    if (sorted) wait.served_by.push_back(AggregateMakers::score(*this));
    wait.served_by.push_back(name());
  }
  return wait;
}

// ---- values ----

std::string Traffic::far_ms() {
  return std::to_string(unix_ms() + kHourMs + static_cast<int64_t>(random_.below(10'000'000'000)));
}

// Some have passed before the command arrives.
std::string Traffic::near_ms() {
  return std::to_string(unix_ms() - 20 + static_cast<int64_t>(random_.below(kNearMs)));
}

// Half of it noise, which no compression shortens; the rest words, which it does.
std::string Traffic::bytes(size_t length) {
  std::string text(length, '\0');
  const bool noise = chance(50);
  for (size_t at = 0; at < length; at += sizeof(uint64_t)) {
    const uint64_t piece = noise ? random_.next() : 0x2073'776f'6320'6f6f + random_.below(3);
    std::memcpy(text.data() + at, &piece, std::min(sizeof(piece), length - at));
  }
  return text;
}

std::string Traffic::value(size_t name) {
  const uint64_t magnitude = 1ull << random_.below(50);
  if (name % 5 == 0) {
    return std::to_string(static_cast<int64_t>(random_.below(2 * magnitude)) - static_cast<int64_t>(magnitude));
  }
  const uint64_t size = random_.below(1000);
  if (size < 900) return bytes(random_.below(201));
  if (size < 990) return bytes(1000 + random_.below(50));
  return bytes(size < 998 ? 20 << 10 : 100 << 10);
}

// ---- commands ----

Arguments Traffic::fill() {
  if (chance(20)) return aggregate_fill();
  const size_t name = any_name();
  if (chance(20)) return {"SET", key(name), value(name), "PXAT", far_ms()};
  return {"SET", key(name), value(name)};
}

Arguments Traffic::select() {
  return {"SELECT", database()};
}

struct Traffic::Makers {
  struct Maker {
    int weight;
    Arguments (*make)(Traffic& t, const Model& model);
  };

  static Arguments set_mortal(Traffic& t, const Model&) {
    const std::string key = std::string(kMortalPrefix) + std::to_string(t.random_.below(200));
    switch (t.random_.below(8)) {
      case 0:
        return {"SET", key, t.value(1)};
      case 1:
        return {"UNLINK", key};
      default:
        return {"SET", key, t.value(1), "PXAT", t.near_ms()};
    }
  }

  // A place in the value, now and then behind its end.
  static size_t offset(Traffic& t, const Model& model, const std::string& key) {
    const auto found = model.keys().find(key);
    return t.random_.below(found == model.keys().end() ? 40 : found->second.text.size() + 40);
  }

  static Arguments setrange(Traffic& t, const Model& model) {
    const std::string key = t.any_key();
    return {"SETRANGE", key, std::to_string(offset(t, model, key)), t.bytes(1 + t.random_.below(60))};
  }

  static Arguments copy(Traffic& t, const Model&) {
    const std::string from = t.key_of_any_type();
    Arguments command = {"COPY", from, t.partner_of(from), "DB", t.database()};
    if (t.chance(60)) command.emplace_back("REPLACE");
    return command;
  }

  static Arguments rename(Traffic& t, const Model&) {
    const std::string from = t.key_of_any_type();
    return {"RENAME", from, t.partner_of(from)};
  }

  static Arguments mset(Traffic& t, const Model&) {
    Arguments command = {"MSET"};
    for (size_t pairs = 1 + t.random_.below(5); pairs > 0; --pairs) {
      const size_t name = t.any_name();
      command.push_back(t.key(name));
      command.push_back(t.value(name));
    }
    return command;
  }

  static constexpr auto kFill = [](Traffic& t, const Model&) { return t.fill(); };
  static constexpr auto kHuge = [](Traffic& t, const Model&) -> Arguments {
    return {"SET", t.huge_key(), t.bytes(kHugeBytes + t.random_.below(1000))};
  };
  static constexpr auto kKeepTtl = [](Traffic& t, const Model&) -> Arguments {
    return {"SET", t.any_key(), t.value(1), "KEEPTTL"};
  };
  static constexpr auto kGet = [](Traffic& t, const Model&) -> Arguments { return {"GET", t.any_key()}; };
  static constexpr auto kGetdel = [](Traffic& t, const Model&) -> Arguments { return {"GETDEL", t.any_key()}; };
  static constexpr auto kGetex = [](Traffic& t, const Model&) -> Arguments {
    return {"GETEX", t.any_key(), "PXAT", t.far_ms()};
  };
  static constexpr auto kIncr = [](Traffic& t, const Model&) -> Arguments { return {"INCR", t.counter()}; };
  static constexpr auto kDecr = [](Traffic& t, const Model&) -> Arguments { return {"DECR", t.counter()}; };
  static constexpr auto kIncrby = [](Traffic& t, const Model&) -> Arguments {
    return {"INCRBY", t.counter(), std::to_string(t.random_.below(100'000))};
  };
  static constexpr auto kAppend = [](Traffic& t, const Model&) -> Arguments {
    return {"APPEND", t.any_key(), t.bytes(t.chance(97) ? 1 + t.random_.below(50) : 2000)};
  };
  static constexpr auto kDel = [](Traffic& t, const Model&) -> Arguments { return {"DEL", t.any_key(), t.any_key()}; };
  static constexpr auto kUnlink = [](Traffic& t, const Model&) -> Arguments { return {"UNLINK", t.key_of_any_type()}; };
  static constexpr auto kExpire = [](Traffic& t, const Model&) -> Arguments {
    return {"EXPIRE", t.key_of_any_type(), std::to_string(10'000 + t.random_.below(10'000))};
  };
  static constexpr auto kPexpireat = [](Traffic& t, const Model&) -> Arguments {
    return {"PEXPIREAT", t.key_of_any_type(), t.chance(95) ? t.far_ms() : "1"};
  };
  static constexpr auto kPersist = [](Traffic& t, const Model&) -> Arguments {
    return {"PERSIST", t.key_of_any_type()};
  };
  static constexpr auto kMove = [](Traffic& t, const Model&) -> Arguments {
    return {"MOVE", t.key_of_any_type(), t.database()};
  };
  static constexpr auto kAggregate = [](Traffic& t, const Model&) { return t.aggregate_command(); };
  static constexpr auto kSelect = [](Traffic& t, const Model&) { return t.select(); };
  static constexpr auto kSwapdb = [](Traffic& t, const Model&) -> Arguments {
    return {"SWAPDB", t.database(), t.database()};
  };
  static constexpr auto kFlushdb = [](Traffic& t, const Model&) -> Arguments {
    return {"FLUSHDB", t.chance(50) ? "SYNC" : "ASYNC"};
  };

  // In 14,000 commands.
  static constexpr Maker kAll[] = {
      {2600, kFill},     {900, kKeepTtl}, {300, mset},   {600, set_mortal}, {400, kGet},
      {300, kGetdel},    {150, kGetex},   {400, kIncr},  {300, kDecr},      {300, kIncrby},
      {800, kAppend},    {600, setrange}, {300, kDel},   {250, kUnlink},    {150, kExpire},
      {300, kPexpireat}, {200, kPersist}, {200, rename}, {200, copy},       {100, kMove},
      {140, kSelect},    {4, kSwapdb},    {2, kFlushdb}, {4, kHuge},        {4000, kAggregate},
  };
};

Arguments Traffic::next(const Model& model) {
  static const int kTotal = [] {
    int total = 0;
    for (const auto& maker : Makers::kAll) total += maker.weight;
    return total;
  }();
  auto at = static_cast<int>(random_.below(static_cast<uint64_t>(kTotal)));
  for (const auto& maker : Makers::kAll) {
    at -= maker.weight;
    if (at < 0) return maker.make(*this, model);
  }
  return fill();
}

}  // namespace cowslip::testing
