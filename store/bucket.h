// One cache line of the index: what it knows of up to seven keys.
//
//     0         7   8                             43                 64
//     +---------+---+-----------------------------+------------------+
//     | 7 tags  | l | 7 references                | 7 access stamps  |
//     | 1 byte  | 1 | 5 bytes                     | 3 bytes          |
//     +---------+---+-----------------------------+------------------+
//
// A tag is eight bits of the key's hash, never 0; tag 0 marks a free place. Places are taken from the first on, without
// holes. A reference is where the entry lies, in units of 8 bytes. When `l` is 1, the last place holds no key but the
// address of the bucket in which the chain goes on: the 40 bits of its reference, and above them the 24 of its stamp.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace cowslip::store {

// Some places of a bucket, to be gone through from the lowest: one bit in each byte.
class Places {
 public:
  explicit Places(uint64_t bits) : bits_(bits) {}
  Places begin() const { return *this; }
  Places end() const { return Places(0); }
  int operator*() const { return std::countr_zero(bits_) / 8; }
  Places& operator++() {
    bits_ &= bits_ - 1;
    return *this;
  }
  bool operator==(const Places&) const = default;

 private:
  uint64_t bits_;
};

class alignas(64) Bucket {
 public:
  static constexpr int kPlaces = 7;

  // The places whose key has this tag. REQUIRES: tag != 0.
  Places with_tag(uint8_t tag) const { return Places(zero_bytes(tags_and_link() ^ tag * kEachByte) & kTagBits); }
  // How many keys are here: the places before this one are taken.
  int used() const { return std::countr_zero((zero_bytes(tags_and_link()) & kTagBits) | kLinkBit) / 8; }
  bool full() const { return used() == kPlaces; }

  uint8_t tag(int place) const { return tags_[place]; }
  uint64_t reference(int place) const {
    uint64_t bytes;  // the three that follow the last reference are stamps: still inside the bucket
    std::memcpy(&bytes, reinterpret_cast<const char*>(this) + kReferencesAt + kReferenceBytes * place, sizeof bytes);
    return bytes & kReferenceMask;
  }
  uint32_t access(int place) const {
    const auto& bytes = access_[place];
    return bytes[0] | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16;
  }

  void set_tag(int place, uint8_t tag) { tags_[place] = tag; }
  void set_reference(int place, uint64_t reference) { std::memcpy(references_[place], &reference, kReferenceBytes); }
  void set_access(int place, uint32_t stamp) { std::memcpy(access_[place], &stamp, kAccessBytes); }
  void set(int place, const Bucket& from, int from_place) {
    tags_[place] = from.tags_[from_place];
    std::memcpy(references_[place], from.references_[from_place], kReferenceBytes);
    std::memcpy(access_[place], from.access_[from_place], kAccessBytes);
  }
  void clear(int place) { tags_[place] = 0; }

  // The bucket in which the chain goes on, or null.
  Bucket* next() const {
    if (linked_ == 0) return nullptr;
    return reinterpret_cast<Bucket*>(reference(kLinkPlace) | uint64_t{access(kLinkPlace)} << kReferenceBits);
  }
  // The key in the last place must have been taken elsewhere.
  void link(const Bucket* next) {
    const auto address = reinterpret_cast<uint64_t>(next);
    linked_ = 1;
    tags_[kLinkPlace] = 0;
    set_reference(kLinkPlace, address & kReferenceMask);
    set_access(kLinkPlace, static_cast<uint32_t>(address >> kReferenceBits));
  }
  void unlink() { linked_ = 0; }

  static constexpr int kReferenceBits = 40;
  static constexpr int kLinkPlace = kPlaces - 1;

 private:
  static constexpr int kReferencesAt = 8;
  static constexpr int kReferenceBytes = kReferenceBits / 8;
  static constexpr int kAccessBytes = 3;
  static constexpr uint64_t kReferenceMask = (uint64_t{1} << kReferenceBits) - 1;
  static constexpr uint64_t kEachByte = 0x0101010101010101;
  static constexpr uint64_t kTagBits = 0x0080808080808080;
  static constexpr uint64_t kLinkBit = 0x8000000000000000;

  uint64_t tags_and_link() const {
    uint64_t word;
    std::memcpy(&word, tags_, sizeof word);
    return word;
  }
  // The highest bit of every byte that is 0, and no other. Adding cannot carry from one byte into the next.
  static uint64_t zero_bytes(uint64_t word) {
    constexpr uint64_t kLowBits = 0x7f * kEachByte;
    return ~(((word & kLowBits) + kLowBits) | word | kLowBits);
  }

  uint8_t tags_[kPlaces] = {};
  uint8_t linked_ = 0;
  uint8_t references_[kPlaces][kReferenceBytes];
  uint8_t access_[kPlaces][kAccessBytes];
};

static_assert(sizeof(Bucket) == 64, "one cache line, as drawn above");
static_assert(std::endian::native == std::endian::little, "places are counted from the low end of a word");

}  // namespace cowslip::store
