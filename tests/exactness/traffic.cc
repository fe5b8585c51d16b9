#include "tests/exactness/traffic.h"

#include <algorithm>
#include <cstring>

namespace cowslip::testing {

namespace {

constexpr size_t kHugeBytes = 3 << 20;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kNearMs = 4000;

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
  return other.starts_with("huge:") ? huge_key() : key(any_name());
}

std::string Traffic::database() {
  constexpr std::string_view kUsed[] = {"0", "1", "7", "15"};
  return std::string(kUsed[random_.below(4)]);
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
    const std::string from = t.any_key();
    Arguments command = {"COPY", from, t.partner_of(from), "DB", t.database()};
    if (t.chance(60)) command.emplace_back("REPLACE");
    return command;
  }

  static Arguments rename(Traffic& t, const Model&) {
    const std::string from = t.any_key();
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
  static constexpr auto kUnlink = [](Traffic& t, const Model&) -> Arguments { return {"UNLINK", t.any_key()}; };
  static constexpr auto kExpire = [](Traffic& t, const Model&) -> Arguments {
    return {"EXPIRE", t.any_key(), std::to_string(10'000 + t.random_.below(10'000))};
  };
  static constexpr auto kPexpireat = [](Traffic& t, const Model&) -> Arguments {
    return {"PEXPIREAT", t.any_key(), t.chance(95) ? t.far_ms() : "1"};
  };
  static constexpr auto kPersist = [](Traffic& t, const Model&) -> Arguments { return {"PERSIST", t.any_key()}; };
  static constexpr auto kMove = [](Traffic& t, const Model&) -> Arguments {
    return {"MOVE", t.any_key(), t.database()};
  };
  static constexpr auto kSelect = [](Traffic& t, const Model&) { return t.select(); };
  static constexpr auto kSwapdb = [](Traffic& t, const Model&) -> Arguments {
    return {"SWAPDB", t.database(), t.database()};
  };
  static constexpr auto kFlushdb = [](Traffic& t, const Model&) -> Arguments {
    return {"FLUSHDB", t.chance(50) ? "SYNC" : "ASYNC"};
  };

  // In 10,000 commands.
  static constexpr Maker kAll[] = {
      {2600, kFill}, {900, kKeepTtl}, {300, mset},    {600, set_mortal}, {400, kGet},     {300, kGetdel},
      {150, kGetex}, {400, kIncr},    {300, kDecr},   {300, kIncrby},    {800, kAppend},  {600, setrange},
      {300, kDel},   {250, kUnlink},  {150, kExpire}, {300, kPexpireat}, {200, kPersist}, {200, rename},
      {200, copy},   {100, kMove},    {140, kSelect}, {4, kSwapdb},      {2, kFlushdb},   {4, kHuge},
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
