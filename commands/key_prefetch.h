// Brings what requests will look up on its way into the cache before they run.
//
// Problem: with more keys than the cache holds, a lookup waits for memory twice, for the index and for the entry, and
// each wait is longer than the rest of its work. Solution: when several keys are known, first ask for the lines of the
// index that all of them need, then for the entries, and only then look them up: the waits overlap.
//
// KeyPrefetch does so for several requests, KeysAhead for one that has many keys. Nothing is changed, and nothing
// depends on it: a request that turns out to need something else is slower, not wrong. `Store` is store::Database
// except in tests. Event loop only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "commands/command_table.h"
#include "store/keyspace.h"

namespace cowslip::commands {

// From this many keys on, looking up a random one misses the cache.
inline constexpr size_t kKeysWorthPrefetching = 50'000;

// Calls visit(position) for where the keys are among `arguments` arguments, up to `most` of them.
template <typename Visit>
void for_each_key_position(const KeyRange& keys, size_t arguments, size_t most, Visit&& visit) {
  if (keys.first <= 0 || keys.step <= 0) return;
  const auto count = static_cast<int64_t>(arguments);
  const int64_t end = std::min(keys.last < 0 ? count + keys.last + 1 : int64_t{keys.last} + 1, count);
  for (int64_t at = keys.first; at < end && most > 0; at += keys.step, most--) visit(static_cast<size_t>(at));
}

// The lines that some lookups to come need: those of the index with add(), those of the entries with finish().
template <typename Store, size_t kMost>
class LookupBatch {
 public:
  // REQUIRES: called at most kMost times before finish().
  void add(const Store& store, std::string_view key) {
    hashes_[count_] = store.hash(key);
    store.prefetch(hashes_[count_++]);
  }
  void finish(const Store& store) {
    for (size_t i = 0; i < count_; i++) store.prefetch_entry(hashes_[i]);
    count_ = 0;
  }

 private:
  std::array<uint64_t, kMost> hashes_;
  size_t count_ = 0;
};

// For requests to one database that run one after the other: the first few keys of each.
template <typename Store>
class KeyPrefetch {
 public:
  static constexpr size_t kMostRequests = 16;
  static constexpr size_t kMostKeysEach = 4;  // one that has many looks after itself, with KeysAhead

  KeyPrefetch(const CommandTable& table, const Store& store) : table_(table), store_(store) {}

  // REQUIRES: args is not empty; called at most kMostRequests times.
  void add(std::span<const std::string_view> args) {
    const Command* command = table_.resolve(args);
    if (command == nullptr) return;
    for_each_key_position(command->spec->keys, args.size(), kMostKeysEach,
                          [&](size_t at) { lookups_.add(store_, args[at]); });
  }
  // All requests have been added.
  void finish() { lookups_.finish(store_); }

 private:
  const CommandTable& table_;
  const Store& store_;
  LookupBatch<Store, kMostRequests * kMostKeysEach> lookups_;
};

// For a handler that looks up all keys of its request in their order, however many: a batch of them at a time.
//
//   KeysAhead ahead(c.db(), c.args, c.spec.keys.step);
//   for (size_t i = 1; i < c.args.size(); i++) {
//     ahead.reach(i);
//     ... c.db().find(c.args[i]) ...
template <typename Store>
class KeysAhead {
 public:
  static constexpr size_t kAtATime = 16;  // about as many misses as a core can have under way

  // `args`: the request; its keys are every step-th argument from the first on.
  KeysAhead(const Store& store, std::span<const std::string_view> args, int step)
      : store_(store), args_(args), step_(static_cast<size_t>(step)) {
    if (args.size() <= 1 + step_ || store.size() < kKeysWorthPrefetching) next_ = args.size();
  }

  // Before the key at args[position] is looked up, and those behind it.
  void reach(size_t position) {
    if (position >= next_ && next_ < args_.size()) prefetch_batch();
  }

 private:
  void prefetch_batch() {
    LookupBatch<Store, kAtATime> lookups;
    const size_t end = std::min(args_.size(), next_ + kAtATime * step_);
    for (; next_ < end; next_ += step_) lookups.add(store_, args_[next_]);
    lookups.finish(store_);
  }

  const Store& store_;
  std::span<const std::string_view> args_;
  const size_t step_;
  size_t next_ = 1;  // the first key that has not been asked for
};

}  // namespace cowslip::commands
