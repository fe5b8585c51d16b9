#include "store/packed_node.h"

#include <bit>
#include <cassert>

#include "base/numbers.h"

namespace cowslip::store {

PackedElement::PackedElement(std::string_view text) : bytes_(text) {
  const auto value = parse_int64(text);
  if (!value) return;
  const auto magnitude = static_cast<uint64_t>(*value < 0 ? ~*value : *value);
  const size_t bits = static_cast<size_t>(std::bit_width(magnitude)) + 1;
  integer_ = true;
  std::memcpy(binary_, &*value, sizeof binary_);
  bytes_ = {binary_, bits <= 32 ? (bits + 7) / 8 : sizeof binary_};
}

PackedNode* PackedNode::make(void* block, uint32_t object, NodeKey key, unsigned level) {
  auto* const node = at(block);
  node->object_ = object;
  node->count_ = 0;
  node->used_ = kHeader;
  node->key_kind_ = static_cast<uint8_t>(key);
  node->level_ = static_cast<uint8_t>(level);
  node->odd_codes_ = 0;
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

size_t PackedNode::child_with(uint64_t& rank, uint64_t elements) const {
  const size_t stride = slot_size(), at = key_size() + kChild;
  if (rank < elements / 2) {
    size_t index = 0;
    for (const char* below = slot(0) + at; rank >= load<uint32_t>(below); below += stride, index++) {
      rank -= load<uint32_t>(below);
    }
    return index;
  }
  uint64_t behind = elements - rank;
  size_t index = count_ - 1u;
  const char* below = slot(index) + at;
  for (; behind > load<uint32_t>(below); below -= stride, index--) behind -= load<uint32_t>(below);
  rank = load<uint32_t>(below) - behind;
  return index;
}

void PackedNode::shift_offsets(size_t from, ptrdiff_t by) {
  if (coded()) return;
  const size_t stride = slot_size();
  char* at = mutable_slot(from + 1) - kOffset;
  for (size_t i = from; i < count_; i++, at += stride) {
    const auto word = load<uint16_t>(at);
    save(at, static_cast<uint16_t>((word & kOutside) | (((word & ~kOutside) + by) & ~kOutside)));
  }
}

char* PackedNode::insert(size_t index, KeyValue key, size_t bytes, bool integer) {
  assert(index <= count_ && used_ + element_size(bytes) <= kLargest);
  const size_t stride = slot_size(), begin = begin_of(index), behind = payload_bytes() - begin;
  const size_t added = element_size(bytes) - stride;
  char* const old_payload = mutable_slot(count_);
  // The last part first: everything moves up.
  std::memmove(old_payload + stride + begin + added, old_payload + begin, behind);
  std::memmove(old_payload + stride, old_payload, begin);
  std::memmove(mutable_slot(index + 1), mutable_slot(index), (count_ - index) * stride);
  count_++;
  used_ = static_cast<uint16_t>(used_ + stride + added);
  if (coded()) return begin_coded(index, mutable_slot(count_) + begin, bytes, integer);
  set_key(index, key);
  save_offset(index, begin);
  shift_offsets(index + 1, static_cast<ptrdiff_t>(bytes));
  return mutable_slot(count_) + begin;
}

void PackedNode::set_outside(size_t index, const char* block, uint64_t bytes) {
  char* const here = mutable_slot(count_) + begin_of(index);
  save(here, block);
  save(here + sizeof block, bytes);
  if (!coded()) return save_offset(index, offset(index) | kOutside);
  odd_codes_ = static_cast<uint16_t>(odd_codes_ + !odd(code(index)));
  set_code(index, kCodeOutside);
}

void PackedNode::set_inside(size_t index) {
  if (!coded()) return save_offset(index, offset(index));
  if (!outside(index)) return;
  odd_codes_--;
  set_code(index, kOutsideBytes);
}

void PackedNode::erase(size_t first, size_t last) {
  const size_t slots = (last - first) * slot_size(), begin = begin_of(first), length = begin_of(last) - begin;
  const size_t behind = payload_bytes() - begin - length;
  char* const old_payload = mutable_slot(count_);
  shift_offsets(last, -static_cast<ptrdiff_t>(length));
  count_odd(first, last, -1);
  std::memmove(mutable_slot(first), mutable_slot(last), (count_ - last) * slot_size());
  std::memmove(old_payload - slots, old_payload, begin);
  std::memmove(old_payload - slots + begin, old_payload + begin + length, behind);
  count_ = static_cast<uint16_t>(count_ - (last - first));
  used_ = static_cast<uint16_t>(used_ - slots - length);
}

char* PackedNode::resize(size_t index, size_t bytes, bool integer) {
  const size_t begin = begin_of(index), before = begin_of(index + 1) - begin;
  const size_t after = element_size(bytes) - slot_size();
  assert(used_ - before + after <= kLargest);
  char* const at = mutable_slot(count_) + begin;
  std::memmove(at + after, at + before, payload_bytes() - begin - before);
  used_ = static_cast<uint16_t>(used_ - before + after);
  if (coded()) {
    count_odd(index, index + 1, -1);
    return begin_coded(index, at, bytes, integer);
  }
  shift_offsets(index + 1, static_cast<ptrdiff_t>(after) - static_cast<ptrdiff_t>(before));
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
  if (from.odd_codes_ > 0) count_odd(old_count, count_, 1);
}

// `size`: with its length, if it has one.
uint8_t PackedNode::code_of(const Part& part, size_t size) {
  if (part.outside) return kCodeOutside;
  if (part.integer) return static_cast<uint8_t>(kCodeInteger + size);
  return size <= kLongestCoded ? static_cast<uint8_t>(size) : kCodeLong;
}

PackedNode* PackedNode::make_leaf(void* block, uint32_t object, NodeKey key, std::span<const Part> parts,
                                  std::string_view payload) {
  PackedNode* const node = make(block, object, key, 0);
  node->count_ = static_cast<uint16_t>(parts.size());
  node->used_ = static_cast<uint16_t>(leaf_size(key, parts.size(), payload.size()));
  for (size_t i = 0; i < parts.size(); i++) {
    const Part& part = parts[i];
    if (node->coded()) {
      const size_t end = i + 1 < parts.size() ? parts[i + 1].begin : payload.size();
      node->set_code(i, code_of(part, end - part.begin));
      node->odd_codes_ = static_cast<uint16_t>(node->odd_codes_ + odd(node->code(i)));
    } else {
      node->set_key(i, part.key);
      node->save_offset(i, part.begin | (part.outside ? kOutside : 0));
    }
  }
  payload.copy(node->mutable_slot(parts.size()), payload.size());
  return node;
}

void PackedNode::cut(size_t count) {
  const size_t kept = begin_of(count), stride = slot_size();
  count_odd(count, count_, -1);
  std::memmove(mutable_slot(count), payload(), kept);
  count_ = static_cast<uint16_t>(count);
  used_ = static_cast<uint16_t>(kHeader + count * stride + kept);
}

// ---- a list's leaf ----

// Eight at a time: of integers what is above kCodeInteger counts.
size_t PackedNode::sum_of_codes(const char* codes, size_t count) {
  constexpr uint64_t kOnes = 0x0101010101010101, kEven = 0x00ff00ff00ff00ff, kHighBits = 0x80 * kOnes;
  size_t sum = 0, i = 0;
  for (; i + sizeof(uint64_t) <= count; i += sizeof(uint64_t)) {
    auto eight = load<uint64_t>(codes + i);
    const uint64_t integers = eight & eight << 1 & eight << 2 & eight << 3 & kHighBits;
    eight -= (integers >> 7) * kCodeInteger;
    sum += ((eight & kEven) + (eight >> 8 & kEven)) * 0x0001000100010001 >> 48;
  }
  for (; i < count; i++) sum += coded_size(static_cast<uint8_t>(codes[i]), nullptr);
  return sum;
}

// From whichever end is nearer.
size_t PackedNode::coded_begin(size_t index) const {
  if (odd_codes_ == 0) {
    return index <= count_ / 2u ? sum_of_codes(slot(0), index)
                                : payload_bytes() - sum_of_codes(slot(index), count_ - index);
  }
  const char* const begin = payload();
  const char* at = begin;
  for (size_t i = 0; i < index; i++) at += coded_size(code(i), at);
  return static_cast<size_t>(at - begin);
}

void PackedNode::count_odd(size_t first, size_t last, int by) {
  if (!coded() || (by < 0 && odd_codes_ == 0)) return;
  for (size_t i = first; i < last; i++) {
    if (odd(code(i))) odd_codes_ = static_cast<uint16_t>(odd_codes_ + by);
  }
}

char* PackedNode::begin_coded(size_t index, char* at, size_t bytes, bool integer) {
  if (integer || bytes <= kLongestCoded) {
    set_code(index, static_cast<uint8_t>(integer ? kCodeInteger + bytes : bytes));
    return at;
  }
  set_code(index, kCodeLong);
  odd_codes_++;
  save(at, static_cast<uint16_t>(bytes));
  return at + kCodedLength;
}

StringView PackedNode::rare_value(uint8_t code, const char* at) {
  if (code == kCodeOutside) {
    return StringView(std::string_view(load<const char*>(at), load<uint64_t>(at + sizeof(char*))));
  }
  if (code == kCodeLong) return StringView(coded_bytes(code, at));
  const size_t bytes = code - kCodeInteger;
  uint64_t bits = 0;
  std::memcpy(&bits, at, bytes);
  const unsigned unused = 64 - 8 * static_cast<unsigned>(bytes);
  return StringView(static_cast<int64_t>(bits << unused) >> unused);
}

}  // namespace cowslip::store
