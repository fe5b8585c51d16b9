#include "tests/exactness/contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "persistence/byte_sink.h"
#include "persistence/collection_reader.h"
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

class CollectionTaker final : public persistence::CollectionSink {
 public:
  using StringView = store::StringView;
  void begin(const persistence::CollectionHead& head) override {
    constexpr std::string_view kTypes[] = {"list", "set", "zset", "hash"};
    type = kTypes[static_cast<size_t>(head.kind)];
  }
  void element(const StringView& value) override { elements.list.push_back(text_of(value)); }
  bool member(const StringView& member) override { return add(member, ""); }
  bool scored(const StringView& member, double score) override { return add(member, score_text(score)); }
  bool field(const StringView& field, const StringView& value) override { return add(field, text_of(value)); }
  void end() override {}

  std::string type;
  Elements elements;

 private:
  static std::string text_of(const StringView& value) {
    StringView::Scratch scratch;
    return std::string(value.text(scratch));
  }
  bool add(const StringView& first, std::string second) {
    return elements.pairs.try_emplace(text_of(first), std::move(second)).second;
  }
};

class SnapshotReader {
 public:
  explicit SnapshotReader(const std::string& bytes)
      : source_(bytes), decoder_(source_, {.bytes_total = bytes.size()}) {}

  Contents read(const std::string& bytes) {
    if (const Status begun = decoder_.begin(); !begun) throw HarnessFailure(begun.error().message);
    for (;;) {
      const auto item = decoder_.next();
      if (!item) throw HarnessFailure(item.error().message);
      if (item->kind == RdbItem::Kind::kEnd) break;
      take(*item);
    }
    if (!decoder_.checksum_verified()) throw HarnessFailure("the snapshot has no checksum");
    if (decoder_.offset() != bytes.size()) throw HarnessFailure("bytes after the snapshot's end");
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
      store::StringView::Scratch scratch;
      take_key(item, {.text = std::string(item.value.text(scratch)), .expire_at_ms = item.expire_at_ms});
    } else if (item.kind == RdbItem::Kind::kUnread && persistence::CollectionReader::reads(item.type)) {
      take_collection(item);
    } else if (item.kind != RdbItem::Kind::kAux) {
      throw HarnessFailure("the snapshot has something that is no key");
    }
  }

  void take_collection(const RdbItem& item) {
    CollectionTaker taker;
    const auto elements = collections_.read(item.type, taker);
    if (!elements) throw HarnessFailure(elements.error().message);
    if (*elements == 0) throw HarnessFailure(fmt::format("key {} without an element", quoted(item.key)));
    take_key(item, {.type = taker.type,
                    .elements = std::make_shared<Elements>(std::move(taker.elements)),
                    .expire_at_ms = item.expire_at_ms});
  }

  void take_key(const RdbItem& item, Value value) {
    const auto [at, is_new] = contents_[database_].try_emplace(std::string(item.key), std::move(value));
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

  persistence::MemorySource source_;
  persistence::RdbDecoder decoder_;
  persistence::CollectionReader collections_{decoder_};
  Contents contents_;
  std::map<size_t, Announced> announced_;
  size_t database_ = 0;
};

bool same(const Value& expected, const Value& found) {
  if (expected.type != found.type || expected.whole() != found.whole()) return false;
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
  const std::string whole = value.whole();
  return fmt::format("{} of {} bytes {} expires {}", value.type, whole.size(), quoted(whole.substr(0, 20)),
                     value.expire_at_ms);
}

// Where two values part; a wrong byte in the middle of megabytes is hard to find otherwise.
std::string describe_parting(const Keys& expected, const Keys& found, const std::string& key) {
  if (!expected.contains(key) || !found.contains(key)) return {};
  const std::string a = expected.at(key).whole(), b = found.at(key).whole();
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
  return SnapshotReader(bytes).read(bytes);
}

Contents read_server(const ServerProcess& server) {
  Contents contents;
  for (const auto& [place, state] : read_dataset(server)) {
    constexpr int64_t kExpiredWhileReading = -2;
    if (state.expire_at_ms == kExpiredWhileReading) continue;
    contents.at(static_cast<size_t>(place.first))[place.second] = {
        .type = state.type, .text = state.value, .expire_at_ms = state.expire_at_ms};
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
