#include "commands/key_waits.h"

#include <cassert>
#include <memory>

#include "commands/session.h"

namespace cowslip::commands {

// ---- one client ----

KeyWait::KeyWait(KeyWaits& registry, Session& session, std::span<const std::string_view> args, int64_t deadline_ms)
    : registry_(registry), session_(session), deadline_ms_(deadline_ms) {
  size_t bytes = 0;
  for (const std::string_view argument : args) bytes += argument.size();
  bytes_.reserve(bytes);
  args_.reserve(args.size());
  for (const std::string_view argument : args) {
    args_.emplace_back(bytes_.data() + bytes_.size(), argument.size());
    bytes_ += argument;
  }
}

size_t KeyWait::memory_bytes() const {
  return sizeof *this + bytes_.capacity() + args_.capacity() * sizeof(std::string_view) +
         places_.capacity() * sizeof(places_[0]);
}

void KeyWait::leave() {
  if (waiting()) registry_.leave(*this);
}

// ---- all clients ----

KeyWaits::KeyWaits(store::Keyspace& keyspace)
    : keyspace_(keyspace), databases_(static_cast<size_t>(keyspace.count())) {}

KeyWaits::~KeyWaits() {
  assert(clients_ == 0);
}

size_t KeyWaits::keys() const {
  size_t count = 0;
  for (const Keys& keys : databases_) count += keys.size();
  return count;
}

void KeyWaits::wait(Session& session, store::ObjectType type, std::span<const std::string_view> args, size_t first_key,
                    size_t keys, int64_t deadline_ms) {
  if (session.wait == nullptr) session.wait = std::make_unique<KeyWait>(*this, session, args, deadline_ms);
  KeyWait& wait = *session.wait;
  assert(!wait.waiting());
  wait.type_ = type;
  wait.database_ = session.database;
  wait.places_.reserve(keys);
  for (const std::string_view key : args.subspan(first_key, keys)) join(wait, key);
  waiting_for(type)++;
  if (clients_++ == 0) keyspace_.observers().add(*this);
  has_news_ = true;
}

void KeyWaits::join(KeyWait& wait, std::string_view key) {
  Keys& keys = keys_of(wait.database_);
  auto found = keys.find(key);
  if (found == keys.end()) found = keys.emplace(key, Queue{}).first;
  Queue& queue = found->second;
  if (queue.last != nullptr && queue.last->wait == &wait) return;  // named twice
  Place& place = wait.places_.emplace_back(Place{&wait, &*found, next_number_++, queue.last});
  (queue.last != nullptr ? queue.last->after : queue.first) = &place;
  queue.last = &place;
}

void KeyWaits::leave(KeyWait& wait) {
  for (Place& place : wait.places_) unlink(wait.database_, place);
  wait.places_.clear();
  waiting_for(wait.type_)--;
  if (--clients_ == 0) keyspace_.observers().remove(*this);
}

void KeyWaits::unlink(int database, Place& place) {
  if (next_ == &place) next_ = place.after;
  Queue& queue = place.key->second;
  (place.before != nullptr ? place.before->after : queue.first) = place.after;
  (place.after != nullptr ? place.after->before : queue.last) = place.before;
  if (queue.first == nullptr) {
    Keys& keys = keys_of(database);
    keys.erase(keys.find(place.key->first));
  }
}

// ---- what happens to keys ----

void KeyWaits::key_changed(const store::KeyEvent& event) {
  if (event.change != store::KeyChange::kCreated && event.change != store::KeyChange::kWritten) return;
  if (event.entry == nullptr || waiting_for(event.entry->type()) == 0) return;
  Keys& keys = keys_of(event.database);
  const auto found = keys.find(event.key);
  if (found != keys.end()) note_ready(event.database, *found);
}

void KeyWaits::after_swap(int a, int b) {
  for (const int number : {a, b}) {
    const store::Database& database = std::as_const(keyspace_).database(number);
    for (Keys::value_type& key : keys_of(number)) {
      if (database.peek(key.first) != nullptr) note_ready(number, key);
    }
  }
}

void KeyWaits::note_ready(int database, Keys::value_type& key) {
  if (std::exchange(key.second.ready, true)) return;
  ready_.push_back({database, key.first});
  has_news_ = true;
}

// ---- who can go on ----

bool KeyWaits::begin_next_key() {
  while (!ready_.empty()) {
    const ReadyKey ready = std::move(ready_.front());
    ready_.pop_front();
    Keys& keys = keys_of(ready.database);
    const auto found = keys.find(ready.key);
    if (found == keys.end()) continue;  // nobody waits for it any more
    found->second.ready = false;        // what happens from here on counts anew
    next_ = found->second.first;
    last_number_ = next_number_ - 1;
    return true;
  }
  return false;
}

Session* KeyWaits::take_ready() {
  while (next_ != nullptr || begin_next_key()) {
    Place& place = *next_;
    KeyWait& wait = *place.wait;
    const store::Entry* entry = keyspace_.database(wait.database_).find(place.key->first, store::Lookup::kPeek);
    if (entry == nullptr || place.number > last_number_) {
      next_ = nullptr;
      continue;
    }
    next_ = place.after;
    if (entry->type() != wait.type_) continue;
    leave(wait);
    return &wait.session_;
  }
  return nullptr;
}

}  // namespace cowslip::commands
