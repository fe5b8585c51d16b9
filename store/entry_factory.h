// Makes, changes and frees the entries of one database, in its arena.
//
// Problem: while a forked child writes a snapshot, changing a byte that it still has to read makes the kernel copy the
// page. Solution: what is frozen (memory/chunk_pool.h) is never written. A change to a frozen entry makes a new one
// with the change in it, and the old one's slot is released with its bytes as they were.
//
//   SET k, a child alive:       index slot ──► new entry (a chunk the child does not know)
//                                              old entry (frozen; released, bytes kept)  ◄── read by the child
//
// So every change may move the entry: the caller stores what is returned in the index.
//
// A large value's bytes are the exception. Its block is written in place, frozen or not: the kernel then copies the
// 4 KiB that are written, which from 16 KiB on is less work than to copy the value
// (docs/decisions/0005-memory-engine.md). Its entry, which has its address and length, follows the rule above.
//
// Thread: the one that may use the arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "memory/arena.h"
#include "store/doomed_nodes.h"
#include "store/entry.h"
#include "store/object_table.h"
#include "store/packed_tree.h"

namespace cowslip::store {

class EntryFactory {
 public:
  explicit EntryFactory(memory::Arena& arena) : arena_(arena), pool_(arena.pool()), nodes_(arena) {}

  // ---- new entries. REQUIRES: key.size() <= EntryLayout::kLongestKey ----
  // Takes the shortest encoding for `value`: an integer if it is one in canonical form.
  Entry* make_string(std::string_view key, std::string_view value, int64_t expire_at_ms);
  // Keeps `value` as the bytes it is.
  Entry* make_text(std::string_view key, std::string_view value, int64_t expire_at_ms);
  Entry* make_integer(std::string_view key, int64_t value, int64_t expire_at_ms);
  // A raw string of `length` zero bytes.
  Entry* make_raw(std::string_view key, size_t length, int64_t expire_at_ms);
  // The same with any bytes, which the caller will write.
  Entry* make_unfilled(std::string_view key, size_t length, int64_t expire_at_ms);
  // A second entry with the same value; `entry` may be of another arena. Leaves it alone.
  Entry* copy(const Entry& entry, std::string_view key, int64_t expire_at_ms);

  // ---- aggregates ----
  // A small one: a listpack or intset as a whole.
  Entry* make_blob(std::string_view key, ObjectType type, Encoding encoding, std::string_view blob,
                   int64_t expire_at_ms);
  // A big one without elements; the trees' nodes come from nodes().
  Entry* make_aggregate(std::string_view key, ObjectType type, Encoding encoding, int64_t expire_at_ms);
  NodeSpace& nodes() { return nodes_; }
  // The same in two steps, for one whose trees are filled before anybody can see its entry: a root whose nodes may be
  // made with its number; then the entry. What was begun is either made or dropped.
  AggregateRoot begin_aggregate() { return {.object = objects_.add()}; }
  Entry* make_aggregate(std::string_view key, ObjectType type, Encoding encoding, const AggregateRoot& root,
                        int64_t expire_at_ms);
  void drop_aggregate(ObjectType type, AggregateRoot root);
  // The order of a big aggregate's trees; the second one is a sorted set's.
  static NodeKey tree_key(ObjectType type);

  // ---- changes: each consumes `entry`, which is of this arena, and returns what takes its place ----
  // The same value under another key or with another expiry. A large value is not copied.
  Entry* with_key(Entry* entry, std::string_view key);
  Entry* with_expiry(Entry* entry, int64_t expire_at_ms);
  // REQUIRES: encoding() == kInteger.
  Entry* with_integer(Entry* entry, int64_t value);
  // Turns the value into a raw string of `length` bytes that may be written: what was there first, zero bytes after it.
  // A large value that grows takes room ahead (twice the length, up to 1 MiB more), a small one what its slot has to
  // spare: slots are a sixteenth larger from size to size, so appending piece by piece is linear either way.
  Entry* resize_string(Entry* entry, size_t length);
  // A blob that may be written, with room for `length` bytes; its bytes and length are as before. Whoever writes says
  // so: resize_blob().
  Entry* writable_blob(Entry* entry, size_t length);
  // REQUIRES: writable_blob() returned `entry`, with at least that length, and no snapshot has begun since.
  static char* blob_of(Entry& entry) { return value_of(entry); }
  // The blob has `length` bytes now, and all from `changed` on were written.
  void resize_blob(Entry& entry, size_t length, size_t changed);
  // What changes of its trees made of a big aggregate's root.
  Entry* with_aggregate(Entry* entry, const AggregateRoot& root);
  void free(Entry* entry);

  // ---- big aggregates that are freed piece by piece, while others are served ----
  // Whether free() would keep clients waiting.
  static bool is_slow_to_free(const Entry& entry);
  // Frees the entry; its nodes go with free_some().
  void free_later(Entry* entry);
  // Frees so many blocks, about. Returns how many aggregates are gone with them.
  size_t free_some(size_t blocks) { return doomed_.free_some(nodes_, blocks); }
  size_t to_be_freed() const { return doomed_.aggregates(); }

  // ---- for evacuation: the same at another place ----
  Entry* moved(Entry* entry) { return rebuild(entry, entry->key(), entry->expire_at_ms()); }
  // `block` is a large value of this arena; the entry that has its address is told, nothing else knows it.
  void move_value(void* block);
  // `block` is a node of this arena; its parent is told, or its aggregate. REQUIRES: to_be_freed() is 0.
  void move_node(void* block);

  // `count` bytes of a raw string from `offset` on, all of which will be written in place. REQUIRES: make_raw() or
  // resize_string() returned `entry`, and no snapshot has begun since.
  std::span<char> writable_range(Entry& entry, size_t offset, size_t count);

 private:
  struct Shape {
    ObjectType type;
    Encoding encoding;
    size_t value_length;
    size_t value_room;  // at least value_length
  };
  bool frozen(const void* block) const { return pool_.frozen(block); }
  // Header, expiry, key, and room for the value, in the entry or outside.
  Entry* allocate(std::string_view key, int64_t expire_at_ms, const Shape& shape);
  Entry* allocate_entry(std::string_view key, int64_t expire_at_ms, const Shape& shape, bool external);
  char* allocate_value(size_t bytes);
  void attach_value(Entry* entry, char* block);
  // A new header, expiry and key around the value of `entry`, which is consumed.
  Entry* rebuild(Entry* entry, std::string_view key, int64_t expire_at_ms);
  // `entry` itself, or an equal one when it is frozen.
  Entry* writable(Entry* entry);
  // Bytes that a value inside the entry can have without moving it.
  size_t inline_room(const Entry& entry) const;
  Entry* remake_string(Entry* entry, size_t length, size_t room);
  Entry* resize_external(Entry* entry, size_t length);
  void replace_value(Entry* entry, size_t kept, size_t room);

  static char* value_of(Entry& entry) {
    return entry.external() ? const_cast<char*>(entry.value_block()) : entry.bytes() + entry.value_offset();
  }

  // Calls use(PackedTree) for each tree of the aggregate that `root` is the root of.
  template <typename Use>
  void for_each_tree(ObjectType type, AggregateRoot& root, Use&& use);
  void copy_nodes(const Entry& from, Entry& to);
  void free_nodes(Entry& entry);
  void move_outside(const char* block);
  // The entry has taken the place of another with the same nodes.
  void tell_nodes(Entry* entry);

  memory::Arena& arena_;
  memory::ChunkPool& pool_;
  NodeSpace nodes_;
  ObjectTable objects_;
  DoomedNodes doomed_;
};

}  // namespace cowslip::store
