#include "store/entry.h"

#include <algorithm>
#include <cassert>

namespace cowslip::store {
namespace {

constexpr size_t kMaxHeadroom = 1u << 20;

// A string that grows once is likely to grow again.
size_t with_headroom(size_t length) {
  return length + std::min(length, kMaxHeadroom);
}

}  // namespace

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
  }
  return "unknown";
}

int64_t Entry::expire_at_ms() const {
  if (!has_expiry()) return kNoExpiry;
  int64_t at_ms;
  std::memcpy(&at_ms, body(), sizeof at_ms);
  return at_ms;
}

char* Entry::external() const {
  char* block;
  std::memcpy(&block, value_place(), sizeof block);
  return block;
}

StringView Entry::string() const {
  assert(type() == ObjectType::kString);
  if (encoding() == Encoding::kInteger) {
    int64_t integer;
    std::memcpy(&integer, value_place(), sizeof integer);
    return StringView(integer);
  }
  return StringView(std::string_view(has_external_value() ? external() : value_place(), value_length_));
}

size_t Entry::memory_bytes() const {
  return memory::BlockHeap::capacity(this) + (has_external_value() ? memory::BlockHeap::capacity(external()) : 0);
}

Entry* EntryFactory::allocate_header(std::string_view key, int64_t expire_at_ms, const Shape& shape,
                                     size_t tail_bytes) {
  const bool expires = expire_at_ms != kNoExpiry;
  void* block = heap_.allocate(sizeof(Entry) + (expires ? sizeof expire_at_ms : 0) + key.size() + tail_bytes);
  auto* entry = static_cast<Entry*>(block);
  entry->type_encoding_ = static_cast<uint8_t>(static_cast<int>(shape.type) | static_cast<int>(shape.encoding) << 4);
  entry->flags_ = expires ? Entry::kHasExpiry : 0;
  entry->reserved_ = 0;
  entry->key_length_ = static_cast<uint32_t>(key.size());
  entry->value_length_ = shape.value_length;
  if (expires) std::memcpy(entry->body(), &expire_at_ms, sizeof expire_at_ms);
  std::memcpy(entry->body() + entry->expiry_bytes(), key.data(), key.size());
  return entry;
}

Entry* EntryFactory::allocate(std::string_view key, int64_t expire_at_ms, const Shape& shape) {
  if (shape.value_capacity <= kInlineValueBytes) {
    return allocate_header(key, expire_at_ms, shape, shape.value_capacity);
  }
  Entry* entry = allocate_header(key, expire_at_ms, shape, sizeof(char*));
  entry->flags_ |= Entry::kExternalValue;
  void* value = heap_.allocate(shape.value_capacity);
  std::memcpy(entry->value_place(), &value, sizeof value);
  return entry;
}

Entry* EntryFactory::make_string(std::string_view key, std::string_view value, int64_t expire_at_ms) {
  if (value.size() <= kInt64Digits) {
    if (const auto integer = parse_int64(value)) return make_integer(key, *integer, expire_at_ms);
  }
  return make_text(key, value, expire_at_ms);
}

Entry* EntryFactory::make_text(std::string_view key, std::string_view value, int64_t expire_at_ms) {
  const Encoding encoding = value.size() <= kEmbeddedStringBytes ? Encoding::kEmbedded : Encoding::kRaw;
  Entry* entry = allocate(key, expire_at_ms, {ObjectType::kString, encoding, value.size(), value.size()});
  std::memcpy(entry->has_external_value() ? entry->external() : entry->value_place(), value.data(), value.size());
  return entry;
}

Entry* EntryFactory::make_integer(std::string_view key, int64_t value, int64_t expire_at_ms) {
  Entry* entry = allocate(key, expire_at_ms, {ObjectType::kString, Encoding::kInteger, sizeof value, sizeof value});
  std::memcpy(entry->value_place(), &value, sizeof value);
  return entry;
}

Entry* EntryFactory::make_raw(std::string_view key, size_t length, int64_t expire_at_ms) {
  Entry* entry = allocate(key, expire_at_ms, {ObjectType::kString, Encoding::kRaw, length, length});
  std::memset(entry->has_external_value() ? entry->external() : entry->value_place(), 0, length);
  return entry;
}

