// WATCH: which clients want to know whether a key changes before their EXEC.
//
// A key that is there and expires meanwhile has changed, be it found or not. One whose time had passed at the WATCH
// already has not: for the client it was not there, and still is not when somebody finds and deletes it.
//
// The registry listens to the keyspace only while something is watched. Event loop only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/key_observer.h"
#include "store/keyspace.h"

namespace cowslip::commands {

class Watcher;

class WatchedKeys final : public store::KeyObserver {
 public:
  // `keyspace` outlives the object, which outlives its watchers.
  explicit WatchedKeys(store::Keyspace& keyspace);
  ~WatchedKeys() override;
  WatchedKeys(const WatchedKeys&) = delete;
  WatchedKeys& operator=(const WatchedKeys&) = delete;

  // Does nothing for a watcher that is dirty: it can learn nothing more.
  void watch(Watcher& watcher, int database, std::string_view key);
  // Whether a key has changed since it was watched; an expiry that nobody has found yet counts as well.
  bool changed(const Watcher& watcher) const;

  // ---- store::KeyObserver ----
  void key_changed(const store::KeyEvent& event) override;
  void before_flush(int database) override;
  void before_swap(int a, int b) override;

 private:
  friend class Watcher;

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  struct Watch;
  // Of each watched key the first of its watches, which are linked.
  using Keys = std::unordered_map<std::string, Watch*, Hash, std::equal_to<>>;
  struct Watch {
    Watcher* watcher;
    Keys::value_type* key;
    int database;
    bool was_expired;  // for the client the key is not there, although it may be
    Watch* before = nullptr;
    Watch* after = nullptr;
  };

  void unlink(Watch& watch);
  // The watch's key is or was `now`, and becomes `then`; null: nothing. True when that is a change for the client.
  bool notes_change(Watch& watch, const store::Entry* now, const store::Entry* then) const;
  // The keys of `database` will be those of `next`, or none.
  void replace(int database, const store::Database* next);
  bool is_expired(int database, const store::Entry& entry) const;

  store::Keyspace& keyspace_;
  std::vector<Keys> databases_;
  size_t watches_ = 0;
};

// One client's watches. Forgets them at its end.
class Watcher {
 public:
  Watcher() = default;
  ~Watcher() { unwatch(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // A change has been noticed.
  bool dirty() const { return dirty_; }
  size_t size() const { return watches_.size(); }
  size_t memory_bytes() const;
  // Forgets keys and changes.
  void unwatch();

 private:
  friend class WatchedKeys;

  void forget_keys();

  bool dirty_ = false;
  WatchedKeys* registry_ = nullptr;
  std::vector<std::unique_ptr<WatchedKeys::Watch>> watches_;
};

}  // namespace cowslip::commands
