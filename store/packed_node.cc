#include "store/packed_node.h"

#include <cassert>

namespace cowslip::store {

PackedNode* PackedNode::make(void* block, uint32_t object, NodeKey key, unsigned level) {
  auto* const node = at(block);
  node->object_ = object;
  node->count_ = 0;
  node->used_ = kHeader;
  node->key_kind_ = static_cast<uint8_t>(key);
  node->level_ = static_cast<uint8_t>(level);
  node->unused_ = 0;
  return node;
}

KeyValue PackedNode::key(size_t index) const {
  switch (key_kind()) {
    case NodeKey::kHash:
      return load<uint32_t>(slot(index));
    case NodeKey::kScore:
      return load<double>(slot(index));
    default:
      return 0;
  }
}

void PackedNode::set_key(size_t index, KeyValue key) {
  if (key_kind() == NodeKey::kHash) save(mutable_slot(index), static_cast<uint32_t>(key));
  if (key_kind() == NodeKey::kScore) save(mutable_slot(index), key);
}

uint64_t PackedNode::elements() const {
  if (leaf()) return count_;
  uint64_t sum = 0;
  for (size_t i = 0; i < count_; i++) sum += below(i);
  return sum;
}

void PackedNode::shift_offsets(size_t from, ptrdiff_t by) {
  const size_t stride = slot_size();
  char* at = mutable_slot(from + 1) - kOffset;
  for (size_t i = from; i < count_; i++, at += stride) {
    const auto word = load<uint16_t>(at);
    save(at, static_cast<uint16_t>((word & kOutside) | (((word & ~kOutside) + by) & ~kOutside)));
  }
}

char* PackedNode::insert(size_t index, KeyValue key, size_t bytes) {
  assert(index <= count_ && used_ + element_size(bytes) <= kLargest);
  const size_t stride = slot_size(), begin = begin_of(index), behind = payload_bytes() - begin;
  char* const old_payload = mutable_slot(count_);
  // The last part first: everything moves up.
  std::memmove(old_payload + stride + begin + bytes, old_payload + begin, behind);
  std::memmove(old_payload + stride, old_payload, begin);
  std::memmove(mutable_slot(index + 1), mutable_slot(index), (count_ - index) * stride);
  count_++;
  used_ = static_cast<uint16_t>(used_ + stride + bytes);
  set_key(index, key);
  save_offset(index, begin);
  shift_offsets(index + 1, static_cast<ptrdiff_t>(bytes));
  return mutable_slot(count_) + begin;
}

void PackedNode::set_outside(size_t index, const char* block, uint64_t bytes) {
  char* const here = mutable_slot(count_) + offset(index);
  save(here, block);
  save(here + sizeof block, bytes);
  save_offset(index, offset(index) | kOutside);
}

void PackedNode::erase(size_t first, size_t last) {
  const size_t slots = (last - first) * slot_size(), begin = offset(first), length = begin_of(last) - begin;
  const size_t behind = payload_bytes() - begin - length;
  char* const old_payload = mutable_slot(count_);
  shift_offsets(last, -static_cast<ptrdiff_t>(length));
  std::memmove(mutable_slot(first), mutable_slot(last), (count_ - last) * slot_size());
  std::memmove(old_payload - slots, old_payload, begin);
  std::memmove(old_payload - slots + begin, old_payload + begin + length, behind);
  count_ = static_cast<uint16_t>(count_ - (last - first));
  used_ = static_cast<uint16_t>(used_ - slots - length);
}

char* PackedNode::resize(size_t index, size_t bytes) {
  const size_t begin = offset(index), before = bytes_here(index).size();
  assert(used_ - before + bytes <= kLargest);
  char* const at = mutable_slot(count_) + begin;
  std::memmove(at + bytes, at + before, payload_bytes() - begin - before);
  used_ = static_cast<uint16_t>(used_ - before + bytes);
  shift_offsets(index + 1, static_cast<ptrdiff_t>(bytes) - static_cast<ptrdiff_t>(before));
  return at;
}

void PackedNode::append(const PackedNode& from, size_t first, size_t last) {
  const size_t stride = slot_size(), added = last - first;
  const size_t from_begin = from.begin_of(first), length = from.begin_of(last) - from_begin, before = payload_bytes();
  assert(used_ + added * stride + length <= kLargest);
  char* const old_payload = mutable_slot(count_);
  std::memmove(old_payload + added * stride, old_payload, before);
  std::memcpy(old_payload, from.slot(first), added * stride);
  std::memcpy(old_payload + added * stride + before, from.payload() + from_begin, length);
  const size_t old_count = count_;
  count_ = static_cast<uint16_t>(count_ + added);
  used_ = static_cast<uint16_t>(used_ + added * stride + length);
  shift_offsets(old_count, static_cast<ptrdiff_t>(before) - static_cast<ptrdiff_t>(from_begin));
}

PackedNode* PackedNode::make_leaf(void* block, uint32_t object, NodeKey key, std::span<const Part> parts,
                                  std::string_view payload) {
  PackedNode* const node = make(block, object, key, 0);
  node->count_ = static_cast<uint16_t>(parts.size());
  node->used_ = static_cast<uint16_t>(leaf_size(key, parts.size(), payload.size()));
  for (size_t i = 0; i < parts.size(); i++) {
    if (key != NodeKey::kNone) node->set_key(i, parts[i].key);
    node->save_offset(i, parts[i].begin | (parts[i].outside ? kOutside : 0));
  }
  payload.copy(node->mutable_slot(parts.size()), payload.size());
  return node;
}

void PackedNode::cut(size_t count) {
  const size_t kept = begin_of(count), stride = slot_size();
  std::memmove(mutable_slot(count), payload(), kept);
  count_ = static_cast<uint16_t>(count);
  used_ = static_cast<uint16_t>(kHeader + count * stride + kept);
}

}  // namespace cowslip::store
