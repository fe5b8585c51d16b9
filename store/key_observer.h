// Who wants to know that keys change: WATCH, client-side caching, commands that wait for a key.
//
// Problem: they need every change of a key, whoever made it (a command, the expiry, an eviction), and nearly always
// nobody listens. Solution: the database tells of its changes itself, behind one branch that is not taken while the
// list of observers is empty. An observer enters the list when it has something to look for, and leaves it when it has
// not.
//
// What is told is the change of the dataset, not the command: a SET of the value that was there is told, a PERSIST of a
// key without expiry is not. Evacuation moves entries and changes nothing. Event loop only.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "store/entry.h"

namespace cowslip::store {

enum class KeyChange : uint8_t {
  kCreated,  // it was not there, or expired
  kWritten,  // its value is another one, or was set again; of another type, perhaps
  kExpiry,   // only its expiry
  kDeleted,
  kExpired,  // deleted because its time had come
};

struct KeyEvent {
  int database;
  std::string_view key;  // valid during the call
  KeyChange change;
  // As it is now; null when it is gone. Valid during the call. Of a value that is written in place (SETRANGE) the bytes
  // may follow only when the call has returned.
  const Entry* entry;
};

// An observer may look into the keyspace, and must not change it nor look a key up in a way that deletes expired ones
// (use Database::peek()): what has to be done about an event is done after the command.
class KeyObserver {
 public:
  virtual ~KeyObserver() = default;
  virtual void key_changed(const KeyEvent& event) = 0;
  // The database will be emptied next; its keys are still there.
  virtual void before_flush(int database) = 0;
  // One database or all have been emptied. Comes once for both.
  virtual void after_flush() {}
  // Two databases, not the same, will exchange their contents next; or have done so.
  virtual void before_swap(int a, int b) = 0;
  virtual void after_swap(int /*a*/, int /*b*/) {}
};

// The list. While an observer is told something, it may take itself off, and no other one.
class KeyObservers {
 public:
  bool empty() const { return observers_.empty(); }
  // REQUIRES: it is not in the list.
  void add(KeyObserver& observer) {
    assert(std::ranges::find(observers_, &observer) == observers_.end());
    observers_.push_back(&observer);
  }
  void remove(KeyObserver& observer) { std::erase(observers_, &observer); }

  // Calls tell(observer) for each. From the last to the first, so that the one that takes itself off shifts only those
  // that were told before.
  template <typename Tell>
  void tell(Tell&& tell) {
    for (size_t i = observers_.size(); i-- > 0;) tell(*observers_[i]);
  }

 private:
  std::vector<KeyObserver*> observers_;
};

}  // namespace cowslip::store
