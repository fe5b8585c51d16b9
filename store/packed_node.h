// A node of a packed tree (packed_tree.h): its elements, in order, in one block.
//
//     +--------+------+------+-- ... --+-----------+-----------+-- ... --+
//     | header | slot | slot |         | bytes of 0| bytes of 1|         |
//     +--------+------+------+-- ... --+-----------+-----------+-- ... --+
//
//     slot of a leaf:   key | outside, 1 bit | where the bytes begin, 15 bits
//     of an inner node: key | address of the child, 64 bits | elements below it, 32 bits | where the bytes begin
//     of a list's leaf: code, 8 bits
//
// Long bytes lie outside, in a block of their own: the node has its address and their number.
//
// A list's leaf is made to be small and quickly changed at its ends. Where an element begins follows from the codes of
// those before it, or behind it:
//
//     0x00 to 0xef               a string of that many bytes
//     0xf1, f2, f3, f4, f8       an integer of 1, 2, 3, 4 or 8 bytes, signed, little endian
//     0xfe                       16 bits of length, and a string
//     0xff                       a string outside
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

#include "store/string_view.h"

namespace cowslip::store {

// What a tree's elements are ordered by before their bytes.
enum class NodeKey : uint8_t { kNone, kHash, kScore };
constexpr size_t key_bytes(NodeKey key) {
  return key == NodeKey::kNone ? 0 : key == NodeKey::kHash ? sizeof(uint32_t) : sizeof(double);
}

// The key of one element: its score, or its hash, as a number. Not NaN. Every 32-bit integer is a double.
using KeyValue = double;

// A list's element as a leaf holds it: an integer in as few bytes as have it, or the text.
class PackedElement {
 public:
  // Keeps a view of `text`.
  explicit PackedElement(std::string_view text);
  PackedElement(const PackedElement&) = delete;
  PackedElement& operator=(const PackedElement&) = delete;

  bool integer() const { return integer_; }
  size_t size() const { return bytes_.size(); }
  std::string_view bytes() const { return bytes_; }  // valid as long as this
  void copy(char* to) const { bytes_.copy(to, bytes_.size()); }

 private:
  std::string_view bytes_;
  bool integer_ = false;
  char binary_[sizeof(int64_t)];
};

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
  // Of an integer in a list's leaf, its bytes: value() is the one to ask there.
  std::string_view bytes(size_t index) const {
    const std::string_view here = bytes_here(index);
    if (!outside(index)) return here;
    return {load<const char*>(here.data()), load<uint64_t>(here.data() + sizeof(char*))};
  }
  bool outside(size_t index) const {
    return coded() ? code(index) == kCodeOutside : (load<uint16_t>(slot(index + 1) - kOffset) & kOutside) != 0;
  }
  // What is in the node: the bytes, or where they are.
  std::string_view bytes_here(size_t index) const {
    if (coded()) return coded_bytes(code(index), payload() + coded_begin(index));
    const size_t begin = offset(index), end = index + 1 < count_ ? offset(index + 1) : payload_bytes();
    return {payload() + begin, end - begin};
  }
  PackedNode* child(size_t index) const {
    return reinterpret_cast<PackedNode*>(load<uintptr_t>(slot(index) + key_size()));
  }  // REQUIRES: !leaf()
  uint32_t below(size_t index) const { return load<uint32_t>(slot(index) + key_size() + kChild); }  // REQUIRES: !leaf()
  // The child below which the element with this rank is; `rank` becomes the one that it has there. `elements`: all that
  // are below this node. Looks from the nearer end. REQUIRES: !leaf(); rank < elements.
  size_t child_with(uint64_t& rank, uint64_t elements) const;
  void set_child(size_t index, PackedNode* child) {
    save(mutable_slot(index) + key_size(), reinterpret_cast<uintptr_t>(child));
  }
  void set_below(size_t index, uint32_t elements) { save(mutable_slot(index) + key_size() + kChild, elements); }
  void set_key(size_t index, KeyValue key);
  // An element of a list's leaf. REQUIRES: it is one.
  StringView value(size_t index) const { return coded_value(code(index), payload() + coded_begin(index)); }
  bool integer(size_t index) const { return code(index) > kCodeInteger && !odd(code(index)); }
  // Calls visit(StringView) for the elements of a list's leaf from `index` on, towards its end (forward) or its start.
  // False when visit() has returned false, which ends it.
  template <typename Visit>
  bool for_each_value(size_t index, bool forward, Visit&& visit) const;
  // Elements in and below this node.
  uint64_t elements() const;

  // What an element with so many bytes takes.
  size_t element_size(size_t bytes) const {
    return slot_size() + bytes + (coded() && bytes > kLongestCoded ? kCodedLength : 0);
  }

