// Clients that wait for a key: BLPOP and its like, until somebody writes a key that they can go on with.
//
// A command that finds none of its keys waits: its arguments are copied into the client's session, and the client joins
// the queue of each of its keys. A key is noted as ready when it is written with a type that somebody waits for; what
// becomes of that is decided later, after the command that wrote it (or the whole transaction): take_ready() then
// names one client after the other, in the order in which they came to that key, as long as the key is there with the
// type that the client wants. Its command is run again from the start (Dispatcher::resume), so it takes from the first
// of its keys that has something, and fails where it would fail now.
//
// The registry listens to the keyspace only while somebody waits. It knows sessions, not connections nor time: the
// server ends waits (Dispatcher::end_wait). Event loop only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/key_observer.h"
#include "store/keyspace.h"

namespace cowslip::commands {

struct Command;
struct Session;
class KeyWait;

class KeyWaits final : public store::KeyObserver {
 public:
  static constexpr int64_t kForEver = 0;  // as a deadline

  // `keyspace` outlives the object, which outlives the sessions.
  explicit KeyWaits(store::Keyspace& keyspace);
  ~KeyWaits() override;
  KeyWaits(const KeyWaits&) = delete;
  KeyWaits& operator=(const KeyWaits&) = delete;

  // From now on the session waits for one of the `keys` arguments from `first_key` on to be of `type`, until
  // `deadline_ms` of the monotonic clock. One whose command is run again keeps the deadline that it had.
  // REQUIRES: it is not waiting; it may wait (not inside of a transaction).
  void wait(Session& session, store::ObjectType type, std::span<const std::string_view> args, size_t first_key,
            size_t keys, int64_t deadline_ms);

  // A wait has begun, or a key has become ready, since the last clear_news().
  bool has_news() const { return has_news_; }
  void clear_news() { has_news_ = false; }
  // The next client that can go on, or null. It does not wait any more, but session.wait is still there for
  // Dispatcher::resume(), which has to be called before anything else happens to the session.
  Session* take_ready();

  // ---- figures ----
  size_t clients() const { return clients_; }
  size_t keys() const;  // different ones

  // ---- store::KeyObserver ----
  void key_changed(const store::KeyEvent& event) override;
  void before_flush(int) override {}
  void before_swap(int, int) override {}
  void after_swap(int a, int b) override;

 private:
  friend class KeyWait;

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  struct Place;
  // Who waits for one key, the longest first.
  struct Queue {
    Place* first = nullptr;
    Place* last = nullptr;
    bool ready = false;  // is noted in ready_
  };
  using Keys = std::unordered_map<std::string, Queue, Hash, std::equal_to<>>;
  // One client's place in one queue.
  struct Place {
    KeyWait* wait;
    Keys::value_type* key;
    uint64_t number;  // ascends in the order of coming
    Place* before = nullptr;
    Place* after = nullptr;
  };
  struct ReadyKey {
    int database;
    std::string key;
  };

  Keys& keys_of(int database) { return databases_[static_cast<size_t>(database)]; }
  size_t& waiting_for(store::ObjectType type) { return by_type_[static_cast<size_t>(type)]; }
  void join(KeyWait& wait, std::string_view key);
  void leave(KeyWait& wait);
  void unlink(int database, Place& place);
  void note_ready(int database, Keys::value_type& key);
  // Sets next_ to the queue of the next ready key. False when there is none.
  bool begin_next_key();

  store::Keyspace& keyspace_;
  std::vector<Keys> databases_;
  std::array<size_t, 8> by_type_ = {};  // clients, by the type that they want
  size_t clients_ = 0;
  uint64_t next_number_ = 1;
  bool has_news_ = false;

  // Keys that somebody waited for when they were written, in that order, each once.
  std::deque<ReadyKey> ready_;
  // The queue that take_ready() goes along, from here to the number that was the last when it began: a client whose
  // command waits on comes to the end of the queue, and has to stay there.
  Place* next_ = nullptr;
  uint64_t last_number_ = 0;
};

// A session's wait. Leaves the queues at its end.
class KeyWait {
 public:
  KeyWait(KeyWaits& registry, Session& session, std::span<const std::string_view> args, int64_t deadline_ms);
  ~KeyWait() { leave(); }
  KeyWait(const KeyWait&) = delete;
  KeyWait& operator=(const KeyWait&) = delete;

  // False while its command is run again.
  bool waiting() const { return !places_.empty(); }
  // Of the monotonic clock; KeyWaits::kForEver: none.
  int64_t deadline_ms() const { return deadline_ms_; }
  std::span<const std::string_view> args() const { return args_; }
  size_t memory_bytes() const;
  // Stops waiting.
  void leave();

  // ---- for the dispatcher ----
  const Command* command = nullptr;
  int64_t spent_us = 0;  // on executing it; waiting does not count

 private:
  friend class KeyWaits;

  KeyWaits& registry_;
  Session& session_;
  int64_t deadline_ms_;
  store::ObjectType type_ = store::ObjectType::kString;
  int database_ = 0;
  std::string bytes_;  // the arguments, one behind the other
  std::vector<std::string_view> args_;
  std::vector<KeyWaits::Place> places_;  // does not grow while it is linked
};

}  // namespace cowslip::commands
