#include "store/entry_factory.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace cowslip::store {
namespace {

constexpr size_t kMaxHeadroom = 1u << 20;

// A string that grows once is likely to grow again. One inside its entry has what its slot is larger; from one size of
// slots to the next is room enough for growing to stay linear.
size_t with_headroom(size_t length) {
  return length <= kInlineValueBytes ? length : length + std::min(length, kMaxHeadroom);
}

Encoding text_encoding(size_t length) {
  return length <= kEmbeddedStringBytes ? Encoding::kEmbedded : Encoding::kRaw;
}

}  // namespace

// ---- blocks ----

Entry* EntryFactory::allocate(std::string_view key, int64_t expire_at_ms, const Shape& shape) {
  const bool external = shape.value_room > kInlineValueBytes;
  Entry* entry = allocate_entry(key, expire_at_ms, shape, external);
  if (external) {
    attach_value(entry, allocate_value(shape.value_room));
    pool_.note_write(value_of(*entry), shape.value_length);
  }
  return entry;
}

Entry* EntryFactory::allocate_entry(std::string_view key, int64_t expire_at_ms, const Shape& shape, bool external) {
  assert(key.size() <= EntryLayout::kLongestKey);
  const bool expires = expire_at_ms != kNoExpiry;
  const bool wide = external || key.size() > EntryLayout::kNarrowKeyBytes;
  const size_t tail = external ? sizeof(char*) : shape.value_room;
  void* block = arena_.allocate(memory::BlockKind::kEntry, EntryLayout::bytes(wide, expires, key.size(), tail));
  auto* entry = static_cast<Entry*>(block);
  entry->word_ = (expires ? Entry::kHasExpiry : 0) | (wide ? Entry::kWide : 0) | (external ? Entry::kExternal : 0);
  entry->set_type(shape.type, shape.encoding);
  entry->set_key_length(key.size());
  entry->set_value_length(shape.value_length);
  if (expires) entry->store(entry->header_bytes(), expire_at_ms);
  key.copy(entry->bytes() + entry->key_offset(), key.size());
  return entry;
}

char* EntryFactory::allocate_value(size_t bytes) {
  // Pages always, never a slot: only these know their owner.
  return static_cast<char*>(arena_.allocate(memory::BlockKind::kLargeValue, std::max(bytes, memory::kLargestSlot + 1)));
}

// Both ways: the entry has the block's address, the block's metadata has the entry's.
void EntryFactory::attach_value(Entry* entry, char* block) {
  entry->store(entry->value_offset(), block);
  arena_.set_page_block_owner(block, static_cast<uint64_t>(entry->bytes() - pool_.base()) / 8);
}

void EntryFactory::free(Entry* entry) {
  if (has_nodes(entry->encoding())) free_nodes(*entry);
  if (entry->external()) arena_.release(value_of(*entry));
  arena_.release(entry);
}

// ---- new entries ----

Entry* EntryFactory::make_string(std::string_view key, std::string_view value, int64_t expire_at_ms) {
  if (value.size() <= kInt64Digits) {
    if (const auto integer = parse_int64(value)) return make_integer(key, *integer, expire_at_ms);
  }
  return make_text(key, value, expire_at_ms);
}

Entry* EntryFactory::make_text(std::string_view key, std::string_view value, int64_t expire_at_ms) {
  const Shape shape{ObjectType::kString, text_encoding(value.size()), value.size(), value.size()};
  Entry* entry = allocate(key, expire_at_ms, shape);
  value.copy(value_of(*entry), value.size());
  return entry;
}

Entry* EntryFactory::make_integer(std::string_view key, int64_t value, int64_t expire_at_ms) {
  Entry* entry = allocate(key, expire_at_ms, {ObjectType::kString, Encoding::kInteger, sizeof value, sizeof value});
  entry->store(entry->value_offset(), value);
  return entry;
}

Entry* EntryFactory::make_unfilled(std::string_view key, size_t length, int64_t expire_at_ms) {
  return allocate(key, expire_at_ms, {ObjectType::kString, Encoding::kRaw, length, length});
}

Entry* EntryFactory::make_raw(std::string_view key, size_t length, int64_t expire_at_ms) {
  Entry* entry = make_unfilled(key, length, expire_at_ms);
  std::memset(value_of(*entry), 0, length);
  return entry;
}

Entry* EntryFactory::copy(const Entry& entry, std::string_view key, int64_t expire_at_ms) {
  const size_t length = entry.value_length();
  Entry* twin = allocate(key, expire_at_ms, {entry.type(), entry.encoding(), length, length});
  std::memcpy(value_of(*twin), entry.value_bytes().data(), length);
  if (has_nodes(entry.encoding())) copy_nodes(entry, *twin);
  return twin;
}

