// Brings what requests will look up on its way into the cache before they run.
//
// Problem: with more keys than the cache holds, a command waits for memory twice, for the index and for the entry, and
// each wait is longer than the rest of its work. Solution: when several requests are known, first ask for the lines of
// the index that all of them need, then for the entries, and only then run them: the waits overlap.
//
// Nothing is changed, and nothing depends on it: a request that turns out to need something else is slower, not wrong.
// Only a command's first key is looked at. Event loop only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "commands/command_table.h"
#include "store/keyspace.h"

namespace cowslip::commands {

class KeyPrefetch {
 public:
  static constexpr size_t kMostRequests = 16;

  // For requests to one database.
  KeyPrefetch(const CommandTable& table, const store::Database& database) : table_(table), database_(database) {}

  // REQUIRES: args is not empty; called at most kMostRequests times.
  void add(std::span<const std::string_view> args) {
    const Command* command = table_.resolve(args);
    if (command == nullptr) return;
    const auto first = static_cast<size_t>(command->spec->keys.first);
    if (first == 0 || first >= args.size()) return;
    hashes_[count_] = database_.hash(args[first]);
    database_.prefetch(hashes_[count_++]);
  }
  // All requests have been added.
  void finish() {
    for (size_t i = 0; i < count_; i++) database_.prefetch_entry(hashes_[i]);
  }

 private:
  const CommandTable& table_;
  const store::Database& database_;
  std::array<uint64_t, kMostRequests> hashes_;
  size_t count_ = 0;
};

}  // namespace cowslip::commands
