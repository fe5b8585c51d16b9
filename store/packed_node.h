// A node of a packed tree (packed_tree.h): its elements, in order, in one block.
//
//     +--------+------+------+-- ... --+-----------+-----------+-- ... --+
//     | header | slot | slot |         | bytes of 0| bytes of 1|         |
//     +--------+------+------+-- ... --+-----------+-----------+-- ... --+
//
//     slot of a leaf:   key | outside, 1 bit | where the bytes begin, 15 bits
//     of an inner node: key | address of the child, 64 bits | elements below it, 32 bits | where the bytes begin
//
// Long bytes lie outside, in a block of their own: the node has its address and their number.
//
// The key is what elements are ordered by first: nothing (lists), the hash of the element's name (32 bits), or its
// score (a double). An element's bytes are its own in a leaf. In an inner node they tell apart the child's elements
// from the ones before where the key alone does not: no element of the child is less than (key, bytes), every one
// before it is.
//
// A node is as large as what is in it; the block may be larger by what its size class is. Nothing here allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace cowslip::store {

// What a tree's elements are ordered by before their bytes.
enum class NodeKey : uint8_t { kNone, kHash, kScore };
constexpr size_t key_bytes(NodeKey key) {
  return key == NodeKey::kNone ? 0 : key == NodeKey::kHash ? sizeof(uint32_t) : sizeof(double);
}

// The key of one element: its score, or its hash, as a number. Not NaN. Every 32-bit integer is a double.
using KeyValue = double;

class PackedNode {
 public:
  static constexpr size_t kHeader = 12;
  // What 15 bits can say. The trees' limits are far below; elements that must not be parted may need it.
  static constexpr size_t kLargest = 32767;
  // What bytes outside take here.
  static constexpr size_t kOutsideBytes = sizeof(char*) + sizeof(uint64_t);

  static PackedNode* at(void* block) { return static_cast<PackedNode*>(block); }
  // An empty one in `block`. `object` names the aggregate that it belongs to.
  static PackedNode* make(void* block, uint32_t object, NodeKey key, unsigned level);

  uint32_t object() const { return object_; }
  void set_object(uint32_t object) { object_ = object; }
  NodeKey key_kind() const { return static_cast<NodeKey>(key_kind_); }
  unsigned level() const { return level_; }  // 0: a leaf
  bool leaf() const { return level_ == 0; }
  size_t count() const { return count_; }
  // Bytes that are in use, the header's included.
  size_t used() const { return used_; }

  // ---- elements; REQUIRES: index < count() ----
  KeyValue key(size_t index) const;
  std::string_view bytes(size_t index) const {
    const std::string_view here = bytes_here(index);
    if (!outside(index)) return here;
    return {load<const char*>(here.data()), load<uint64_t>(here.data() + sizeof(char*))};
  }
  bool outside(size_t index) const { return (load<uint16_t>(slot(index + 1) - kOffset) & kOutside) != 0; }
  // What is in the node: the bytes, or where they are.
  std::string_view bytes_here(size_t index) const {
    const size_t begin = offset(index), end = index + 1 < count_ ? offset(index + 1) : payload_bytes();
    return {payload() + begin, end - begin};
  }
  PackedNode* child(size_t index) const {
    return reinterpret_cast<PackedNode*>(load<uintptr_t>(slot(index) + key_size()));
  }  // REQUIRES: !leaf()
  uint32_t below(size_t index) const { return load<uint32_t>(slot(index) + key_size() + kChild); }  // REQUIRES: !leaf()
  void set_child(size_t index, PackedNode* child) {
    save(mutable_slot(index) + key_size(), reinterpret_cast<uintptr_t>(child));
  }
  void set_below(size_t index, uint32_t elements) { save(mutable_slot(index) + key_size() + kChild, elements); }
  void set_key(size_t index, KeyValue key);
  // Elements in and below this node.
  uint64_t elements() const;

  // What an element with so many bytes takes.
  size_t element_size(size_t bytes) const { return slot_size() + bytes; }

  // ---- changes. REQUIRES: the block has room for what is used afterwards, at most kLargest ----
  // A new element before `index`; its child is to be set. Returns where its bytes go.
  char* insert(size_t index, KeyValue key, size_t bytes);
  // Says of bytes that they are those of an address, written by this, or that they are not.
  void set_outside(size_t index, const char* block, uint64_t bytes);
  void set_inside(size_t index) { save_offset(index, offset(index)); }
  void erase(size_t index) { erase(index, index + 1); }
  void erase(size_t first, size_t last);  // [first, last)
  // Other bytes of an element; what was there is gone. Returns where they go.
  char* resize(size_t index, size_t bytes);
  // Appends the elements [first, last) of `from`, which is of the same kind and level, with their children.
  void append(const PackedNode& from, size_t first, size_t last);
  // A leaf from all that is in it, in a block with room for leaf_size().
  struct Part {
    KeyValue key;
    uint16_t begin;  // in the payload
    bool outside;
  };
  static size_t leaf_size(NodeKey key, size_t count, size_t payload_bytes) {
    return kHeader + count * (key_bytes(key) + kOffset) + payload_bytes;
  }
  static PackedNode* make_leaf(void* block, uint32_t object, NodeKey key, std::span<const Part> parts,
                               std::string_view payload);
  // Leaves the first `count` elements.
  void cut(size_t count);
  // What the elements [first, last) take.
  size_t size_of(size_t first, size_t last) const {
    return (last - first) * slot_size() + begin_of(last) - begin_of(first);
  }

 private:
  static constexpr size_t kChild = sizeof(uintptr_t);
  static constexpr size_t kOffset = sizeof(uint16_t);
  static constexpr uint16_t kOutside = 0x8000;

  size_t key_size() const { return key_bytes(key_kind()); }
  size_t slot_size() const { return key_size() + (leaf() ? 0 : kChild + sizeof(uint32_t)) + kOffset; }
  const char* base() const { return reinterpret_cast<const char*>(this); }
  char* base() { return reinterpret_cast<char*>(this); }
  const char* slot(size_t index) const { return base() + kHeader + index * slot_size(); }
  char* mutable_slot(size_t index) { return base() + kHeader + index * slot_size(); }
  const char* payload() const { return slot(count_); }
  size_t payload_bytes() const { return used_ - kHeader - count_ * slot_size(); }
  size_t offset(size_t index) const { return load<uint16_t>(slot(index + 1) - kOffset) & ~size_t{kOutside}; }
  void save_offset(size_t index, size_t value) {
    save(mutable_slot(index + 1) - kOffset, static_cast<uint16_t>(value));
  }
  // Where the bytes of an element begin, or would if it were the last.
  size_t begin_of(size_t index) const { return index < count_ ? offset(index) : payload_bytes(); }
  void shift_offsets(size_t from, ptrdiff_t by);

  template <typename T>
  static T load(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
  }
  template <typename T>
  static void save(char* to, T value) {
    std::memcpy(to, &value, sizeof(T));
  }

  uint32_t object_;
  uint16_t count_;
  uint16_t used_;
  uint8_t key_kind_;
  uint8_t level_;
  uint16_t unused_;
};
static_assert(sizeof(PackedNode) == PackedNode::kHeader);

}  // namespace cowslip::store