  // ---- changes. REQUIRES: the block has room for what is used afterwards, at most kLargest ----
  // A new element before `index`; its child is to be set. Returns where its bytes go. `integer`: they are one, in a
  // list's leaf.
  char* insert(size_t index, KeyValue key, size_t bytes, bool integer = false);
  // Says of bytes that they are those of an address, written by this, or that they are not.
  void set_outside(size_t index, const char* block, uint64_t bytes);
  void set_inside(size_t index);
  void erase(size_t index) { erase(index, index + 1); }
  void erase(size_t first, size_t last);  // [first, last)
  // Other bytes of an element, which are inside; what was there is gone. Returns where they go.
  char* resize(size_t index, size_t bytes, bool integer = false);
  // Appends the elements [first, last) of `from`, which is of the same kind and level, with their children.
  void append(const PackedNode& from, size_t first, size_t last);
  // A leaf from all that is in it, in a block with room for leaf_size().
  struct Part {
    KeyValue key;
    uint16_t begin;  // in the payload
    bool outside;
    bool integer;  // of a list
  };
  static size_t leaf_size(NodeKey key, size_t count, size_t payload_bytes) {
    return kHeader + count * (key == NodeKey::kNone ? 1 : key_bytes(key) + kOffset) + payload_bytes;
  }
  // Bytes of length before so many bytes inside of a leaf's payload.
  static size_t length_bytes(NodeKey key, size_t bytes) {
    return key == NodeKey::kNone && bytes > kLongestCoded ? kCodedLength : 0;
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
  static constexpr uint8_t kLongestCoded = 0xef;
  static constexpr uint8_t kCodeInteger = 0xf0;  // and its bytes
  static constexpr uint8_t kCodeLong = 0xfe, kCodeOutside = 0xff;
  static constexpr size_t kCodedLength = sizeof(uint16_t);

  bool coded() const { return (key_kind_ | level_) == 0; }
  size_t key_size() const { return key_bytes(key_kind()); }
  size_t slot_size() const { return coded() ? 1 : key_size() + (leaf() ? 0 : kChild + sizeof(uint32_t)) + kOffset; }
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
  size_t begin_of(size_t index) const {
    return index == count_ ? payload_bytes() : coded() ? coded_begin(index) : offset(index);
  }
  void shift_offsets(size_t from, ptrdiff_t by);

  // ---- a list's leaf ----
  uint8_t code(size_t index) const { return static_cast<uint8_t>(*slot(index)); }
  void set_code(size_t index, uint8_t code) { *mutable_slot(index) = static_cast<char>(code); }
  // Codes that do not say how many bytes of payload there are; `odd_codes_` counts them.
  static bool odd(uint8_t code) { return code >= kCodeLong; }
  static uint8_t code_of(const Part& part, size_t size);
  // What an element with that code takes of the payload at `at`.
  static size_t coded_size(uint8_t code, const char* at) {
    if (code <= kLongestCoded) return code;
    if (!odd(code)) return code - kCodeInteger;
    return code == kCodeOutside ? kOutsideBytes : kCodedLength + load<uint16_t>(at);
  }
  static std::string_view coded_bytes(uint8_t code, const char* at) {
    const size_t size = coded_size(code, at), length = code == kCodeLong ? kCodedLength : 0;
    return {at + length, size - length};
  }
  static StringView coded_value(uint8_t code, const char* at) {
    if (code <= kLongestCoded) [[likely]]
      return StringView(std::string_view(at, code));
    return rare_value(code, at);
  }
  static StringView rare_value(uint8_t code, const char* at);
  size_t coded_begin(size_t index) const;
  // The bytes that so many codes stand for, none of which is odd.
  static size_t sum_of_codes(const char* codes, size_t count);
  void count_odd(size_t first, size_t last, int by);
  // Gives an element that code, and if need be its length. Returns where its bytes go.
  char* begin_coded(size_t index, char* at, size_t bytes, bool integer);

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
  uint16_t odd_codes_;
};
static_assert(sizeof(PackedNode) == PackedNode::kHeader);

// ---- templates ----

template <typename Visit>
bool PackedNode::for_each_value(size_t index, bool forward, Visit&& visit) const {
  const char* at = payload() + coded_begin(index);
  if (forward) {
    for (size_t i = index; i < count_; i++) {
      const uint8_t of = code(i);
      if (!visit(coded_value(of, at))) return false;
      at += coded_size(of, at);
    }
    return true;
  }
  for (size_t i = index;; i--) {
    if (!visit(coded_value(code(i), at))) return false;
    if (i == 0) return true;
    // Only from its start can be told how long one with an odd code is.
    at = odd(code(i - 1)) ? payload() + coded_begin(i - 1) : at - coded_size(code(i - 1), nullptr);
  }
}

}  // namespace cowslip::store
