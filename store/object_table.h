// Which entry a big aggregate's nodes belong to: nodes carry a number, this table has the entry's address. So an entry
// may move without anybody telling its nodes, and a node that is to be moved finds the one that refers to it.
//
// Thread: the event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cowslip::store {

class Entry;

class ObjectTable {
 public:
  // A number for a new aggregate, not 0; those of removed ones are given again.
  uint32_t add() {
    if (free_.empty()) {
      entries_.push_back(nullptr);
      return static_cast<uint32_t>(entries_.size());
    }
    const uint32_t number = free_.back();
    free_.pop_back();
    return number;
  }
  void set(uint64_t number, Entry* entry) { entries_[number - 1] = entry; }
  Entry* entry(uint32_t number) const { return entries_[number - 1]; }
  void remove(uint64_t number) {
    entries_[number - 1] = nullptr;
    free_.push_back(static_cast<uint32_t>(number));
  }
  size_t size() const { return entries_.size() - free_.size(); }

 private:
  std::vector<Entry*> entries_;
  std::vector<uint32_t> free_;
};

}  // namespace cowslip::store
