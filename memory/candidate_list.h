// Slabs and chunks that have room, in the order in which they will be filled.
//
// Problem: at a fork everything that has room becomes taboo at once (a write there would be copied), at the child's end
// it is welcome again, and there may be a hundred thousand of them. Solution: two lists. At the fork all candidates are
// laid aside by one splice, at the end brought back by another. Nothing is written to all but the outermost candidates,
// so where one is follows from when it was offered:
//
//     fork: epoch 8                                     child ends
//     usable:  A B C  ->  (empty) ... D   D B           D B A C
//     aside:              A B C       A B C   A C       (empty)
//                                 D was born           B's chunk was written: offered again
//
// The one offered last is filled first: its lines are in the cache, and sparse ones get time to become empty.
#pragma once

#include <cstdint>

#include "memory/snapshot_epoch.h"

namespace cowslip::memory {

// A link of a circular list; all zero when it is in none.
struct ListNode {
  ListNode* next;
  ListNode* previous;

  bool linked() const { return next != nullptr; }
  void unlink() {
    next->previous = previous;
    previous->next = next;
    next = previous = nullptr;
  }
};

// What is put in a CandidateList begins with this.
struct Candidate : ListNode {
  uint32_t offered_in;  // the epoch; 0 when it was frozen then
};

class ListHead {
 public:
  ListHead() { clear(); }
  ListHead(const ListHead&) = delete;
  ListHead& operator=(const ListHead&) = delete;

  bool empty() const { return head_.next == &head_; }
  ListNode* front() const { return empty() ? nullptr : head_.next; }
  ListNode* after(const ListNode& node) const { return node.next == &head_ ? nullptr : node.next; }
  void push_front(ListNode& node) {
    node.previous = &head_;
    node.next = head_.next;
    head_.next->previous = &node;
    head_.next = &node;
  }
  // Moves all of `other` before what is here.
  void take_all(ListHead& other) {
    if (other.empty()) return;
    other.head_.previous->next = head_.next;
    head_.next->previous = other.head_.previous;
    other.head_.next->previous = &head_;
    head_.next = other.head_.next;
    other.clear();
  }

 private:
  void clear() { head_.next = head_.previous = &head_; }
  ListNode head_;
};

// T is a Candidate. Leaving a list needs no list: unlink().
template <typename T>
class CandidateList {
 public:
  T* front() const { return static_cast<T*>(usable_.front()); }
  T* after(const T& item) const { return static_cast<T*>(usable_.after(item)); }

  // The item has room. Whether it was known before, is laid aside or frozen: afterwards it is where it belongs.
  // `chunk` and `born` are of the chunk that the item is, or is in.
  // `wrote(node)` is told of every candidate that is written to, or list head.
  template <typename Wrote>
  void offer(T& item, const SnapshotEpoch& epoch, size_t chunk, uint32_t born, Wrote&& wrote) {
    if (item.linked()) {
      const bool aside = epoch.child_alive() && item.offered_in < epoch.current();
      if (!aside || epoch.frozen(chunk, born)) return;
      wrote(item.next);
      wrote(item.previous);
      item.unlink();
    }
    const bool frozen = epoch.frozen(chunk, born);
    item.offered_in = frozen ? 0 : epoch.current();
    ListHead& list = frozen ? aside_ : usable_;
    wrote(&item);
    wrote(list.front());
    list.push_front(item);
  }

  void lay_aside() { aside_.take_all(usable_); }
  void bring_back() { usable_.take_all(aside_); }

 private:
  ListHead usable_;
  ListHead aside_;
};

}  // namespace cowslip::memory
