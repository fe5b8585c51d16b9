// Which clients have read which keys: what client-side caching has to remember (commands/tracking.h).
//
// Keys are names alone, without their database, as clients know them. Of a client its number is kept, not the client:
// a number that nobody has any more stays until the key goes, so the end of a client costs nothing here.
//
// The table is many small hash tables, by the first bits of the hash: one that grows holds up nobody. Event loop only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/random.h"

namespace cowslip::commands {

class TrackingTable {
 public:
  TrackingTable();
  ~TrackingTable();
  TrackingTable(TrackingTable&&) noexcept = default;
  TrackingTable& operator=(TrackingTable&&) noexcept = default;

  void add(std::string_view key, uint64_t client);
  // Takes the key out. Returns the clients that have read it, in ascending order: none if it is not there.
  std::vector<uint64_t> take(std::string_view key);
  // One key, every one about as likely as any other. REQUIRES: keys() > 0. Valid until the table changes.
  std::string_view random_key(Random& random) const;

  size_t keys() const { return keys_; }
  size_t items() const { return items_; }  // keys, once for each of their clients
  // Of the heap, about.
  size_t memory_bytes() const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  // Most keys have one reader.
  struct Readers {
    uint64_t only = 0;                            // while `more` is null
    std::unique_ptr<std::vector<uint64_t>> more;  // ascending
  };
  using Part = std::unordered_map<std::string, Readers, Hash, std::equal_to<>>;
  static constexpr size_t kParts = 256;
  using Parts = std::array<Part, kParts>;

  Part& part_of(std::string_view key) const { return (*parts_)[Hash()(key) >> (64 - 8)]; }
  static size_t bytes_of(const Part::value_type& entry);

  std::unique_ptr<Parts> parts_;
  size_t keys_ = 0;
  size_t items_ = 0;
  size_t entry_bytes_ = 0;
};

}  // namespace cowslip::commands