void EntryFactory::move_value(void* block) {
  auto* const entry = reinterpret_cast<Entry*>(pool_.base() + arena_.page_block_owner(block) * 8);
  const size_t bytes = pool_.capacity(block);
  char* const target = allocate_value(bytes);
  std::memcpy(target, block, bytes);
  attach_value(entry, target);
  arena_.release(block);
}

// ---- changes ----

Entry* EntryFactory::rebuild(Entry* entry, std::string_view key, int64_t expire_at_ms) {
  const size_t length = entry->value_length();
  const Shape shape{entry->type(), entry->encoding(), length, length};
  Entry* rebuilt = allocate_entry(key, expire_at_ms, shape, entry->external());
  if (entry->external()) {
    attach_value(rebuilt, value_of(*entry));  // it changes hands as it is
  } else {
    std::memcpy(value_of(*rebuilt), value_of(*entry), length);
    if (has_nodes(rebuilt->encoding())) tell_nodes(rebuilt);
  }
  arena_.release(entry);
  return rebuilt;
}

Entry* EntryFactory::writable(Entry* entry) {
  return frozen(entry) ? rebuild(entry, entry->key(), entry->expire_at_ms()) : entry;
}

Entry* EntryFactory::with_key(Entry* entry, std::string_view key) {
  return rebuild(entry, key, entry->expire_at_ms());
}

Entry* EntryFactory::with_expiry(Entry* entry, int64_t expire_at_ms) {
  const bool same_shape = entry->has_expiry() && expire_at_ms != kNoExpiry;
  if (!same_shape || frozen(entry)) return rebuild(entry, entry->key(), expire_at_ms);
  entry->store(entry->header_bytes(), expire_at_ms);
  pool_.note_write(entry->bytes() + entry->header_bytes(), sizeof expire_at_ms);
  return entry;
}

Entry* EntryFactory::with_integer(Entry* entry, int64_t value) {
  assert(entry->encoding() == Encoding::kInteger);
  entry = writable(entry);
  entry->store(entry->value_offset(), value);
  pool_.note_write(entry->bytes() + entry->value_offset(), sizeof value);
  return entry;
}

size_t EntryFactory::inline_room(const Entry& entry) const {
  return std::min(pool_.capacity(&entry) - entry.value_offset(), kInlineValueBytes);
}

Entry* EntryFactory::resize_string(Entry* entry, size_t length) {
  if (entry->external()) return resize_external(entry, length);
  const size_t room = entry->encoding() == Encoding::kInteger ? 0 : inline_room(*entry);
  if (length > room) return remake_string(entry, length, with_headroom(length));
  if (frozen(entry)) return remake_string(entry, length, room);
  const size_t before = entry->value_length();
  if (length > before) std::memset(value_of(*entry) + before, 0, length - before);
  entry->set_type(ObjectType::kString, Encoding::kRaw);
  entry->set_value_length(length);
  pool_.note_write(entry, entry->value_offset());
  if (length > before) pool_.note_write(value_of(*entry) + before, length - before);
  return entry;
}

Entry* EntryFactory::remake_string(Entry* entry, size_t length, size_t room) {
  Entry* remade = allocate(entry->key(), entry->expire_at_ms(), {ObjectType::kString, Encoding::kRaw, length, room});
  StringView::Scratch scratch;
  const std::string_view old = entry->string().text(scratch);
  const size_t kept = std::min(old.size(), length);
  old.copy(value_of(*remade), kept);
  std::memset(value_of(*remade) + kept, 0, length - kept);
  free(entry);
  return remade;
}

// Frozen or not, the bytes of a large value are written where they are.
Entry* EntryFactory::resize_external(Entry* entry, size_t length) {
  const size_t before = entry->value_length();
  if (length == before) return entry;
  entry = writable(entry);
  entry->set_value_length(length);
  pool_.note_write(entry, entry->value_offset() + sizeof(char*));
  if (length > pool_.capacity(value_of(*entry))) replace_value(entry, before, with_headroom(length));
  if (length > before) {
    pool_.note_write(value_of(*entry) + before, length - before);
    std::memset(value_of(*entry) + before, 0, length - before);
  }
  return entry;
}

// Another block for the entry's value, with the same first bytes.
void EntryFactory::replace_value(Entry* entry, size_t kept, size_t room) {
  char* old_block = value_of(*entry);
  char* block = allocate_value(room);
  pool_.note_write(block, kept);
  std::memcpy(block, old_block, kept);
  arena_.release(old_block);
  attach_value(entry, block);
}

std::span<char> EntryFactory::writable_range(Entry& entry, size_t offset, size_t count) {
  assert(entry.encoding() == Encoding::kRaw && offset + count <= entry.value_length());
  pool_.note_write(value_of(entry) + offset, count);
  return {value_of(entry) + offset, count};
}

}  // namespace cowslip::store
