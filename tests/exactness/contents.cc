#include "tests/exactness/contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "persistence/byte_sink.h"
#include "persistence/rdb_decoder.h"
#include "tests/support/rdb_tools.h"

namespace cowslip::testing {

namespace {

using persistence::RdbItem;

// The number of keys, and of those that expire, that RESIZEDB announces for a database.
struct Announced {
  uint64_t keys = 0;
  uint64_t expires = 0;
  friend bool operator==(const Announced&, const Announced&) = default;
};

class SnapshotReader {
 public:
  Contents read(const std::string& bytes) {
    persistence::MemorySource source(bytes);
    persistence::RdbDecoder decoder(source, {.bytes_total = bytes.size()});
    if (const Status begun = decoder.begin(); !begun) throw HarnessFailure(begun.error().message);
    for (;;) {
      const auto item = decoder.next();
      if (!item) throw HarnessFailure(item.error().message);
      if (item->kind == RdbItem::Kind::kEnd) break;
      take(*item);
    }
    if (!decoder.checksum_verified()) throw HarnessFailure("the snapshot has no checksum");
    if (decoder.offset() != bytes.size()) throw HarnessFailure("bytes after the snapshot's end");
    check_announced();
    return std::move(contents_);
  }

 private:
  void take(const RdbItem& item) {
    if (item.kind == RdbItem::Kind::kSelectDatabase) {
      database_ = item.number;
      if (database_ >= contents_.size()) throw HarnessFailure(fmt::format("database {}", database_));
    } else if (item.kind == RdbItem::Kind::kResizeDatabase) {
      announced_[database_] = {item.number, item.expires};
    } else if (item.kind == RdbItem::Kind::kEntry) {
      take_entry(item);
    } else if (item.kind != RdbItem::Kind::kAux) {
      throw HarnessFailure("the snapshot has something that is no key");
    }
  }

  void take_entry(const RdbItem& item) {
    store::StringView::Scratch scratch;
    const auto [at, is_new] = contents_[database_].try_emplace(
        std::string(item.key), Value{std::string(item.value.text(scratch)), item.expire_at_ms, 0});
    if (!is_new) throw HarnessFailure(fmt::format("key {} twice in database {}", quoted(at->first), database_));
  }

  void check_announced() const {
    for (const auto& [database, announced] : announced_) {
      Announced counted;
      for (const auto& [key, value] : contents_[database]) {
        ++counted.keys;
        if (value.expire_at_ms != kNever) ++counted.expires;
      }
      if (announced == counted) continue;
      throw HarnessFailure(fmt::format("RESIZEDB promises {} keys, {} with expiry, in database {}; there are {} and {}",
                                       announced.keys, announced.expires, database, counted.keys, counted.expires));
    }
  }

  Contents contents_;
  std::map<size_t, Announced> announced_;
  size_t database_ = 0;
};

bool same(const Value& expected, const Value& found) {
  if (expected.text != found.text) return false;
  if (expected.expire_at_ms == kNever || found.expire_at_ms == kNever)
    return expected.expire_at_ms == found.expire_at_ms;
  const int64_t later_ms = found.expire_at_ms - expected.expire_at_ms;
  return later_ms >= 0 && later_ms <= expected.slack_ms;
}

bool may_be_missing(const Value& value, int64_t passed_ms) {
  return value.expire_at_ms != kNever && value.expire_at_ms <= passed_ms;
}

std::string describe_value(const Keys& keys, const std::string& key) {
  const auto found = keys.find(key);
  if (found == keys.end()) return "missing";
  const Value& value = found->second;
  return fmt::format("{} bytes {} expires {}", value.text.size(), quoted(value.text.substr(0, 20)), value.expire_at_ms);
}

// Where two values part; a wrong byte in the middle of megabytes is hard to find otherwise.
std::string describe_parting(const Keys& expected, const Keys& found, const std::string& key) {
  if (!expected.contains(key) || !found.contains(key)) return {};
  const std::string& a = expected.at(key).text;
  const std::string& b = found.at(key).text;
  if (a == b) return {};
  const auto parting = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return fmt::format(" (they part at byte {})", parting.first - a.begin());
}

class Differences {
 public:
  void add(size_t database, const std::string& key, const Keys& expected, const Keys& found) {
    if (++count_ > 10) return;
    text_ +=
        fmt::format("database {} key {}: expected {}, found {}{}\n", database, quoted(key.substr(0, 60)),
                    describe_value(expected, key), describe_value(found, key), describe_parting(expected, found, key));
  }
  std::string text() const { return count_ <= 10 ? text_ : text_ + fmt::format("{} differences in all\n", count_); }

 private:
  std::string text_;
  size_t count_ = 0;
};

}  // namespace

Contents read_snapshot(const std::string& bytes) {
  return SnapshotReader().read(bytes);
}

Contents read_server(const ServerProcess& server) {
  Contents contents;
  for (const auto& [place, state] : read_dataset(server)) {
    constexpr int64_t kExpiredWhileReading = -2;
    if (state.expire_at_ms == kExpiredWhileReading) continue;
    contents.at(static_cast<size_t>(place.first))[place.second] = {state.value, state.expire_at_ms, 0};
  }
  return contents;
}

std::string difference(const Frozen& expected, const Contents& found) {
  Differences differences;
  for (size_t database = 0; database < found.size(); ++database) {
    const Keys& ours = expected.contents[database];
    const Keys& theirs = found[database];
    for (const auto& [key, value] : ours) {
      const auto at = theirs.find(key);
      const bool fine = at == theirs.end() ? may_be_missing(value, expected.passed_ms) : same(value, at->second);
      if (!fine) differences.add(database, key, ours, theirs);
    }
    for (const auto& [key, value] : theirs) {
      if (!ours.contains(key)) differences.add(database, key, ours, theirs);
    }
  }
  return differences.text();
}

size_t undecided_keys(const Frozen& frozen) {
  size_t count = 0;
  for (const Keys& keys : frozen.contents) {
    for (const auto& [key, value] : keys) count += may_be_missing(value, frozen.passed_ms) ? 1 : 0;
  }
  return count;
}

}  // namespace cowslip::testing
