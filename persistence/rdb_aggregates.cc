// How aggregates are written: the encodings of Redis 7.0, which RDB version 10 has.
//
//   list        listpacks of about 8 KiB, of several leaves each (LIST_QUICKLIST_2)
//   set         intset as it is; otherwise its members (SET), for a listpack of them came later than version 10
//   hash        listpack as it is; otherwise fields and values (HASH)
//   sorted set  listpack as it is; otherwise members and scores, the greatest first (ZSET_2)
#include <cmath>
#include <cstring>

#include "persistence/rdb_encoder.h"
#include "store/hash.h"
#include "store/list.h"
#include "store/set.h"
#include "store/sorted_set.h"

namespace cowslip::persistence {
namespace {

using store::Encoding;
using store::Entry;
using store::ObjectType;
using store::StringView;

// Nodes of a list: what follows is the element itself, or a listpack.
constexpr uint64_t kPackedNode = 2;

// Which leaves of a list go into one listpack: as Redis's nodes are, unless it is told otherwise.
class Listpacks {
 public:
  // Whether this leaf begins another one than the leaf before it.
  bool begins_with(const store::PackedNode& leaf) {
    const size_t bytes = bytes_of(leaf);
    const bool begins = bytes_ == 0 || bytes_ + bytes > kMost;
    bytes_ = begins ? bytes : bytes_ + bytes;
    return begins;
  }

 private:
  static constexpr size_t kMost = 8192;

  static size_t bytes_of(const store::PackedNode& leaf) {
    size_t bytes = leaf.used();
    for (size_t i = 0; i < leaf.count(); i++) bytes += leaf.outside(i) ? leaf.bytes(i).size() : 0;
    return bytes;
  }

  size_t bytes_ = 0;  // of the present one
};

}  // namespace

RdbType RdbEncoder::type_of(const Entry& entry) {
  const bool listpack = entry.encoding() == Encoding::kListpack;
  switch (entry.type()) {
    case ObjectType::kList:
      return RdbType::kListQuicklist2;
    case ObjectType::kSet:
      return entry.encoding() == Encoding::kIntset ? RdbType::kSetIntset : RdbType::kSet;
    case ObjectType::kHash:
      return listpack ? RdbType::kHashListpack : RdbType::kHash;
    case ObjectType::kSortedSet:
      return listpack ? RdbType::kSortedSetListpack : RdbType::kSortedSet2;
    default:
      return RdbType::kString;
  }
}

void RdbEncoder::element(const StringView& value) {
  if (value.is_integer()) {
    (void)integer(value.integer());
  } else {
    (void)string(value.bytes());
  }
}

Status RdbEncoder::aggregate(const Entry& entry) {
  switch (entry.type()) {
    case ObjectType::kList:
      return list(entry);
    case ObjectType::kSet:
      return set(entry);
    case ObjectType::kHash:
      return hash(entry);
    default:
      return sorted_set(entry);
  }
}

Status RdbEncoder::list(const Entry& entry) {
  if (entry.encoding() == Encoding::kListpack) {
    (void)length(1);
    (void)length(kPackedNode);
    return string(entry.blob());
  }
  const store::AggregateRoot root = entry.aggregate();
  const store::PackedTreeView tree(root.first, store::NodeKey::kNone);
  uint64_t listpacks = 0;
  tree.for_each_leaf(
      [&, all = Listpacks()](const store::PackedNode& leaf) mutable { listpacks += all.begins_with(leaf) ? 1 : 0; });
  (void)length(listpacks);
  store::ListpackBuilder elements;
  const auto write = [&] {
    (void)length(kPackedNode);
    (void)string(elements.finish());
    elements.clear();
  };
  tree.for_each_leaf([&, all = Listpacks()](const store::PackedNode& leaf) mutable {
    if (all.begins_with(leaf) && elements.count() > 0) write();
    leaf.for_each_value(0, true, [&](const StringView& element) {
      elements.append(element);
      return true;
    });
  });
  write();
  return state();
}

Status RdbEncoder::set(const Entry& entry) {
  if (entry.encoding() == Encoding::kIntset) return string(entry.blob());
  const store::SetView set(entry);
  (void)length(set.size());
  set.for_each([&](const StringView& member) { element(member); });
  return state();
}

Status RdbEncoder::hash(const Entry& entry) {
  if (entry.encoding() == Encoding::kListpack) return string(entry.blob());
  const store::HashView hash(entry);
  (void)length(hash.size());
  hash.for_each([&](const StringView& field, const StringView& value) {
    element(field);
    element(value);
  });
  return state();
}

Status RdbEncoder::sorted_set(const Entry& entry) {
  if (entry.encoding() == Encoding::kListpack) return string(entry.blob());
  const store::SortedSetView set(entry);
  (void)length(set.size());
  if (set.size() == 0) return state();
  set.for_each_from(set.size() - 1, false, [&](const store::ScoredMember& scored) {
    element(scored.member);
    char bytes[sizeof scored.score];
    std::memcpy(bytes, &scored.score, sizeof bytes);
    raw({bytes, sizeof bytes});
    return true;
  });
  return state();
}

}  // namespace cowslip::persistence