void EntryFactory::free(Entry* entry) {
  if (entry->has_external_value()) heap_.release(entry->external());
  heap_.release(entry);
}

Entry* EntryFactory::rebuild(Entry* entry, std::string_view key, int64_t expire_at_ms) {
  // What stands after the key goes along as it is: the value, or the pointer to its block, which changes hands.
  const size_t tail_bytes = entry->has_external_value() ? sizeof(char*) : entry->value_length_;
  const Shape shape{entry->type(), entry->encoding(), entry->value_length_, tail_bytes};
  Entry* rebuilt = allocate_header(key, expire_at_ms, shape, tail_bytes);
  rebuilt->flags_ |= entry->flags_ & Entry::kExternalValue;
  std::memcpy(rebuilt->value_place(), entry->value_place(), tail_bytes);
  heap_.release(entry);
  return rebuilt;
}

Entry* EntryFactory::with_key(Entry* entry, std::string_view key) {
  return rebuild(entry, key, entry->expire_at_ms());
}

Entry* EntryFactory::with_expiry(Entry* entry, int64_t expire_at_ms) {
  if (entry->has_expiry() && expire_at_ms != kNoExpiry) {
    std::memcpy(entry->body(), &expire_at_ms, sizeof expire_at_ms);
    return entry;
  }
  return rebuild(entry, entry->key(), expire_at_ms);
}

Entry* EntryFactory::copy(const Entry& entry, std::string_view key, int64_t expire_at_ms) {
  const Shape shape{entry.type(), entry.encoding(), entry.value_length_, entry.value_length_};
  Entry* twin = allocate(key, expire_at_ms, shape);
  std::memcpy(twin->has_external_value() ? twin->external() : twin->value_place(),
              entry.has_external_value() ? entry.external() : entry.value_place(), entry.value_length_);
  return twin;
}

Entry* EntryFactory::resize_string(Entry* entry, size_t length) {
  if (entry->encoding() == Encoding::kInteger) return grow(entry, length);
  const size_t before = entry->value_length_;
  const size_t capacity = entry->has_external_value()
                              ? memory::BlockHeap::capacity(entry->external())
                              : memory::BlockHeap::capacity(entry) -
                                    static_cast<size_t>(entry->value_place() - reinterpret_cast<char*>(entry));
  if (length > capacity) return grow(entry, length);

  entry->type_encoding_ =
      static_cast<uint8_t>(static_cast<int>(ObjectType::kString) | static_cast<int>(Encoding::kRaw) << 4);
  entry->value_length_ = length;
  char* bytes = entry->has_external_value() ? entry->external() : entry->value_place();
  if (length > before) std::memset(bytes + before, 0, length - before);
  return entry;
}

Entry* EntryFactory::grow(Entry* entry, size_t length) {
  if (entry->has_external_value()) {  // the block may grow where it is
    void* block = heap_.resize(entry->external(), with_headroom(length));
    std::memcpy(entry->value_place(), &block, sizeof block);
    std::memset(static_cast<char*>(block) + entry->value_length_, 0, length - entry->value_length_);
    entry->value_length_ = length;
    return entry;
  }
  const Shape shape{ObjectType::kString, Encoding::kRaw, length, with_headroom(length)};
  Entry* grown = allocate(entry->key(), entry->expire_at_ms(), shape);
  StringView::Scratch scratch;
  const std::string_view old = entry->string().text(scratch);
  char* bytes = grown->has_external_value() ? grown->external() : grown->value_place();
  const size_t kept = std::min(old.size(), length);
  std::memcpy(bytes, old.data(), kept);
  std::memset(bytes + kept, 0, length - kept);
  free(entry);
  return grown;
}

std::span<char> EntryFactory::writable_bytes(Entry& entry) {
  assert(entry.encoding() == Encoding::kRaw);
  return {entry.has_external_value() ? entry.external() : entry.value_place(), entry.value_length_};
}

void EntryFactory::set_integer(Entry& entry, int64_t value) {
  assert(entry.encoding() == Encoding::kInteger);
  std::memcpy(entry.value_place(), &value, sizeof value);
}

}  // namespace cowslip::store
