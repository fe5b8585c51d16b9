// Entries of aggregates: blobs, and the roots of trees.
#include <cassert>
#include <cstring>

#include "store/entry_factory.h"

namespace cowslip::store {

// ---- small ones ----

Entry* EntryFactory::make_blob(std::string_view key, ObjectType type, Encoding encoding, std::string_view blob,
                               int64_t expire_at_ms) {
  Entry* entry = allocate(key, expire_at_ms, {type, encoding, blob.size(), blob.size()});
  blob.copy(value_of(*entry), blob.size());
  return entry;
}

Entry* EntryFactory::writable_blob(Entry* entry, size_t length) {
  const size_t before = entry->value_length(), wanted = std::max(length, before);
  if (entry->external()) {
    entry = writable(entry);
    if (wanted > pool_.capacity(value_of(*entry))) replace_value(entry, before, wanted);
    return entry;
  }
  if (wanted <= inline_room(*entry) && !frozen(entry)) return entry;
  const Shape shape{entry->type(), entry->encoding(), before, wanted};
  Entry* remade = allocate(entry->key(), entry->expire_at_ms(), shape);
  std::memcpy(value_of(*remade), value_of(*entry), before);
  free(entry);
  return remade;
}

void EntryFactory::resize_blob(Entry& entry, size_t length, size_t changed) {
  entry.set_value_length(length);
  pool_.note_write(&entry, entry.value_offset());
  if (changed < length) pool_.note_write(value_of(entry) + changed, length - changed);
}

// ---- big ones ----

NodeKey EntryFactory::tree_key(ObjectType type) {
  return type == ObjectType::kList ? NodeKey::kNone : NodeKey::kHash;
}

template <typename Use>
void EntryFactory::for_each_tree(ObjectType type, AggregateRoot& root, Use&& use) {
  const auto object = static_cast<uint32_t>(root.object);
  use(PackedTree(nodes_, root.first, tree_key(type), object));
  if (type == ObjectType::kSortedSet) use(PackedTree(nodes_, root.second, NodeKey::kScore, object));
}

Entry* EntryFactory::make_aggregate(std::string_view key, ObjectType type, Encoding encoding, int64_t expire_at_ms) {
  return make_aggregate(key, type, encoding, begin_aggregate(), expire_at_ms);
}

Entry* EntryFactory::make_aggregate(std::string_view key, ObjectType type, Encoding encoding, const AggregateRoot& root,
                                    int64_t expire_at_ms) {
  assert(has_nodes(encoding));
  Entry* entry = allocate(key, expire_at_ms, {type, encoding, sizeof root, sizeof root});
  entry->store(entry->value_offset(), root);
  objects_.set(root.object, entry);
  return entry;
}

Entry* EntryFactory::with_aggregate(Entry* entry, const AggregateRoot& root) {
  assert(entry->aggregate().object == root.object);
  entry = writable(entry);
  entry->store(entry->value_offset(), root);
  pool_.note_write(entry->bytes() + entry->value_offset(), sizeof root);
  return entry;
}

void EntryFactory::tell_nodes(Entry* entry) {
  objects_.set(entry->aggregate().object, entry);
}

void EntryFactory::copy_nodes(const Entry& from, Entry& to) {
  const AggregateRoot original = from.aggregate();
  AggregateRoot root{.object = objects_.add()};
  const TreeRoot* source = &original.first;
  for_each_tree(from.type(), root, [&](PackedTree tree) {
    tree.copy(*source);
    source = &original.second;
  });
  to.store(to.value_offset(), root);
  objects_.set(root.object, &to);
}

void EntryFactory::free_nodes(Entry& entry) {
  drop_aggregate(entry.type(), entry.aggregate());
}

void EntryFactory::drop_aggregate(ObjectType type, AggregateRoot root) {
  for_each_tree(type, root, [](PackedTree tree) { tree.clear(); });
  objects_.remove(root.object);
}

// ---- piece by piece ----

bool EntryFactory::is_slow_to_free(const Entry& entry) {
  constexpr uint64_t kNodeBytes = 64 << 10;
  return has_nodes(entry.encoding()) && entry.aggregate().node_bytes() > kNodeBytes;
}

void EntryFactory::free_later(Entry* entry) {
  if (!is_slow_to_free(*entry)) return free(entry);
  const AggregateRoot root = entry->aggregate();
  doomed_.add(root);
  objects_.remove(root.object);
  arena_.release(entry);
}

// ---- evacuation ----

// A node says of what kind its keys are, and so of which of the trees it is.
void EntryFactory::move_node(void* block) {
  // A node that takes pages has nobody's number.
  const bool outside = pool_.capacity(block) > memory::kLargestSlot && nodes_.object(block) != 0;
  if (outside) return move_outside(static_cast<const char*>(block));
  PackedNode* const node = PackedNode::at(block);
  Entry* const entry = objects_.entry(node->object());
  AggregateRoot root = entry->aggregate();
  const bool second = node->key_kind() == NodeKey::kScore;
  PackedTree(nodes_, second ? root.second : root.first, node->key_kind(), node->object()).move_node(node);
  entry->store(entry->value_offset(), root);
}

void EntryFactory::move_outside(const char* block) {
  Entry* const entry = objects_.entry(nodes_.object(block));
  AggregateRoot root = entry->aggregate();
  for_each_tree(entry->type(), root, [&](PackedTree tree) { tree.move_outside(block); });
  entry->store(entry->value_offset(), root);
}

}  // namespace cowslip::store
