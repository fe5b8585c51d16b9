#include "store/entry.h"

#include <cassert>

#include "memory/chunk_pool.h"

namespace cowslip::store {

std::string_view type_name(ObjectType type) {
  switch (type) {
    case ObjectType::kString:
      return "string";
    case ObjectType::kList:
      return "list";
    case ObjectType::kSet:
      return "set";
    case ObjectType::kSortedSet:
      return "zset";
    case ObjectType::kHash:
      return "hash";
    case ObjectType::kStream:
      return "stream";
  }
  return "unknown";
}

std::string_view encoding_name(Encoding encoding) {
  switch (encoding) {
    case Encoding::kInteger:
      return "int";
    case Encoding::kEmbedded:
      return "embstr";
    case Encoding::kRaw:
      return "raw";
    case Encoding::kListpack:
      return "listpack";
    case Encoding::kIntset:
      return "intset";
    case Encoding::kQuicklist:
      return "quicklist";
    case Encoding::kHashtable:
      return "hashtable";
    case Encoding::kSkiplist:
      return "skiplist";
  }
  return "unknown";
}

StringView Entry::string() const {
  assert(type() == ObjectType::kString);
  if (encoding() == Encoding::kInteger) return StringView(load<int64_t>(value_offset()));
  return StringView(value_bytes());
}

std::string_view Entry::blob() const {
  assert(encoding() == Encoding::kListpack || encoding() == Encoding::kIntset);
  return value_bytes();
}

AggregateRoot Entry::aggregate() const {
  assert(has_nodes(encoding()));
  return load<AggregateRoot>(value_offset());
}

size_t Entry::memory_bytes(const memory::ChunkPool& pool) const {
  if (has_nodes(encoding())) return pool.capacity(this) + aggregate().node_bytes();
  return pool.capacity(this) + (external() ? pool.capacity(value_block()) : 0);
}

}  // namespace cowslip::store
